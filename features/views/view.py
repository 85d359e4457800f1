"""What a feature view is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import ibis.expr.types as ir

from core.arrays import Columns
from features.contract.events.kind import EventKind
from features.contract.tables import TableName
from features.spans.base import Inputs

Entity = Literal["customer", "product"]


@dataclass(frozen=True, eq=False)
class FeatureView:
    """Features that are computed together, one row per entity and snapshot.

    Attributes
    ----------
    name
        Of the view in Feast, and of its Parquet file below `data/features`.
    group
        Services take whole groups of views: `customer`, numbers of a customer; `purchases`, arrays of what a customer
        bought, and statistics of products; `standing`, numbers that say where a customer stands; `worth`, money that
        is earned.
    tables
        The contract tables it reads.
    expression
        Returns the view's rows: the key of its entity, `position`, the number of the snapshot, and the features.
    kinds
        Kinds of events without any of which in the data the view has no rows; empty for a view of other tables.
    ages
        Features that are the days since a stored moment, by the name of the moment's column.
    countdowns
        The same for days until a moment.
    on_demand
        Returns further features, and those that change with the passing of time, from the others with their ages;
        computed by the same code in training and serving.
    folded_by
        Columns by which a customer's rows are put in order before they become one row of arrays, descending after a
        minus; empty for a view of one row per entity and snapshot.
    one_at_a_time
        Whether snapshots are computed one by one: rows of many at once would not fit into memory.
    texts
        Features that are texts of a contract column, by its name, which engines may compute with as numbers.
    costs
        Whether it reads what products cost, which changes more often than what they are.
    """

    name: str
    entity: Entity
    group: str
    tables: tuple[TableName, ...]
    expression: Callable[[Inputs], ir.Table]
    kinds: tuple[EventKind, ...] = ()
    ages: Mapping[str, str] = field(default_factory=dict)
    countdowns: Mapping[str, str] = field(default_factory=dict)
    on_demand: Callable[[Columns], Columns] | None = None
    folded_by: tuple[str, ...] = ()
    one_at_a_time: bool = False
    texts: Mapping[str, str] = field(default_factory=dict)
    costs: bool = False

    @property
    def key(self) -> str:
        """The column that names its entity."""
        return f"{self.entity}_id"

    def has_kinds(self, kinds: frozenset[str]) -> bool:
        """Return whether data with these kinds of interactions have anything for the view."""
        return not self.kinds or any(kind.name in kinds for kind in self.kinds)

    def rows(self, inputs: Inputs) -> ir.Table:
        """Return the expression, without rows where the data have nothing of its kinds."""
        rows = self.expression(inputs)
        return rows if self.has_kinds(inputs.base.kinds) else rows.limit(0)
