"""`encore check-data`: everything that is worth knowing before a model is trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from features.config import ChurnSettings, Settings
from features.contract import CONTRACT, contract_directory, table_path
from features.errors import DataError
from features.ingest.segments import InputTotals, inputs_from
from features.quality.facts import SalesFacts, TableFacts, sales_facts, table_facts
from features.quality.fitness import Finding, Fitness, at_least, within
from features.quality.limits import (
    CHURN_RATES,
    FEW_CUSTOMERS,
    MIN_CUSTOMERS,
    MIN_OUTCOMES,
    MIN_PRODUCTS,
    USUAL_CHURN_RATES,
)
from features.quality.silence import Silence, measure_silence
from features.snapshots import make_schedule, resolve_as_of
from features.sources import event_range
from features.state import read_stamp

_DAY = timedelta(days=1)
#: Moments at which a churn definition is tried out.
_TRIES = 3


@dataclass(frozen=True)
class Trial:
    """What a churn definition would mean, on average of the latest moments whose labels are known.

    Attributes
    ----------
    active
        Customers who bought in the activity window.
    churn_rate
        Share of them who bought nothing in the horizon.
    come_back
        Share of customers silent for as long as the activity window who ever come back.
    """

    name: str
    window_days: int
    horizon_days: int
    active: float
    churn_rate: float
    come_back: float


@dataclass(frozen=True)
class Checked:
    """What was found.

    Attributes
    ----------
    first, last
        Moments of the first and the last event.
    cleaning
        What became of the rows of each input.
    silence
        None where nothing is sold.
    trials
        The definition in force, then the recommended one where it is another.
    """

    first: datetime
    last: datetime
    as_of: datetime
    tables: tuple[TableFacts, ...]
    cleaning: tuple[InputTotals, ...]
    sales: SalesFacts | None
    silence: Silence | None
    trials: tuple[Trial, ...]
    fitness: tuple[Fitness, ...]


def check_data(settings: Settings, now: datetime) -> Checked:
    """Count what is in the contract tables, and judge what it is fit for.

    Raises
    ------
    StateError
        If nothing was ingested yet.
    """
    first, last, sells = event_range(settings.stores)
    as_of = resolve_as_of(settings, last, now)
    files = {name: table_path(settings.stores, name) for name in CONTRACT}
    lines, products = (f"read_parquet('{files[name]}')" for name in ("transactions", "products"))
    with duckdb.connect() as con:
        con.execute(f"SET memory_limit = '{settings.stores.memory_limit}'")
        con.execute(f"SET threads = {settings.threads}")
        con.execute("SET TimeZone = 'UTC'")
        tables = tuple(table_facts(con, name, file) for name, file in files.items())
        sales = sales_facts(con, lines, products) if sells else None
        silence = measure_silence(con, lines, as_of) if sells else None
        trials = tuple(_trials(con, lines, settings.churn, silence, first, as_of)) if silence else ()
        fitness = [_churn(con, settings, tables, trials, first, as_of, sells=sells)]
        if sales is not None:
            fitness.append(_next_product(con, settings, sales, lines, first, as_of))
    stamp = read_stamp(contract_directory(settings.stores))
    return Checked(first, last, as_of, tables, inputs_from(stamp), sales, silence, trials, tuple(fitness))


def _trials(
    con: duckdb.DuckDBPyConnection,
    lines: str,
    churn: ChurnSettings,
    silence: Silence,
    first: datetime,
    as_of: datetime,
) -> Sequence[Trial]:
    definitions = {"in force": (churn.activity_window_days, churn.horizon_days)}
    if (silence.window, silence.horizon) != definitions["in force"]:
        definitions["recommended"] = silence.window, silence.horizon
    tried = [_try(con, lines, name, *days, first, as_of) for name, days in definitions.items()]
    return [
        Trial(name, *definitions[name], active, rate, silence.come_back(definitions[name][0]))
        for name, active, rate in tried
        if active
    ]


def _try(
    con: duckdb.DuckDBPyConnection, lines: str, name: str, window: int, horizon: int, first: datetime, as_of: datetime
) -> tuple[str, float, float]:
    """Return how many customers are active, and the share of them who churn."""
    moments = [as_of - (horizon + step * max(horizon, 7)) * _DAY for step in range(_TRIES)]
    moments = [moment for moment in moments if moment - window * _DAY >= first]
    counts = []
    for moment in moments:
        query = f"""
        SELECT count(*), sum((NOT stayed)::INT) FROM (
          SELECT bool_or(event_timestamp < $t) AS active, bool_or(event_timestamp >= $t) AS stayed FROM {lines}
          WHERE quantity > 0 AND event_timestamp >= $start AND event_timestamp < $end GROUP BY customer_id)
        WHERE active
        """
        given = {"t": moment, "start": moment - window * _DAY, "end": moment + horizon * _DAY}
        counts.append(con.execute(query, given).fetchall()[0])
    active = sum(count for count, _ in counts)
    churned = sum(int(gone or 0) for _, gone in counts)
    return name, active / max(len(counts), 1), churned / active if active else 0.0


def _churn(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    tables: Sequence[TableFacts],
    trials: Sequence[Trial],
    first: datetime,
    as_of: datetime,
    *,
    sells: bool,
) -> Fitness:
    churn = settings.churn
    contracts = next(table for table in tables if table.name == "subscriptions")
    if churn.kind == "contractual" or not sells:
        found = [_contracts(contracts, settings)]
        active, rate = float(contracts.customers or 0), _lapsed(con, settings, as_of)
    elif not trials or trials[0].name != "in force":
        return Fitness("churn", (_history(settings, first, as_of), Finding("unfit", "Nobody was active", _WAIT)))
    else:
        found = []
        active, rate = trials[0].active, trials[0].churn_rate
    found += [
        at_least(active, MIN_CUSTOMERS, FEW_CUSTOMERS, f"{active:,.0f} customers are active at a time", _MORE),
        _history(settings, first, as_of),
        within(rate, CHURN_RATES, USUAL_CHURN_RATES, f"{rate:.1%} of them churn", _OTHER_DEFINITION),
    ]
    fewer = min(rate, 1 - rate) * active
    found.append(
        at_least(fewer, MIN_OUTCOMES / 4, MIN_OUTCOMES, f"{fewer:,.0f} customers of the rarer outcome at a time", _MORE)
    )
    return Fitness("churn", (*found, *_schedule(settings, first, as_of, sells=sells)))


_MORE = "Ingest more customers, or a longer history."
_WAIT = "Ingest a longer history, or choose a longer churn.activity_window_days."
_OTHER_DEFINITION = "Choose another churn.activity_window_days or churn.horizon_days; see the recommendation."


def _contracts(contracts: TableFacts, settings: Settings) -> Finding:
    if settings.churn.kind != "contractual":
        return Finding(
            "unfit", "There are no order lines, and churn is defined by purchases", 'Set churn.kind = "contractual".'
        )
    if not contracts.rows:
        return Finding("unfit", "There are no contracts", "Map an input to subscriptions.")
    return Finding("fit", f"{contracts.rows:,} contract periods of {contracts.customers:,} customers")


def _lapsed(con: duckdb.DuckDBPyConnection, settings: Settings, as_of: datetime) -> float:
    """Return the share of contracts ending per horizon that nothing renewed, of the customers with a contract."""
    churn = settings.churn
    file = table_path(settings.stores, "subscriptions")
    end = as_of - churn.label_days * _DAY
    query = f"""
    WITH c AS (FROM read_parquet('{file}')),
    active AS (SELECT DISTINCT customer_id FROM c WHERE start_timestamp < $t AND end_timestamp >= $t),
    gone AS (SELECT DISTINCT a.customer_id FROM c a
      WHERE a.end_timestamp >= $t AND a.end_timestamp < $until AND NOT EXISTS (
        FROM c b WHERE b.customer_id = a.customer_id AND b.end_timestamp > a.end_timestamp
        AND b.start_timestamp < a.end_timestamp + INTERVAL {churn.grace_days} DAY))
    SELECT count(*), count(gone.customer_id) FROM active LEFT JOIN gone USING (customer_id)
    """
    active, gone = con.execute(query, {"t": end, "until": end + churn.horizon_days * _DAY}).fetchall()[0]
    return gone / active if active else 0.0


def _history(settings: Settings, first: datetime, as_of: datetime) -> Finding:
    days, horizon = (as_of - first) / _DAY, settings.churn.horizon_days
    return at_least(days, 2 * horizon, 6 * horizon, f"{days:,.0f} days of history for a horizon of {horizon}", _WAIT)


def _schedule(settings: Settings, first: datetime, as_of: datetime, *, sells: bool) -> list[Finding]:
    """Say why the snapshots cannot be laid out, if they cannot."""
    try:
        make_schedule(settings, first, as_of, sells=sells)
    except DataError as error:
        return [Finding("unfit", error.problem.rstrip("."), error.remedy)]
    return []


def _next_product(
    con: duckdb.DuckDBPyConnection, settings: Settings, sales: SalesFacts, lines: str, first: datetime, as_of: datetime
) -> Fitness:
    following = settings.next_product
    least = following.min_baskets
    query = f"SELECT product_id FROM {lines} WHERE quantity > 0 GROUP BY 1 HAVING count(DISTINCT order_id) >= {least}"
    offered = int(con.execute(f"SELECT count(*) FROM ({query})").fetchall()[0][0])
    again = con.execute(
        f"SELECT avg((n > 1)::INT) FROM (SELECT count(DISTINCT order_id) AS n FROM {lines} WHERE quantity > 0 "
        "GROUP BY customer_id)"
    ).fetchall()[0][0]
    typed = 1 - sales.untyped
    return Fitness(
        "next product",
        (
            at_least(sales.customers, MIN_CUSTOMERS, FEW_CUSTOMERS, f"{sales.customers:,} customers bought", _MORE),
            at_least(
                offered,
                MIN_PRODUCTS,
                5 * MIN_PRODUCTS,
                f"{offered:,} of {sales.products:,} products are in at least {least} orders",
                "Lower next_product.min_baskets, or ingest a longer history.",
            ),
            Finding("fit", f"{again:.0%} of the customers have bought more than once")
            if again >= 0.3
            else Finding("weak", f"{again:.0%} of the customers have bought more than once", _MORE),
            Finding("fit", f"{typed:.0%} of the order lines are of products with a type")
            if typed >= 0.5
            else Finding(
                "weak",
                f"{typed:.0%} of the order lines are of products with a type, so that there are hardly any types to "
                "offer and no better tiers",
                "Map products.type, or a category, if there is one.",
            ),
            at_least(
                (as_of - first) / _DAY,
                2 * following.horizon_days,
                6 * following.horizon_days,
                f"{(as_of - first) / _DAY:,.0f} days of history for a horizon of {following.horizon_days}",
                _WAIT,
            ),
        ),
    )
