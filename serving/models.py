"""The champions, loaded once from the registry."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from features.config import ExperimentSettings
from features.definitions import NEXT_PRODUCT_SERVICE
from features.errors import StateError
from features.store import Store
from training.churn.model import ChurnModel
from training.churn.pipeline import CHURN_MODEL, load_churn
from training.next_product.catalogue import STATISTICS
from training.next_product.model import NextProductModel
from training.next_product.pipeline import NEXT_PRODUCT_MODEL, load_next_product
from training.tracking import CHALLENGER, Tracking, Version


@dataclass(frozen=True)
class Versions:
    """What answers: the champions, and the next-product challenger where an experiment shows its lists.

    Without order lines there is no next product.
    """

    churn: Version
    next_product: Version | None
    challenger: Version | None

    @property
    def labels(self) -> tuple[str, ...]:
        """Names and versions of all of them."""
        return tuple(one.label for one in (self.churn, self.next_product, self.challenger) if one is not None)


@dataclass(frozen=True)
class Models:
    """The models with the versions they were registered as."""

    churn: ChurnModel
    churn_version: Version
    next_product: NextProductModel | None
    next_product_version: Version | None
    challenger: tuple[NextProductModel, Version] | None

    @property
    def versions(self) -> tuple[Version, ...]:
        """The champions."""
        return tuple(one for one in (self.churn_version, self.next_product_version) if one is not None)


def find_versions(tracking: Tracking, experiment: ExperimentSettings, *, sells: bool) -> Versions:
    """Look up the versions that answer.

    Parameters
    ----------
    sells
        Whether the data have order lines, so that there is a next product.

    Raises
    ------
    StateError
        If a model has no champion, or the experiment no challenger.
    """
    churn = tracking.champion(CHURN_MODEL)
    if not sells:
        return Versions(churn, None, None)
    challenger = None
    if experiment.name is not None and experiment.other == "challenger":
        challenger = tracking.find(NEXT_PRODUCT_MODEL, CHALLENGER)
        if challenger is None:
            raise StateError(
                f'experiment.other = "challenger", and no version of {NEXT_PRODUCT_MODEL} is one.',
                "Run `encore train next-product --no-promote`, or set experiment.other to baseline.",
            )
    return Versions(churn, tracking.champion(NEXT_PRODUCT_MODEL), challenger)


def load_models(tracking: Tracking, versions: Versions, store: Store, as_of: datetime) -> Models:
    """Load some versions, for the moment of the online store's rows.

    Raises
    ------
    StoreError
        If the registry or the online store does not answer.
    """
    following, challenger = versions.next_product, versions.challenger
    return Models(
        load_churn(tracking, versions.churn),
        versions.churn,
        _next_product(tracking, following, store, as_of) if following is not None else None,
        following,
        (_next_product(tracking, challenger, store, as_of), challenger) if challenger is not None else None,
    )


def _next_product(tracking: Tracking, version: Version, store: Store, as_of: datetime) -> NextProductModel:
    """Load a version, and give its catalogue the product statistics that the online store holds."""
    following = load_next_product(tracking, version)
    rows = store.online(NEXT_PRODUCT_SERVICE, "product_id", [str(i) for i in following.catalogue.ids])
    statistics = {
        name: np.array([np.nan if value is None else value for value in rows.values[name]], dtype="float64")
        for name in STATISTICS
    }
    return following.on_day(statistics, as_of)
