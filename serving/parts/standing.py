"""What the parts about values and segments share: the customers of a question, and where they stand."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Self

import numpy as np
import structlog

from core.arrays import Columns, Floats
from core.errors import ConfigError
from core.files import written
from core.settings import StoreSettings
from features.categories import Attributes, model_columns
from features.store.online import Vector
from serving.explain.clusters import describe
from serving.explain.language import Language, edition
from serving.explain.wording import Writer, make_writers
from serving.scoring.deployment import Ground, ModelInfo
from serving.scoring.part import Reading
from serving.segments.store import SegmentStore
from serving.settings import TextSettings
from training.customer_value.settings import ValueSettings
from training.segments.model import SegmentsModel
from training.segments.names import Names, absent
from training.segments.settings import SegmentSettings
from training.segments.standing import Cuts, Standing, stand

_log = structlog.get_logger(__name__)
#: As many customers are enough to know where cuts lie.
_SAMPLE = 20_000


@dataclass(frozen=True)
class Placed:
    """Customers with data in the online store, aligned with each other.

    Attributes
    ----------
    moments
        That features are at, in seconds since 1970.
    columns
        Features by name, ages in days.
    """

    customers: list[str]
    vectors: list[Vector]
    moments: Floats
    columns: Columns

    @classmethod
    def at(cls, vectors: Mapping[str, Vector], as_of: datetime) -> "Placed":
        """Read the vectors of customers, by id, at a moment; none at a moment before its own."""
        read = list(vectors.values())
        moments = np.array([max(as_of, vector.moment).timestamp() for vector in read])
        # attributes of customers take no part
        columns = model_columns([vector.values for vector in read], moments, Attributes({}, ())) if read else {}
        return cls(list(vectors), read, moments, columns)


class StandingEngine:
    """Where customers stand, by rules that need no model, and their clusters where there is one. Immutable.

    The typical gap of the champion takes the place of that of now, so that a stage changes by what a customer does, and
    not by what others did since yesterday.

    Attributes
    ----------
    champion
        None where no segments model was trained.
    clusters
        By language and label, in words.
    """

    model: ClassVar[str] = SegmentSettings.section
    quick: ClassVar[bool] = True

    def __init__(self, ground: Ground, writers: Mapping[Language, Writer]) -> None:
        self.settings = ground.settings[SegmentSettings]
        loaded = ground.models.loaded(SegmentsModel)
        self.champion = loaded.artifact if loaded is not None else None
        self.info = ModelInfo(loaded.version, _definition(loaded.artifact)) if loaded is not None else None
        cuts = Cuts.learn(everyone_placed(ground).columns, self.settings)
        self.cuts = replace(cuts, typical_gap=self.champion.typical_gap) if self.champion is not None else cuts
        self.writers = writers
        self._segments = SegmentStore(ground.settings[StoreSettings])
        kinds = self.champion.kinds if self.champion is not None else ()
        self.clusters = {language: describe(kinds, writer) for language, writer in writers.items()}
        label = self.info.version.label if self.info is not None else None
        self.identity: Hashable = repr((label, self.settings, self.cuts, sorted(writers.items()), edition()))

    @classmethod
    def sees(cls, ground: Ground) -> Hashable:
        """Look at the champion, the moment of the rows, and the time that names were written."""
        loaded = ground.models.loaded(SegmentsModel)
        label = loaded.version.label if loaded is not None else None
        return label, ground.online.fingerprint, written(ground.settings[TextSettings].names)

    @classmethod
    def build(cls, ground: Ground, before: Self | None) -> Self:
        """Learn the cuts from all customers.

        Raises
        ------
        EncoreError
            If there are no features, or names cannot be read and there were none before.
        """
        return cls(ground, writers_of(ground, before.writers if before else None))

    def version(self) -> int:
        """Return a number that is another one where customers came into segments of rules, or left them.

        Raises
        ------
        StoreError
            If the store of segments cannot be read.
        """
        return self._segments.version()

    def member_of(self, customer: str) -> list[str]:
        """Return the segments of rules that a customer is in, as of their last evaluation.

        Raises
        ------
        StoreError
            If the store of segments cannot be read.
        """
        return self._segments.segments_of(customer)

    def stand(self, placed: "Placed") -> Standing:
        """Say where customers stand."""
        return stand(placed.columns, self.cuts, self.settings)

    def clusters_of(self, placed: "Placed") -> Names:
        """Return the label of each customer's cluster; empty without a cluster."""
        rows = len(placed.customers)
        return absent(rows) if self.champion is None else self.champion.assign(placed.columns, rows)


def _definition(model: SegmentsModel) -> Mapping[str, float | str]:
    return {
        "clusters": len(model.labels),
        "typical_gap_days": round(model.typical_gap, 2),
        "learned_at": f"{model.learned_at:%Y-%m-%d}",
    }


def writers_of(ground: Ground, before: Mapping[Language, Writer] | None) -> Mapping[Language, Writer]:
    """Return a writer for each language; names that cannot be read leave the writers before in their place.

    Raises
    ------
    ConfigError
        If names cannot be read and there are no writers before.
    """
    try:
        return make_writers(ground.settings[TextSettings])
    except ConfigError as error:
        if before is None:
            raise
        _log.warning("names_broken", problem=error.problem)
        return before


def placed_customers(reading: Reading) -> Placed:
    """Return the known customers of a question, with the features that values and standing are computed from.

    Raises
    ------
    StoreError
        If the online store does not answer.
    """
    customers = reading.question.customers
    vectors = reading.deployment.ground.store.online.vectors(ValueSettings.service, customers)
    known = {customer: vector for customer, vector in zip(customers, vectors, strict=True) if vector is not None}
    return Placed.at(known, reading.as_of)


def everyone_placed(ground: Ground) -> Placed:
    """Return the customers at the materialised moment, to learn cuts from; 20,000 where there are more.

    Raises
    ------
    StateError
        If no features have been built for the moment.
    """
    moment = ground.online.as_of
    everyone = ground.store.everyone(ValueSettings.service, moment, _SAMPLE)
    return Placed.at({customer: Vector(moment, values) for customer, values in everyone.items()}, moment)
