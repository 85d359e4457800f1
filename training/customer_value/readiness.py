"""Whether the data can carry a value model."""

from core.settings import Settings
from core.sql import count
from training.customer_value.margins import unknown_names
from training.customer_value.settings import ValueSettings
from training.readiness.facts import DataFacts
from training.readiness.fitness import FEW_CUSTOMERS, MIN_CUSTOMERS, Finding, Fitness, at_least
from training.readiness.freshness import judge_freshness

_MORE = "Ingest more customers, or a longer history."
#: A customer with more of the amount than this decides what the figures are.
_DOMINANT = 0.1


def judge_value(settings: Settings, facts: DataFacts) -> Fitness | None:
    """Judge whether amounts can be forecast; None where nothing is sold."""
    if facts.sales is None:
        return None
    horizon = settings[ValueSettings].horizon_days
    customers = facts.sales.customers
    findings = [
        *judge_freshness(facts, "transactions"),
        at_least(customers, MIN_CUSTOMERS, FEW_CUSTOMERS, f"{customers:,} customers bought", _MORE),
        _amounts(facts),
        at_least(
            facts.days,
            3 * horizon,
            5 * horizon,
            f"{facts.days:,.0f} days of history for a horizon of {horizon}",
            "Ingest a longer history, or choose a shorter value.horizon_days.",
        ),
        _dominant(facts),
        *(Finding("weak", what, "Correct the name: nobody has this one.") for what in unknown_names(settings)),
    ]
    return Fitness("value", tuple(findings))


def _amounts(facts: DataFacts) -> Finding:
    lines = f"SELECT count(*) FROM {facts.lines} WHERE quantity > 0"
    every, paid = count(facts.engine.con, lines), count(facts.engine.con, f"{lines} AND amount > 0")
    share = paid / every if every else 0.0
    what = f"{share:.0%} of the order lines have an amount above 0"
    if not paid:
        return Finding("unfit", what, "Map transactions.amount.")
    return Finding("fit", what) if share >= 0.5 else Finding("weak", what, "Check the mapping of transactions.amount.")


def _dominant(facts: DataFacts) -> Finding:
    found = facts.engine.con.execute(
        f"SELECT max(spent) / nullif(sum(spent), 0) FROM (SELECT sum(amount) AS spent FROM {facts.lines} "
        "WHERE quantity > 0 GROUP BY customer_id)"
    ).fetchall()[0][0]
    share = float(found or 0.0)
    what = f"The largest customer brings {share:.1%} of the amount"
    if share <= _DOMINANT:
        return Finding("fit", what)
    return Finding("weak", f"{what}, so that totals hang on one customer", "Look at this customer alone.")
