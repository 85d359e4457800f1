"""What became of the customers of campaigns: in the days after their assignment, and in as many days before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from core.arrays import Columns, Floats, Rows
from core.settings import Settings, StoreSettings
from core.sql import engine, quoted, relation
from features.contract.tables import TableName
from features.engine.completeness import complete_until, last_rows
from features.engine.duckdb import connect, contract_file, read_sources
from features.engine.labelled import data_range, ingested_at
from features.settings import TimeSettings
from features.snapshots import resolve_as_of
from training.effects.bought import Sales
from training.effects.given import MEASURES, Measure, Names, read_given

__all__ = ["MEASURES", "Assigned", "Measure", "Outcomes", "read_assigned", "read_outcomes"]

_TEXTS = ("customer_id", "campaign_id", "arm", "intended", "channel")


@dataclass(frozen=True)
class Assigned:
    """Customers in campaigns: one place per assignment in every array, ordered by campaign and customer.

    Attributes
    ----------
    arms
        The name of an action, or `features.contract.assigned.HOLDOUT`.
    intended
        The action that a policy had chosen for the customer; "" where the arms were drawn for everybody alike.
    channels
        "" where none is known.
    moments
        Of the assignment, in UTC, to the microsecond.
    propensity
        The probability of the arm that the customer is in; NaN where it is unknown.
    cost
        Of the contact; NaN where it is unknown.
    """

    customers: Names
    campaigns: Names
    arms: Names
    intended: Names
    channels: Names
    moments: npt.NDArray[np.datetime64]
    propensity: Floats
    cost: Floats

    def rows(self, mask: Rows) -> "Assigned":
        """Return some places."""
        return Assigned(*(getattr(self, one.name)[mask] for one in fields(self)))

    def __len__(self) -> int:
        return len(self.customers)


@dataclass(frozen=True)
class Outcomes:
    """What became of assigned customers: one place per assignment, in the order of `Assigned`.

    Attributes
    ----------
    known
        Whether the window [assigned, assigned + days) is over in the data, or an outcome was given.
    values
        By measure; NaN where it is not known. `retained` is 1 or 0, money is in the currency of the data.
    before
        The same measures over [assigned - days, assigned); empty where nothing is sold.
    """

    known: npt.NDArray[np.bool_]
    values: Mapping[Measure, Floats]
    before: Mapping[Measure, Floats]


def read_assigned(settings: Settings, campaigns: Sequence[str] | None = None) -> Assigned:
    """Read which customers were assigned to campaigns.

    Parameters
    ----------
    campaigns
        None reads all of them.

    Raises
    ------
    StateError
        If nothing was ingested yet.
    """
    file = relation(contract_file(settings[StoreSettings], "assignments"))
    listed = "true" if campaigns is None else f"campaign_id IN ({', '.join(map(quoted, campaigns)) or 'NULL'})"
    texts = ", ".join(f"coalesce({name}, '') AS {name}" for name in _TEXTS)
    query = (
        f"SELECT {texts}, make_timestamp(epoch_us(assigned_timestamp)) AS moment, "
        f"propensity, cost FROM {file} WHERE {listed} ORDER BY campaign_id, customer_id"
    )
    with engine(settings) as con:
        found = con.execute(query).to_arrow_table()
    columns = {name: found[name].to_numpy().astype(object) for name in _TEXTS}
    return Assigned(
        customers=columns["customer_id"],
        campaigns=columns["campaign_id"],
        arms=columns["arm"],
        intended=columns["intended"],
        channels=columns["channel"],
        moments=found["moment"].to_numpy().astype("datetime64[us]"),
        propensity=found["propensity"].to_numpy().astype("float64"),
        cost=found["cost"].to_numpy().astype("float64"),
    )


def read_outcomes(settings: Settings, assigned: Assigned, days: int, margin: float | None = None) -> Outcomes:
    """Measure what became of assigned customers in [assigned, assigned + days).

    Orders, revenue and margin are those of `training.effects.bought`; retained is who bought at least once. Where
    nothing is sold, retained is who has a contract that runs at the end of the window: it started before that, and does
    not end before it. A window is known when order lines (else contracts) reach past its end.

    A row of `outcomes` wins over that, measure by measure, whether the window is over or not. Where it does not say who
    was retained, these are the customers with an order or some revenue.

    Parameters
    ----------
    margin
        The share of an amount that is earned where the cost of the goods is not known. None leaves it unknown, and the
        margin of all customers with it: those who buy nothing would have one, and the others none.

    Raises
    ------
    StateError
        If nothing was ingested yet.
    """
    table, complete = completeness(settings)
    ends = assigned.moments + np.timedelta64(days, "D")
    known = ends <= complete
    values: dict[Measure, Floats] = {name: np.full(len(assigned), np.nan) for name in MEASURES}
    before: dict[Measure, Floats] = {}
    if table == "transactions":
        con = connect(settings)
        sales = Sales.of(con, read_sources(con, settings[StoreSettings]), margin)
        before = _measures(sales.before(assigned.customers, assigned.moments, days))
        after = _measures(sales.after(assigned.customers, assigned.moments, days))
        values = {name: np.where(known, after[name], np.nan) for name in MEASURES}
    elif table == "subscriptions":
        values["retained"] = np.where(known, _running(settings, assigned.customers, ends), np.nan)
    given = read_given(settings, assigned.customers, assigned.campaigns, margin)
    for name in MEASURES:
        values[name] = np.where(np.isnan(given[name]), values[name], given[name])
    return Outcomes(known | ~np.isnan(np.vstack(list(given.values()))).all(axis=0), values, before)


def _measures(sums: Columns) -> dict[Measure, Floats]:
    margin = np.full_like(sums["margin"], np.nan) if np.isnan(sums["margin"]).any() else sums["margin"]
    retained = (sums["orders"] > 0).astype("float64")
    return {"retained": retained, "orders": sums["orders"], "revenue": sums["revenue"], "margin": margin}


def completeness(settings: Settings) -> tuple[TableName | None, np.datetime64]:
    """Return the table that says what became of customers, None where there is none, and until when it is complete."""
    # data cannot say anything about moments after they were ingested
    ingested = ingested_at(settings)
    last = last_rows(settings, ingested)
    as_of = resolve_as_of(settings[TimeSettings], data_range(settings).last, ingested)
    for table, complete in complete_until(last, as_of).items():
        return table, np.datetime64(complete.replace(tzinfo=None))
    return None, np.datetime64(0, "us")


def _running(settings: Settings, customers: Names, ends: npt.NDArray[np.datetime64]) -> Floats:
    """Return 1 for each customer with a contract that runs at the end of a window, else 0."""
    asked = pa.table({"place": np.arange(len(ends)), "customer_id": pa.array(customers, pa.string()), "ends": ends})
    contracts = relation(contract_file(settings[StoreSettings], "subscriptions"))
    with engine(settings) as con:
        con.register("asked", asked)
        query = (
            f"SELECT DISTINCT place FROM asked JOIN {contracts} USING (customer_id) "
            "WHERE epoch_us(start_timestamp) < epoch_us(ends) "
            "AND (end_timestamp IS NULL OR epoch_us(end_timestamp) >= epoch_us(ends))"
        )
        places = con.execute(query).fetchnumpy()["place"]
    running = np.zeros(len(ends))
    running[places] = 1.0
    return running
