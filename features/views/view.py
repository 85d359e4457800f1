"""What a feature view is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import ibis.expr.types as ir

from core.arrays import Columns
from features.contract.events.kind import EventKind
from features.contract.tables import TableName

Entity = Literal["customer", "product"]


@dataclass(frozen=True)
class Inputs:
    """What the expression of a view may read.

    Attributes
    ----------
    snapshots
        One column, `snapshot`: the moments to compute features for.
    sizes
        What each product's package holds; the table of `features.views.sizes.measured`.
    bought
        What each customer bought of each product, which the views of purchases share; see `features.views.purchases`.
    attributes
        Columns of customers that are kept as texts.
    returns
        Returns with their sales, which views of purchases and amounts share; None where the data have none. See
        `features.views.returned`.
    kinds
        The kinds of interactions that the data have, of all customers: no interactions at all is not the same as a
        customer with none.
    """

    transactions: ir.Table
    products: ir.Table
    customers: ir.Table
    interactions: ir.Table
    subscriptions: ir.Table
    snapshots: ir.Table
    sizes: ir.Table
    bought: ir.Table
    returns: ir.Table | None
    attributes: tuple[str, ...]
    kinds: frozenset[str]


@dataclass(frozen=True)
class FeatureView:
    """Features that are computed together, one row per entity and snapshot.

    Attributes
    ----------
    name
        Of the view in Feast, and of its Parquet file below `data/features`.
    group
        Services take whole groups of views: `customer`, numbers of a customer; `purchases`, arrays of what a customer
        bought, and statistics of products.
    tables
        The contract tables it reads.
    expression
        Returns the view's rows: the key of its entity, `snapshot`, and the features.
    kinds
        Kinds of events without any of which in the data the view has no rows; empty for a view of other tables.
    ages
        Features that are the days since a stored moment, by the name of the moment's column.
    countdowns
        The same for days until a moment.
    on_demand
        Returns further features, and those that change with the passing of time, from the others with their ages;
        computed by the same code in training and serving.
    snapshots_at_once
        Snapshots that are computed in one query: enough to share a scan, few enough to stay in memory.
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
    snapshots_at_once: int = 8

    @property
    def key(self) -> str:
        """The column that names its entity."""
        return f"{self.entity}_id"

    def rows(self, inputs: Inputs) -> ir.Table:
        """Return the expression, without rows where the data have nothing of its kinds."""
        rows = self.expression(inputs)
        names = {kind.name for kind in self.kinds}
        return rows.limit(0) if names and not names & inputs.kinds else rows
