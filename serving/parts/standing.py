"""What the parts about values and segments share: the customers of a question, and where they stand."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Self

import numpy as np
import structlog

from core.arrays import Columns
from core.errors import ConfigError
from core.files import written
from features.categories import model_columns
from features.store.online import Vector
from serving.explain.language import Language, edition
from serving.explain.wording import Writer, make_writers
from serving.parts.population import NO_ATTRIBUTES, read_population
from serving.scoring.deployment import Ground, ModelInfo
from serving.scoring.part import Reading
from serving.settings import TextSettings
from training.customer_value.settings import ValueSettings
from training.segments.settings import SegmentSettings
from training.segments.standing import Cuts, Standing, stand

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Placed:
    """Customers with data in the online store, aligned with each other.

    Attributes
    ----------
    columns
        Features by name, ages in days.
    """

    customers: list[str]
    vectors: list[Vector]
    columns: Columns


class StandingEngine:
    """Where customers stand, by rules that need no model. Immutable."""

    model: ClassVar[str] = SegmentSettings.section
    quick: ClassVar[bool] = True
    info: ModelInfo | None = None

    def __init__(self, ground: Ground, writers: Mapping[Language, Writer]) -> None:
        self.settings = ground.settings[SegmentSettings]
        self.cuts = Cuts.learn(read_population(ground), self.settings)
        self.writers = writers
        self.identity: Hashable = repr((self.settings, self.cuts, sorted(writers.items()), edition()))

    @classmethod
    def sees(cls, ground: Ground) -> Hashable:
        """Look at the moment of the rows, and the time that names were written."""
        return ground.online.fingerprint, written(ground.settings[TextSettings].names)

    @classmethod
    def build(cls, ground: Ground, before: Self | None) -> Self:
        """Learn the cuts from all customers.

        Raises
        ------
        EncoreError
            If there are no features, or names cannot be read and there were none before.
        """
        return cls(ground, writers_of(ground, before.writers if before else None))

    def stand(self, placed: "Placed") -> Standing:
        """Say where customers stand."""
        return stand(placed.columns, self.cuts, self.settings)


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
    return read_placed(reading.deployment.ground, reading.question.customers, reading.as_of)


def read_placed(ground: Ground, customers: Sequence[str], as_of: datetime) -> Placed:
    """Read the known ones of some customers, in the order asked for; none at a moment before their features'."""
    vectors = ground.store.online.vectors(ValueSettings.service, customers)
    known = [(customer, vector) for customer, vector in zip(customers, vectors, strict=True) if vector is not None]
    if not known:
        return Placed([], [], {})
    moments = np.array([max(as_of, vector.moment).timestamp() for _, vector in known])
    columns = model_columns([vector.values for _, vector in known], moments, NO_ATTRIBUTES)
    return Placed([customer for customer, _ in known], [vector for _, vector in known], columns)
