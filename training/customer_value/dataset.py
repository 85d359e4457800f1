"""The point-in-time training set of value: what was bought after a snapshot, joined with `value_v1` as known at it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.arrays import Columns, Floats, Rows
from core.errors import DataError
from core.settings import Settings, StoreSettings
from features.categories import Attributes, Categories, model_columns
from features.engine.duckdb import connect, read_sources
from features.engine.inputs import snapshot_table
from features.engine.portions import learners, learning_share
from features.settings import CustomerSettings
from features.store.feature_store import Store
from training.customer_value.labels import known_customers, spent_after
from training.customer_value.settings import ValueSettings
from training.readiness.fitness import MIN_CUSTOMERS

#: Read by other parts of an answer: the money behind an amount, and the lifecycle stage.
NO_INPUTS = ("cycle_", "margin_")
#: Consent decides who gets offers, and is no reason to spend; the others are keys.
_NO_FEATURES = ["customer_id", "event_timestamp", "marketing_consent"]


@dataclass(frozen=True)
class ValueSet:
    """One row per snapshot t and customer with a purchase before t, ordered by snapshot and customer.

    Attributes
    ----------
    columns
        Features by name, ages in days.
    spent
        The amount of order lines with a quantity above 0 in [t, t + horizon).
    orders
        How many orders they are of.
    next_days
        Days from t until the first of them; NaN where there is none, so that the next order is later than is followed.
    categories
        None: attributes of customers are not read.
    """

    customers: npt.NDArray[np.object_]
    snapshots: npt.NDArray[np.datetime64]
    columns: Columns
    spent: Floats
    orders: Floats
    next_days: Floats
    categories: Categories = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.spent)

    @property
    def moments(self) -> tuple[datetime, ...]:
        """The snapshots of its rows, in ascending order."""
        seconds = np.unique(self.snapshots).astype("datetime64[s]").astype("int64")
        return tuple(datetime.fromtimestamp(second, tz=UTC) for second in seconds.tolist())

    @property
    def newest(self) -> "ValueSet":
        """The rows of the last snapshot."""
        return self.rows(self.snapshots == self.snapshots.max()) if len(self) else self

    def at(self, snapshots: Sequence[datetime]) -> "ValueSet":
        """Return the rows of some snapshots."""
        wanted = np.array([moment.astimezone(UTC).replace(tzinfo=None) for moment in snapshots], dtype="datetime64[us]")
        return self.rows(np.isin(self.snapshots, wanted))

    def rows(self, mask: Rows) -> "ValueSet":
        """Return some rows."""
        return ValueSet(
            customers=self.customers[mask],
            snapshots=self.snapshots[mask],
            columns={name: values[mask] for name, values in self.columns.items()},
            spent=self.spent[mask],
            orders=self.orders[mask],
            next_days=self.next_days[mask],
        )

    def check(self, name: str) -> None:
        """Refuse rows that are too few to learn from or to measure on.

        Raises
        ------
        DataError
            If they are of fewer than 100 customers, or nobody bought anything after any of the snapshots.
        """
        customers = len(set(self.customers))
        if customers < MIN_CUSTOMERS:
            raise DataError(
                f"Expected at least {MIN_CUSTOMERS} customers with a purchase before the {name} snapshots, found "
                f"{customers}: a model of fewer could not be trusted.",
                "Supply more customers; `encore check-data` lists what is missing.",
            )
        if not self.spent.sum() > 0:
            raise DataError(
                f"Expected purchases within the horizon of the {name} snapshots, found an amount of 0.",
                "Choose a longer value.horizon_days, map transactions.amount, or supply newer data.",
            )


def value_set(settings: Settings, store: Store, snapshots: Sequence[datetime]) -> ValueSet:
    """Join what was bought after each snapshot with the features of its customers point in time."""
    con = connect(settings)
    whole = read_sources(con, settings[StoreSettings])
    sources = learners(whole, learning_share(con, whole, settings[CustomerSettings].max_training_customers))
    moments = snapshot_table(snapshots)
    known = known_customers(sources, moments)
    bought = spent_after(sources, moments, settings[ValueSettings].horizon_days)
    labelled: pd.DataFrame = con.to_pandas(known.left_join(bought, ["customer_id", "snapshot"]))
    labelled = labelled[["customer_id", "snapshot", "spent", "orders", "next_days"]]
    labelled = labelled.sort_values(["snapshot", "customer_id"], ignore_index=True)
    entities = labelled.rename(columns={"snapshot": "event_timestamp"})[["customer_id", "event_timestamp"]]
    frame = store.point_in_time(ValueSettings.service, entities)
    at = labelled["snapshot"].dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
    seconds = at.astype("datetime64[s]").astype("float64")
    return ValueSet(
        customers=labelled["customer_id"].to_numpy(dtype=object),
        snapshots=at,
        columns=model_columns(frame.drop(columns=_NO_FEATURES, errors="ignore"), seconds, Attributes()),
        spent=labelled["spent"].fillna(0.0).to_numpy(dtype="float64"),
        orders=labelled["orders"].fillna(0).to_numpy(dtype="float64"),
        next_days=labelled["next_days"].to_numpy(dtype="float64", na_value=np.nan),
    )


def usable_features(train: ValueSet) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns that a model can learn from, and those that it cannot.

    A column that is missing in every row, or that has one value only, cannot exist for this data. The season cannot be
    distinguished from the passing of time by less than a year of snapshots.
    """
    short = train.snapshots.max() - train.snapshots.min() < np.timedelta64(365, "D") if len(train) else True
    usable: list[str] = []
    left_out: list[str] = []
    for name in sorted(name for name in train.columns if not name.startswith(NO_INPUTS)):
        known = train.columns[name][~np.isnan(train.columns[name])]
        learnable = len(known) and known.min() < known.max() and not (short and name.startswith("season_"))
        (usable if learnable else left_out).append(name)
    return tuple(usable), tuple(left_out)
