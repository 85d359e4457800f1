"""The champions, loaded from the registry. One that cannot be loaded never takes the place of one that works."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Generic, TypeVar

import numpy as np
import structlog

from core.errors import StateError
from features.store.feature_store import Store
from serving.settings import ExperimentSettings
from training.churn.model import ChurnModel
from training.lifecycle.tracking import CHALLENGER, CHAMPION, CHURN_MODEL, NEXT_PRODUCT_MODEL, Tracking, Version
from training.next_product.catalogue import STATISTICS
from training.next_product.model import NextProductModel
from training.next_product.settings import NextProductSettings

_Model = TypeVar("_Model", ChurnModel, NextProductModel)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Versions:
    """What answers: the champions, and the next-product challenger where an experiment shows its lists."""

    churn: Version | None
    next_product: Version | None
    challenger: Version | None

    @property
    def labels(self) -> tuple[str, ...]:
        """Names and versions of all of them."""
        return tuple(one.label for one in (self.churn, self.next_product, self.challenger) if one is not None)


@dataclass(frozen=True)
class Loaded(Generic[_Model]):
    """A model with the version it was registered as."""

    artifact: _Model
    version: Version


@dataclass(frozen=True)
class Models:
    """The models that answer, on the product statistics of a moment; None for one that is missing."""

    churn: Loaded[ChurnModel] | None
    next_product: Loaded[NextProductModel] | None
    challenged: Loaded[NextProductModel] | None
    as_of: datetime

    def loaded(self, kind: type[_Model]) -> Loaded[_Model] | None:
        """Return the champion of a kind of model."""
        found: Any = self.churn if kind is ChurnModel else self.next_product
        return found  # type: ignore[no-any-return]

    def challenger(self, kind: type[_Model]) -> Loaded[_Model] | None:
        """Return the challenger of a kind of model, where an experiment shows it."""
        found: Any = self.challenged if kind is NextProductModel else None
        return found  # type: ignore[no-any-return]

    @property
    def labels(self) -> tuple[str, ...]:
        """Names and versions of all of them, as `Versions` names them."""
        return tuple(one.version.label for one in (self.churn, self.next_product, self.challenged) if one is not None)

    @property
    def versions(self) -> tuple[Version, ...]:
        """The champions."""
        return tuple(one.version for one in (self.churn, self.next_product) if one is not None)


def find_versions(tracking: Tracking, experiment: ExperimentSettings, *, sells: bool) -> Versions:
    """Look up the versions that answer.

    Parameters
    ----------
    sells
        Whether the data have order lines, so that there is a next product.

    Raises
    ------
    StateError
        If no model has a champion, or the experiment no challenger.
    """
    churn = tracking.find(CHURN_MODEL)
    following = tracking.find(NEXT_PRODUCT_MODEL) if sells else None
    if churn is None and following is None:
        raise StateError(
            f"No version of {CHURN_MODEL} carries the alias {CHAMPION!r}.", "Run `encore train churn` first."
        )
    challenger = None
    if following is not None and experiment.name is not None and experiment.other == "challenger":
        challenger = tracking.find(NEXT_PRODUCT_MODEL, CHALLENGER)
        if challenger is None:
            raise StateError(
                f'experiment.other = "challenger", and no version of {NEXT_PRODUCT_MODEL} is one.',
                "Run `encore train next-product --no-promote`, or set experiment.other to baseline.",
            )
    return Versions(churn, following, challenger)


def find_labels(tracking: Tracking, experiment: ExperimentSettings, *, sells: bool) -> tuple[str, ...]:
    """Return the labels that the versions of `find_versions` have; asks far less."""
    wanted = [(CHURN_MODEL, CHAMPION)]
    if sells:
        wanted.append((NEXT_PRODUCT_MODEL, CHAMPION))
        if experiment.name is not None and experiment.other == "challenger":
            wanted.append((NEXT_PRODUCT_MODEL, CHALLENGER))
    return tuple(label for name, alias in wanted if (label := tracking.label_of(name, alias)) is not None)


def load_models(
    tracking: Tracking, versions: Versions, store: Store, as_of: datetime, before: Models | None = None
) -> Models:
    """Load some versions, for the moment of the online store's rows.

    Parameters
    ----------
    before
        What answers now. A version that cannot be loaded, for whatever reason, leaves the one before in its place,
        or nothing.
    """
    day = _statistics_of(store, as_of)

    def churn(version: Version) -> ChurnModel:
        model = tracking.load(version, ChurnModel)
        model.contributions(np.full((1, len(model.features)), np.nan))  # warm, and sound
        return model

    def following(version: Version) -> NextProductModel:
        return day(tracking.load(version, NextProductModel))

    old = before or Models(None, None, None, as_of)
    kept = (old.next_product, old.challenged)
    if old.as_of != as_of:  # yesterday's models on today's statistics
        kept = _on(day, old.next_product), _on(day, old.challenged)
    found = Models(
        _load(churn, versions.churn, old.churn),
        _load(following, versions.next_product, kept[0]),
        _load(following, versions.challenger, kept[1]),
        as_of,
    )
    return old if _parts(found) == _parts(old) and old.as_of == as_of else found


def _parts(models: Models) -> list[int]:
    return [id(one) for one in (models.churn, models.next_product, models.challenged)]


def _load(
    load: Callable[[Version], _Model], version: Version | None, before: Loaded[_Model] | None
) -> Loaded[_Model] | None:
    if version is None:
        return None
    if before is not None and before.version.label == version.label:
        return before
    try:
        return Loaded(load(version), version)
    except Exception as error:
        kept = before.version.label if before else None
        _tell_broken(version.label, kept, f"{type(error).__name__}: {error}"[:300])
        return before


@cache
def _tell_broken(model: str, kept: str | None, problem: str) -> None:
    """Log what is wrong with a model, once however often it is tried."""
    _log.error("model_broken", model=model, kept=kept, problem=problem)


def _on(
    day: Callable[[NextProductModel], NextProductModel], before: Loaded[NextProductModel] | None
) -> Loaded[NextProductModel] | None:
    return Loaded(day(before.artifact), before.version) if before else None


def _statistics_of(store: Store, as_of: datetime) -> Callable[[NextProductModel], NextProductModel]:
    """Return what gives a model's catalogue the product statistics that the online store holds."""

    def day(model: NextProductModel) -> NextProductModel:
        rows = store.online.rows(NextProductSettings.service, "product_id", [str(i) for i in model.catalogue.ids])
        statistics = {
            name: np.array([np.nan if value is None else value for value in rows.values[name]], dtype="float64")
            for name in STATISTICS
        }
        return model.on_day(statistics, as_of)

    return day
