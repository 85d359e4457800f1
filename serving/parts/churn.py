"""What the parts about churn share: the champion, its tiers and playbook, and the customers of a question."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import ClassVar, Self

import numpy as np
import structlog

from core.arrays import Columns, Floats
from core.errors import EncoreError
from core.files import written
from core.settings import Settings
from features.store.online import Vector
from serving.explain.contributions import explain
from serving.explain.language import Language, edition
from serving.explain.meaning import Meaning
from serving.explain.playbook import Playbook, load_playbook
from serving.explain.reasons import Reason, write_reasons
from serving.explain.tiers import AnyTier, make_tiers
from serving.explain.wording import Writer, make_writers
from serving.scoring.deployment import Ground, ModelInfo, NoModelError
from serving.scoring.part import Reading
from serving.settings import ServingSettings, TextSettings
from training.churn.definition import check_definition
from training.churn.model import ChurnModel
from training.churn.settings import ChurnSettings
from training.lifecycle.version import Version

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Known:
    """Customers with data in the online store, and the model's inputs, aligned with each other.

    Attributes
    ----------
    columns
        Features by name, ages in days.
    active
        Whether the churn of each is asked about, by the churn definition.
    present
        Whether each is a customer still: of those whose churn is not asked about, the contract runs on.
    new
        Whether each has bought once.
    """

    customers: list[str]
    vectors: list[Vector]
    columns: Columns
    inputs: Floats
    active: list[bool]
    present: list[bool]
    new: list[bool]


@dataclass(frozen=True)
class Wording:
    """What sentences and actions are written with."""

    playbook: Playbook
    writers: Mapping[Language, Writer]

    @classmethod
    def load(cls, settings: Settings) -> Self:
        """Read the playbook and the names.

        Raises
        ------
        ConfigError
            If one of them cannot be read.
        """
        return cls(load_playbook(settings[ServingSettings].playbook), make_writers(settings[TextSettings]))


class ChurnEngine:
    """The churn champion, with what its answers depend on. Immutable."""

    model: ClassVar[str] = ChurnSettings.section
    quick: ClassVar[bool] = True

    def __init__(self, ground: Ground, model: ChurnModel, version: Version, wording: Wording) -> None:
        settings = ground.settings
        check_definition(version.label, model.definition, settings[ChurnSettings])
        self.info = ModelInfo(version, asdict(model.definition))
        self.champion = model
        self.tiers = make_tiers(settings, ground.store, model, ground.online.as_of, order_only=version.order_only)
        self.playbook, self.writers = wording.playbook, wording.writers
        self.meaning = Meaning(model.definition, model.typical_risk, version.order_only)
        texts = self.playbook, sorted(self.writers.items()), edition()
        self.identity: Hashable = repr((version.label, settings[ChurnSettings], self.tiers, texts))
        self._store = ground.store

    @classmethod
    def sees(cls, ground: Ground) -> Hashable:
        """Look at the champion, the moment of the rows, and the times that playbook and names were written."""
        loaded = ground.models.loaded(ChurnModel)
        settings = ground.settings
        files = written(settings[ServingSettings].playbook, settings[TextSettings].names)
        return loaded.version.label if loaded else None, ground.online.fingerprint, files

    @classmethod
    def build(cls, ground: Ground, before: Self | None) -> Self:
        """Load what answers about churn. A playbook and names that cannot be read leave those before in their place.

        Raises
        ------
        NoModelError
            If there is no champion.
        EncoreError
            If it has another churn definition than the settings, or the playbook or the names cannot be read and there
            were none before.
        """
        loaded = ground.models.loaded(ChurnModel)
        if loaded is None:
            raise NoModelError.of(cls.model)
        try:
            wording = Wording.load(ground.settings)
        except EncoreError as error:
            if before is None:
                raise
            _log.warning("wording_broken", problem=error.problem)
            wording = Wording(before.playbook, before.writers)
        return cls(ground, loaded.artifact, loaded.version, wording)

    def read(self, customers: Sequence[str], as_of: datetime) -> Known:
        """Read the known ones of some customers, in the order asked for; see `know`.

        Raises
        ------
        StoreError
            If the online store does not answer.
        """
        vectors = self._store.online.vectors(ChurnSettings.service, customers)
        found = zip(customers, vectors, strict=True)
        return self.know({customer: vector for customer, vector in found if vector is not None}, as_of)

    def know(self, known: Mapping[str, Vector], as_of: datetime) -> Known:
        """Take customers by their features, in order; none at a moment before their features'."""
        if not known:
            return Known([], [], {}, np.zeros((0, len(self.champion.features))), [], [], [])
        moments = np.array([max(as_of, vector.moment).timestamp() for vector in known.values()])
        columns = self.champion.columns([vector.values for vector in known.values()], moments)
        inputs = self.champion.inputs(columns, len(known))
        definition = self.champion.definition
        return Known(
            customers=list(known),
            vectors=list(known.values()),
            columns=columns,
            inputs=inputs,
            active=definition.active(columns).tolist(),
            present=definition.present(columns).tolist(),
            new=definition.new(columns).tolist(),
        )


def engine_of(reading: Reading) -> ChurnEngine:
    """Return the engine that answers a question."""
    return reading.deployment.engine(ChurnEngine)


def known_customers(reading: Reading) -> Known:
    """Return the known customers of a question."""
    return engine_of(reading).read(reading.question.customers, reading.as_of)


def writer_of(reading: Reading) -> Writer:
    """Return who writes in the language of a question."""
    return engine_of(reading).writers[reading.question.language]


def reasons_of(reading: Reading) -> list[list[Reason]]:
    """Return the reasons of each known customer, in both directions; none of those whose churn is not asked about."""
    known, engine, writer = reading.once(known_customers), engine_of(reading), writer_of(reading)
    if not known.customers:
        return []
    explained = explain(engine.champion, known.inputs, known.columns)
    actionable = engine.playbook.actionable
    return [
        write_reasons(one, writer, actionable) if active else []
        for one, active in zip(explained, known.active, strict=True)
    ]


def risks(reading: Reading) -> list[tuple[float | None, AnyTier]]:
    """Return risk and tier of each known customer.

    Customers with one purchase have a risk, which is about that of all new customers, and the tier `new`. Those whose
    churn is not asked about have no risk: `not_due` where the contract runs on, else `inactive`.
    """
    known, engine = reading.once(known_customers), engine_of(reading)
    if not known.customers:
        return []
    everyone = zip(engine.champion.risk(known.inputs).tolist(), known.active, known.present, known.new, strict=True)
    answers: list[tuple[float | None, AnyTier]] = []
    for risk, active, present, new in everyone:
        if active:
            answers.append((risk, "new" if new else engine.tiers.of(risk)))
        else:
            answers.append((None, "not_due" if present else "inactive"))
    return answers
