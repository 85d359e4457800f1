"""The contract tables: the names and types that every input is mapped to.

Optional columns are always there after ingestion, filled with nulls where the source has none, so that
everything downstream has one schema; what is wholly null is left out of the models, by name, in their log.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from core.settings import StoreSettings

TableName = Literal[
    "transactions", "products", "customers", "interactions", "subscriptions", "assignments", "outcomes", "labels"
]
Type = Literal[
    "VARCHAR",
    "TIMESTAMPTZ",
    "DOUBLE",
    "DATE",
    "BOOLEAN",
    "STRUCT(until_timestamp TIMESTAMPTZ, end_timestamp TIMESTAMPTZ, price DOUBLE)[]",
]


@dataclass(frozen=True)
class Column:
    """A contract column.

    Attributes
    ----------
    type
        Its DuckDB type.
    required
        Whether every row must have a value.
    derived
        Whether Encore alone fills it; no column of a source is ever mapped to it.
    is_probability
        Whether a value lies in (0, 1].
    """

    name: str
    type: Type
    required: bool = False
    derived: bool = False
    is_probability: bool = False

    @property
    def is_id(self) -> bool:
        """Whether it names something, and has one canonical form (`features.contract.ids`)."""
        return self.name.endswith("_id")


@dataclass(frozen=True)
class Table:
    """A contract table.

    Attributes
    ----------
    grain
        What one row represents.
    key
        Columns that name a row; empty where rows have no identity (two equal order lines are two lines).
    same_event
        Columns by which an event and an exported row are known to be the same; the exported row is kept then. Empty
        for tables that take no rows of events.
    extra
        Whether further source columns are kept, as attributes.
    completed
        Whether rows of one key complete each other, so that the last known value of each column stays. Else the last
        row stays as it is.
    """

    name: TableName
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    same_event: tuple[str, ...] = ()
    extra: bool = False
    completed: bool = False

    @property
    def created(self) -> str | None:
        """The column that says when a row was written; None for tables whose rows do not say."""
        return _CREATED.name if _CREATED in self.columns else None

    @property
    def happened(self) -> str | None:
        """The column that says when it happened, which is when a row counts as written that does not say.

        None for tables of what is so now.
        """
        names = {column.name for column in self.columns}
        return next((name for name in _HAPPENED if name in names), None)

    @property
    def mapped(self) -> tuple[Column, ...]:
        """The columns that a source can have."""
        return tuple(column for column in self.columns if not column.derived)


def _required(name: str, kind: Type = "VARCHAR") -> Column:
    return Column(name, kind, required=True)


#: When a row became known. Rows without one count as known when they happened.
_CREATED = Column("created_timestamp", "TIMESTAMPTZ")
#: The columns that say when something happened, of which a table has one at most.
_HAPPENED = ("event_timestamp", "start_timestamp", "assigned_timestamp")
#: The event that reported a row; null for rows of exports.
EVENT_ID = Column("event_id", "VARCHAR", derived=True)
#: When a later version of the order took the place of the line, which counts in [created_timestamp, this); null where
#: none did.
REPLACED = Column("replaced_timestamp", "TIMESTAMPTZ", derived=True)

CONTRACT: dict[TableName, Table] = {
    table.name: table
    for table in (
        Table(
            "transactions",
            "order line",
            (
                _required("customer_id"),
                _required("order_id"),
                _required("product_id"),
                _required("event_timestamp", "TIMESTAMPTZ"),
                _required("quantity", "DOUBLE"),
                _required("amount", "DOUBLE"),
                Column("discount", "DOUBLE"),
                Column("coupon_discount", "DOUBLE"),
                # what the goods of the line cost the business
                Column("cost", "DOUBLE"),
                Column("store_id", "VARCHAR"),
                Column("channel", "VARCHAR"),
                Column("line_id", "VARCHAR"),
                _CREATED,
                EVENT_ID,
                REPLACED,
            ),
            same_event=("customer_id", "order_id"),
        ),
        Table(
            "products",
            "product",
            (
                _required("product_id"),
                Column("name", "VARCHAR"),
                Column("department", "VARCHAR"),
                Column("category", "VARCHAR"),
                Column("type", "VARCHAR"),
                Column("brand", "VARCHAR"),
                Column("brand_tier", "VARCHAR"),
                Column("size", "VARCHAR"),
                Column("unit_price", "DOUBLE"),
                Column("unit_cost", "DOUBLE"),
                Column("active", "BOOLEAN"),
                Column("introduced_timestamp", "TIMESTAMPTZ"),
            ),
            key=("product_id",),
            completed=True,
        ),
        Table(
            "customers",
            "customer",
            (
                _required("customer_id"),
                Column("signup_timestamp", "TIMESTAMPTZ"),
                Column("birth_date", "DATE"),
                Column("acquisition_channel", "VARCHAR"),
                Column("marketing_consent", "BOOLEAN"),
                # since when the attributes are known as they are; empty: they always were
                Column("known_since_timestamp", "TIMESTAMPTZ"),
            ),
            key=("customer_id",),
            extra=True,
            completed=True,
        ),
        Table(
            "interactions",
            "contact or event",
            (
                _required("customer_id"),
                _required("event_timestamp", "TIMESTAMPTZ"),
                _required("kind"),
                Column("campaign_id", "VARCHAR"),
                Column("product_id", "VARCHAR"),
                Column("order_id", "VARCHAR"),
                Column("channel", "VARCHAR"),
                Column("value", "DOUBLE"),
                _CREATED,
            ),
            same_event=("customer_id", "kind", "event_timestamp"),
        ),
        Table(
            "subscriptions",
            "contract period",
            (
                _required("customer_id"),
                _required("start_timestamp", "TIMESTAMPTZ"),
                # empty: it runs on
                Column("end_timestamp", "TIMESTAMPTZ"),
                Column("contract_id", "VARCHAR"),
                Column("plan", "VARCHAR"),
                Column("price", "DOUBLE"),
                Column("cancelled_timestamp", "TIMESTAMPTZ"),
                # when the end became known as it is now; filled by `features.ingest.contracts` where a source is silent
                Column("end_known_timestamp", "TIMESTAMPTZ"),
                # what was known before, the earliest first: each until a moment
                Column(
                    "earlier_terms",
                    "STRUCT(until_timestamp TIMESTAMPTZ, end_timestamp TIMESTAMPTZ, price DOUBLE)[]",
                    derived=True,
                ),
                _CREATED,
            ),
            key=("customer_id", "start_timestamp"),
            same_event=("customer_id", "start_timestamp"),
        ),
        Table(
            "assignments",
            "customer in a campaign",
            (
                _required("customer_id"),
                _required("campaign_id"),
                _required("assigned_timestamp", "TIMESTAMPTZ"),
                # the name of an action, or `features.contract.assigned.HOLDOUT`
                _required("arm"),
                # the action that was chosen, where chance then kept some customers as holdout; empty: arms were drawn
                Column("intended", "VARCHAR"),
                Column("channel", "VARCHAR"),
                Column("offer", "VARCHAR"),
                # of the contact
                Column("cost", "DOUBLE"),
                # of this arm for this customer
                Column("propensity", "DOUBLE", is_probability=True),
            ),
            key=("customer_id", "campaign_id"),
        ),
        Table(
            "outcomes",
            "customer and campaign, as somebody else has measured it",
            (
                _required("customer_id"),
                # empty: the customer's first campaign
                Column("campaign_id", "VARCHAR"),
                Column("retained", "BOOLEAN"),
                Column("orders", "DOUBLE"),
                Column("revenue", "DOUBLE"),
                Column("margin", "DOUBLE"),
            ),
            key=("customer_id", "campaign_id"),
        ),
        Table(
            "labels",
            "customer and snapshot, with the business's own label",
            (
                _required("customer_id"),
                _required("churned", "BOOLEAN"),
                Column("snapshot", "TIMESTAMPTZ"),
            ),
            key=("customer_id", "snapshot"),
        ),
    )
}


#: A key of all columns of the source.
EVERYTHING = ("*",)

#: The tables whose rows belong to a customer.
CUSTOMER_TABLES: tuple[TableName, ...] = tuple(
    name for name, table in CONTRACT.items() if "customer_id" in {column.name for column in table.columns}
)


#: The tables that features are made of; the others are what models learn.
FEATURE_TABLES: tuple[TableName, ...] = ("transactions", "products", "customers", "interactions", "subscriptions")


#: The tables that take rows of events.
EVENT_TABLES: tuple[TableName, ...] = tuple(name for name, table in CONTRACT.items() if table.same_event)


#: An end that lies further ahead than this is none: 9999-12-31 and the like say that a contract runs on.
_FAR = timedelta(days=20 * 365.25)


def runs_on_from(now: datetime) -> datetime:
    """Return the moment after which an end of a contract says that the contract runs on."""
    return now + _FAR


def contract_directory(stores: StoreSettings) -> Path:
    """Return the folder of the contract tables."""
    return (stores.shared or stores.data) / "contract"


def table_path(stores: StoreSettings, name: TableName) -> Path:
    """Return the Parquet file of a contract table."""
    return contract_directory(stores) / f"{name}.parquet"
