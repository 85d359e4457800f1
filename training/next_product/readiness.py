"""Whether the data can carry a next-product model."""

from core.settings import Settings
from core.sql import count
from training.next_product.settings import NextProductSettings
from training.readiness.facts import DataFacts, SalesFacts
from training.readiness.fitness import FEW_CUSTOMERS, MIN_CUSTOMERS, Finding, Fitness, at_least
from training.readiness.freshness import judge_freshness

#: Products that can be offered.
MIN_PRODUCTS = 10
#: Shares of customers who bought again, and of order lines with a type, that are usual.
USUALLY_AGAIN, USUALLY_TYPED = 0.3, 0.5
_MORE = "Ingest more customers, or a longer history."


def judge_next_product(settings: Settings, facts: DataFacts) -> Fitness | None:
    """Judge whether next products can be learned; None where nothing is sold."""
    if facts.sales is None:
        return None
    horizon = settings[NextProductSettings].horizon_days
    customers = facts.sales.customers
    return Fitness(
        "next product",
        (
            *judge_freshness(facts, "transactions"),
            at_least(customers, MIN_CUSTOMERS, FEW_CUSTOMERS, f"{customers:,} customers bought", _MORE),
            _offered(settings[NextProductSettings], facts, facts.sales),
            _bought_again(facts),
            _typed(facts.sales),
            at_least(
                facts.days,
                2 * horizon,
                6 * horizon,
                f"{facts.days:,.0f} days of history for a horizon of {horizon}",
                "Ingest a longer history, or choose a shorter next_product.horizon_days.",
            ),
        ),
    )


def _offered(settings: NextProductSettings, facts: DataFacts, sales: SalesFacts) -> Finding:
    least = settings.min_baskets
    offered = count(
        facts.engine.con,
        f"SELECT count(*) FROM (SELECT product_id FROM {facts.lines} WHERE quantity > 0 GROUP BY 1 "
        f"HAVING count(DISTINCT order_id) >= {least})",
    )
    return at_least(
        offered,
        MIN_PRODUCTS,
        5 * MIN_PRODUCTS,
        f"{offered:,} of {sales.products:,} products are in at least {least} orders",
        "Lower next_product.min_baskets, or ingest a longer history.",
    )


def _bought_again(facts: DataFacts) -> Finding:
    again = facts.engine.con.execute(
        "SELECT avg((n > 1)::INT) FROM (SELECT count(DISTINCT order_id) AS n "
        f"FROM {facts.lines} WHERE quantity > 0 GROUP BY customer_id)"
    ).fetchall()[0][0]
    share = f"{again:.0%} of the customers have bought more than once"
    return Finding("fit", share) if again >= USUALLY_AGAIN else Finding("weak", share, _MORE)


def _typed(sales: SalesFacts) -> Finding:
    typed = 1 - sales.untyped
    share = f"{typed:.0%} of the order lines are of products with a type"
    if typed >= USUALLY_TYPED:
        return Finding("fit", share)
    return Finding(
        "weak",
        f"{share}, so that there are hardly any types to offer and no better tiers",
        "Map products.type, or a category, if there is one.",
    )
