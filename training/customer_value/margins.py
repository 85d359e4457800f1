"""The margin of customers: what is known from costs, then by category, then one share for all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np

from core.arrays import Floats
from core.settings import Settings, StoreSettings
from core.sql import engine, quoted, relation, timestamp
from features.contract.events.interactions import CONTACT
from features.contract.tables import TableName, table_path
from training.customer_value.money import Assumptions, Facts
from training.customer_value.settings import ValueSettings

#: Names that a message lists.
_SHOWN = 12


@dataclass(frozen=True)
class Margins:
    """The margin of the order lines without a known cost, as it was when the lines were read.

    Attributes
    ----------
    typical
        Over the lines of all customers.
    own
        By customer with such a line. Empty where no category has a margin of its own: all have the typical one then.
    """

    typical: float
    own: Mapping[str, float]

    def of(self, customers: Sequence[str]) -> Floats:
        """Return the margin of each customer; a customer without such lines has the typical one."""
        return np.array([self.own.get(customer, self.typical) for customer in customers], dtype="float64")


def margin_share(total: Floats, known: Floats, cost: Floats, uncosted: Floats) -> Floats:
    """Return the share of an amount that is earned: from costs where they are known, else by the share configured.

    (known - cost + (total - known) x uncosted) / total. It is below 0 where goods cost more than was paid.

    Parameters
    ----------
    total
        Net amount of all order lines.
    known, cost
        The features `margin_amount_known` and `margin_cost`; NaN where no cost is known.
    uncosted
        The share of the rest, of `Margins.of`; also that of a customer who has bought nothing.
    """
    priced, costs = np.nan_to_num(known), np.nan_to_num(cost)
    rest = np.maximum(total - priced, 0.0)
    earned = priced - costs + rest * uncosted
    whole = priced + rest
    return np.where(whole > 0, earned / np.where(whole > 0, whole, 1.0), uncosted)


def read_margins(settings: Settings, as_of: datetime) -> Margins:
    """Read the margin of the lines without a cost, from the contract tables as they were known at a moment.

    The shares of categories are configured, and no feature has them: features are made again where what they depend on
    changes. How a customer's amount spreads over categories changes slowly, so that it is read once a materialisation;
    an event changes amounts and costs at once, and these shares at the next one.
    """
    value = settings[ValueSettings]
    plain = Assumptions.of(value).margin
    if not value.margins:
        return Margins(plain, {})
    own = ", ".join(f"({quoted(name)}, {share}::DOUBLE)" for name, share in sorted(value.margins.items()))
    query = (
        f"WITH margins(category, own) AS (VALUES {own}) "
        f"SELECT customer_id, sum(amount * coalesce(own, {plain})), sum(amount) "
        f"FROM ({_lines(settings, as_of)}) LEFT JOIN margins USING (category) "
        "WHERE cost IS NULL AND amount > 0 GROUP BY customer_id"
    )
    with engine(settings) as con:
        rows = con.execute(query).fetchall()
    earned, amount = sum(row[1] for row in rows), sum(row[2] for row in rows)
    return Margins(earned / amount if amount else plain, {row[0]: row[1] / row[2] for row in rows})


def read_facts(settings: Settings, as_of: datetime, *, risk_known: bool) -> Facts:
    """Read what the data know about money at a moment.

    Parameters
    ----------
    risk_known
        Whether there is a churn model.
    """
    stores = settings[StoreSettings]
    names: tuple[TableName, ...] = ("customers", "interactions", "subscriptions", "transactions")
    customers, interactions, contracts, lines = (relation(table_path(stores, name)) for name in names)
    with engine(settings) as con:
        known = _number(
            con, f"SELECT sum(amount) FILTER (cost IS NOT NULL) / sum(amount) FROM ({_lines(settings, as_of)})"
        )
        channels = _number(con, f"SELECT avg((acquisition_channel IS NOT NULL)::INT) FROM {customers}")
        contacts = _number(con, f"SELECT count(*) FILTER (kind = {quoted(CONTACT.name)}) FROM {interactions}")
        bought, contracted = (_number(con, f"SELECT count(*) FROM {table}") for table in (lines, contracts))
    return Facts(known, contacts > 0, channels, risk_known, contracts=contracted > 0 and not bought)


def _number(con: duckdb.DuckDBPyConnection, query: str) -> float:
    return float(con.execute(query).fetchall()[0][0] or 0.0)


def _lines(settings: Settings, as_of: datetime) -> str:
    """Return a query of the purchases that are known at a moment, as they were sold, with their category and cost."""
    stores = settings[StoreSettings]
    lines, products = (relation(table_path(stores, name)) for name in ("transactions", "products"))
    moment = f"({timestamp(as_of)} AT TIME ZONE 'UTC')"
    return (
        "SELECT customer_id, category, amount, coalesce(cost, quantity * unit_cost) AS cost "
        f"FROM {lines} LEFT JOIN (SELECT product_id, category, unit_cost FROM {products}) USING (product_id) "
        f"WHERE quantity > 0 AND event_timestamp < {moment} AND created_timestamp <= {moment} "
        f"AND (replaced_timestamp IS NULL OR replaced_timestamp > {moment})"
    )


def unknown_names(settings: Settings) -> list[str]:
    """Name the categories and channels of `[value]` that the data do not have, each with those that they have.

    Their shares and costs count for nobody, most often because a name is written in another way.
    """
    value, stores = settings[ValueSettings], settings[StoreSettings]
    asked: tuple[tuple[str, Mapping[str, float], TableName, str], ...] = (
        ("value.margins", value.margins, "products", "category"),
        ("value.acquisition_costs", value.acquisition_costs, "customers", "acquisition_channel"),
    )
    found: list[str] = []
    with engine(settings) as con:
        for key, names, table, column in asked:
            query = f"SELECT DISTINCT {column} FROM {relation(table_path(stores, table))} WHERE {column} IS NOT NULL"
            there = sorted(str(row[0]) for row in con.execute(query).fetchall()) if names else []
            listed = ", ".join(there[:_SHOWN]) or "none"
            found += [
                f"{key}: expected names of `{table}.{column}`, which are {listed}; found {name!r}"
                for name in sorted(names.keys() - set(there))
            ]
    return found
