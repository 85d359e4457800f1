"""What answers at a time: loaded models, stores, and the engines that parts of answers are computed by. Immutable."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Protocol, Self, TypeVar

import structlog

from core.errors import DataError, EncoreError, StateError
from core.settings import Settings
from core.stamps import fingerprint
from features.settings import TimeSettings
from features.store.feature_store import Store
from features.store.materialized import Online
from serving.scoring.models import Models
from training.lifecycle.version import Version

_log = structlog.get_logger(__name__)


class NoModelError(DataError):
    """There is no model to answer with."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem, remedy)

    @classmethod
    def of(cls, model: str) -> "NoModelError":
        """Say that a model has no champion, by its name."""
        return cls(
            f"There is no {model.replace('_', ' ')} model to answer with.",
            f"Ingest what it is learned from, and run `encore train {model.replace('_', '-')}`.",
        )


@dataclass(frozen=True)
class ModelInfo:
    """A version that answers.

    Attributes
    ----------
    definition
        What it predicts, for example the churn definition.
    """

    version: Version
    definition: Mapping[str, Any]


@dataclass(frozen=True)
class Ground:
    """What engines are built from."""

    settings: Settings
    store: Store
    models: Models
    online: Online

    def is_same(self, other: "Ground") -> bool:
        """Tell whether nothing was loaded between this and another."""
        return self.store is other.store and self.models is other.models and self.online == other.online


class Engine(Protocol):
    """What the parts of one model share: built when something is loaded, not for each question.

    Attributes
    ----------
    model
        Name of the model, which is that of its section of the configuration.
    quick
        Whether one customer takes about a millisecond, so that an event loop may wait for it.
    info
        The version that answers, and what it predicts; None where rules answer that need no model.
    identity
        Names all that answers depend on besides the customer and the materialisation.
    """

    model: ClassVar[str]
    quick: ClassVar[bool]
    identity: Hashable

    @property
    def info(self) -> ModelInfo | None: ...  # noqa: D102 - see the attributes of the class

    @classmethod
    def sees(cls, ground: Ground) -> Hashable:
        """Return what decides what is built, quickly; an engine is built again where it has changed."""
        ...

    @classmethod
    def build(cls, ground: Ground, before: Self | None) -> Self:
        """Build an engine.

        Parameters
        ----------
        before
            The one that answers now, whose settings files may be used where new ones are broken.

        Raises
        ------
        NoModelError
            If there is no model.
        EncoreError
            If the model does not fit the settings, or something is missing.
        """
        ...


E = TypeVar("E", bound=Engine)


@dataclass(frozen=True)
class _Built:
    """An engine, or why there is none."""

    sees: Hashable
    engine: Engine | None
    error: EncoreError | None


class Deployment:
    """Answers come from one of these; a new champion or materialisation makes another, which takes over as a whole."""

    def __init__(self, ground: Ground, built: Mapping[type[Engine], _Built]) -> None:
        self.ground = ground
        self._built = built
        self._made_by = {
            kind: fingerprint(ground.online.fingerprint, one.engine.identity)
            for kind, one in built.items()
            if one.engine is not None
        }

    @classmethod
    def load(cls, ground: Ground, kinds: Iterable[type[Engine]], before: "Deployment | None") -> "Deployment":
        """Build the engines whose inputs have changed; the others stay.

        Raises
        ------
        StateError
            If no engine can answer.
        """
        built: dict[type[Engine], _Built] = {}
        for kind in kinds:
            old = before._built.get(kind) if before else None
            sees = kind.sees(ground)
            same_store = before is not None and before.ground.store is ground.store
            built[kind] = old if old and same_store and old.sees == sees else _build(kind, sees, ground, old)
        if before is not None and before.ground.is_same(ground) and before._built == built:
            return before
        if not any(one.engine for one in built.values()):
            raise StateError(*_problem([one.error for one in built.values() if one.error]))
        return cls(ground, built)

    def engine(self, kind: type[E]) -> E:
        """Return an engine.

        Raises
        ------
        EncoreError
            If there is none; the error says why.
        """
        built = self._built[kind]
        if built.error is not None:
            raise built.error
        assert isinstance(built.engine, kind)  # noqa: S101 - built by its own class
        return built.engine

    def error(self, kind: type[Engine]) -> EncoreError | None:
        """Return why there is no engine; None where there is one."""
        return self._built[kind].error

    def made_by(self, kind: type[Engine], *helpers: type[Engine]) -> str:
        """Name all that answers of an engine, which there is, depend on besides the customer; and of its helpers."""
        return "+".join((self._made_by[kind], *(self._made_by.get(helper, "") for helper in helpers)))

    @cached_property
    def models(self) -> dict[str, ModelInfo]:
        """The versions that answer, by name of the model."""
        # of two engines of a model the one that says what it predicts counts
        infos = [(kind.model, one.engine.info) for kind, one in self._built.items() if one.engine is not None]
        return {model: info for model, info in infos if info is not None}

    @property
    def labels(self) -> tuple[str, ...]:
        """Names and versions of every model that is loaded, challengers of experiments among them."""
        return self.ground.models.labels

    def as_of(self, now: datetime) -> datetime:
        """Return the moment to answer for: the clock, or what was materialised where the data do not advance.

        Never before what was materialised, even where the clock is.
        """
        materialized = self.ground.online.as_of
        return max(now, materialized) if self.ground.settings[TimeSettings].as_of == "now" else materialized

    def check(self) -> None:
        """Ask the online store for an answer.

        Raises
        ------
        StoreError
            If it gives none.
        """
        self.ground.store.check()


def _build(kind: type[Engine], sees: Hashable, ground: Ground, old: _Built | None) -> _Built:
    before = old.engine if old else None
    try:
        return _Built(sees, kind.build(ground, before), None)
    except EncoreError as error:
        if not isinstance(error, NoModelError):
            _log.warning("not_loaded", model=kind.model, problem=error.problem)
        return _Built(sees, None, error)


def _problem(errors: list[EncoreError]) -> tuple[str, str]:
    """Say what keeps every engine from answering."""
    first = next((error for error in errors if not isinstance(error, NoModelError)), errors[0])
    return first.problem, first.remedy
