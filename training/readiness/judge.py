"""What a model asks of the data, condition by condition."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import duckdb

from core.errors import DataError
from core.settings import Settings
from features.engine.build import schedule_for
from training.churn.settings import ChurnSettings
from training.churn.trials import Trial
from training.next_product.settings import NextProductSettings
from training.readiness.facts import SalesFacts, TableFacts
from training.readiness.fitness import Finding, Fitness, at_least, within
from training.readiness.limits import (
    CHURN_RATES,
    FEW_CUSTOMERS,
    MIN_CUSTOMERS,
    MIN_OUTCOMES,
    MIN_PRODUCTS,
    USUAL_CHURN_RATES,
)

_DAY = timedelta(days=1)
_MORE = "Ingest more customers, or a longer history."
_WAIT = "Ingest a longer history, or choose a longer churn.activity_window_days."
_OTHER_DEFINITION = "Choose another churn.activity_window_days or churn.horizon_days; see the recommendation."


def judge_churn(
    settings: Settings,
    contracts: TableFacts,
    trials: Sequence[Trial],
    first: datetime,
    as_of: datetime,
    *,
    sells: bool,
) -> Fitness:
    """Judge whether churn can be learned by the definition in force."""
    found = []
    if settings[ChurnSettings].kind == "contractual":
        found.append(_contracts(contracts))
    elif not sells:
        what = "There are no order lines, and churn is defined by purchases"
        return Fitness("churn", (Finding("unfit", what, 'Set churn.kind = "contractual".'),))
    if not trials or trials[0].name != "in force":
        nobody = Finding("unfit", "Nobody was active", _WAIT)
        return Fitness("churn", (*found, _history(settings, first, as_of), nobody))
    active, rate = trials[0].active, trials[0].churn_rate
    fewer = min(rate, 1 - rate) * active
    found += [
        at_least(active, MIN_CUSTOMERS, FEW_CUSTOMERS, f"{active:,.0f} customers are active at a time", _MORE),
        _history(settings, first, as_of),
        within(rate, CHURN_RATES, USUAL_CHURN_RATES, f"{rate:.1%} of them churn", _OTHER_DEFINITION),
        at_least(
            fewer, MIN_OUTCOMES / 4, MIN_OUTCOMES, f"{fewer:,.0f} customers of the rarer outcome at a time", _MORE
        ),
    ]
    return Fitness("churn", (*found, *_schedule(settings, first, as_of, sells=sells)))


def _contracts(contracts: TableFacts) -> Finding:
    if not contracts.rows:
        return Finding("unfit", "There are no contracts", "Map an input to subscriptions.")
    return Finding("fit", f"{contracts.rows:,} contract periods of {contracts.customers:,} customers")


def _history(settings: Settings, first: datetime, as_of: datetime) -> Finding:
    days, horizon = (as_of - first) / _DAY, settings[ChurnSettings].horizon_days
    return at_least(days, 2 * horizon, 6 * horizon, f"{days:,.0f} days of history for a horizon of {horizon}", _WAIT)


def _schedule(settings: Settings, first: datetime, as_of: datetime, *, sells: bool) -> list[Finding]:
    """Say why the snapshots cannot be laid out, if they cannot."""
    try:
        schedule_for(settings, first, as_of, sells=sells)
    except DataError as error:
        return [Finding("unfit", error.problem.rstrip("."), error.remedy)]
    return []


def judge_next_product(
    con: duckdb.DuckDBPyConnection, settings: Settings, sales: SalesFacts, lines: str, first: datetime, as_of: datetime
) -> Fitness:
    """Judge whether next products can be learned."""
    following = settings[NextProductSettings]
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
