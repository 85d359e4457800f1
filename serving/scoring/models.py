"""The champions, loaded from the registry. A version that cannot be loaded never replaces one that works."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Generic

import structlog

from core.errors import StateError
from features.services import ModelSettings
from features.store.feature_store import Store
from serving.settings import ExperimentSettings
from training.lifecycle.tracking import CHALLENGER, CHAMPION, Tracking
from training.lifecycle.version import Version
from training.model import A
from training.names import registered_name_of
from training.registry import MODELS, Registered

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Versions:
    """The registered versions that answer, by the name of their model.

    Attributes
    ----------
    champions
        In the order of the registry.
    challengers
        Of the model of an experiment that shows the challenger's answers; empty where it has none.
    """

    champions: Mapping[str, Version]
    challengers: Mapping[str, Version] = field(default_factory=dict)


@dataclass(frozen=True)
class Loaded(Generic[A]):
    """A fitted model with the version it was registered as."""

    artifact: A
    version: Version


@dataclass(frozen=True)
class Models:
    """The models that answer, prepared for a moment; those that are missing are left out.

    Attributes
    ----------
    champions, challengers
        By the name of their model.
    """

    champions: Mapping[str, Loaded[Any]]
    challengers: Mapping[str, Loaded[Any]]
    as_of: datetime

    def loaded(self, kind: type[A]) -> Loaded[A] | None:
        """Return the champion that is a fitted model of a kind."""
        return _of_kind(self.champions, kind)

    def challenger(self, kind: type[A]) -> Loaded[A] | None:
        """Return the challenger that is a fitted model of a kind."""
        return _of_kind(self.challengers, kind)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names and versions of all of them, as `find_labels` names them."""
        return tuple(one.version.label for one in (*self.champions.values(), *self.challengers.values()))

    @property
    def grades(self) -> dict[str, str | None]:
        """The grade of each of them with its caveat, by name and version."""
        every = (*self.champions.values(), *self.challengers.values())
        return {one.version.label: one.version.shown_grade for one in every}


def _of_kind(models: Mapping[str, Loaded[Any]], kind: type[A]) -> Loaded[A] | None:
    for one in models.values():
        if isinstance(one.artifact, kind):
            return one
    return None


def find_versions(tracking: Tracking, experiment: ExperimentSettings, *, sells: bool) -> Versions:
    """Look up the versions that answer.

    Parameters
    ----------
    sells
        Whether the data have order lines; without them, models of sales do not answer.

    Raises
    ------
    StateError
        If no model has a champion.
    """
    champions = {}
    for registered in MODELS:
        version = tracking.find(registered.registered_name) if _answers(registered, sells=sells) else None
        if version is not None:
            champions[registered.name] = version
    if not champions:
        commands = " or ".join(f"`encore train {registered.command}`" for registered in MODELS)
        raise StateError(f"No registered model carries the alias {CHAMPION!r}.", f"Run {commands} first.")
    challenged = _challenged(experiment)
    if challenged is None or challenged.section not in champions:
        return Versions(champions)
    challenger = tracking.find(registered_name_of(challenged.section), CHALLENGER)
    return Versions(champions, {challenged.section: challenger} if challenger is not None else {})


def find_labels(tracking: Tracking, experiment: ExperimentSettings, *, sells: bool) -> tuple[str, ...]:
    """Return the labels of the versions that `find_versions` finds, with far fewer requests."""
    wanted = [(model.registered_name, CHAMPION) for model in MODELS if _answers(model, sells=sells)]
    challenged = _challenged(experiment)
    if challenged is not None:
        challenger = registered_name_of(challenged.section)
        if (challenger, CHAMPION) in wanted:
            wanted.append((challenger, CHALLENGER))
    labels = (tracking.label_of(name, alias) for name, alias in wanted)
    return tuple(label for label in labels if label is not None)


def _answers(registered: Registered, *, sells: bool) -> bool:
    return sells or not registered.settings().windows.needs_sales


def _challenged(experiment: ExperimentSettings) -> type[ModelSettings] | None:
    """Return the model whose challenger answers in the experiment, if one does."""
    return experiment.model if experiment.name is not None and experiment.other == "challenger" else None


def load_models(
    tracking: Tracking, versions: Versions, store: Store, as_of: datetime, before: Models | None = None
) -> Models:
    """Load versions, and prepare them for the moment of the online store's rows.

    Parameters
    ----------
    before
        The models that answer now. A version that cannot be loaded, for whatever reason, leaves the one before in its
        place, or nothing.
    """
    old = before or Models({}, {}, as_of)
    load = _Loader(tracking, store, as_of, same_day=old.as_of == as_of)
    models = Models(
        champions=load.every(versions.champions, old.champions),
        challengers=load.every(versions.challengers, old.challengers),
        as_of=as_of,
    )
    return old if before is not None and _same(models, old) else models


def _same(models: Models, others: Models) -> bool:
    """Return whether both hold the very same models for the same moment."""
    parts = ((models.champions, others.champions), (models.challengers, others.challengers))
    return models.as_of == others.as_of and all(
        list(one) == list(other) and all(one[name] is other[name] for name in one) for one, other in parts
    )


@dataclass(frozen=True)
class _Loader:
    """Loads versions for a moment.

    Attributes
    ----------
    same_day
        Whether models that were loaded before are prepared for this moment already.
    """

    tracking: Tracking
    store: Store
    as_of: datetime
    same_day: bool

    def every(self, versions: Mapping[str, Version], before: Mapping[str, Loaded[Any]]) -> dict[str, Loaded[Any]]:
        """Load versions by the name of their model; a broken one without one before is left out."""
        models = {}
        for registered in MODELS:
            if registered.name in versions:
                kept = self._kept(before.get(registered.name))
                loaded = self._load(registered.load_artifact(), versions[registered.name], kept)
                if loaded is not None:
                    models[registered.name] = loaded
        return models

    def _kept(self, before: Loaded[A] | None) -> Loaded[A] | None:
        """Return the model of before, prepared for today where it was loaded on another day."""
        if before is None or self.same_day:
            return before
        return Loaded(before.artifact.prepared(self.store, self.as_of), before.version)

    def _load(self, kind: type[A], version: Version, before: Loaded[A] | None) -> Loaded[A] | None:
        if before is not None and before.version.label == version.label:
            return before
        try:
            artifact = self.tracking.load(version, kind)
            return Loaded(artifact.prepared(self.store, self.as_of), version)
        except Exception as error:
            kept = before.version.label if before else None
            _log_broken(version.label, kept, f"{type(error).__name__}: {error}"[:300])
            return before


@cache
def _log_broken(model: str, kept: str | None, problem: str) -> None:
    """Log that a version cannot be loaded, once for every problem."""
    _log.error("model_broken", model=model, kept=kept, problem=problem)
