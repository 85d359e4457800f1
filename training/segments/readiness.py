"""Whether the data can carry clusters."""

from core.settings import Settings
from training.readiness.facts import DataFacts
from training.readiness.fitness import FEW_CUSTOMERS, Fitness, at_least
from training.readiness.freshness import judge_freshness
from training.segments.clusters import LEAST_CUSTOMERS
from training.segments.settings import SegmentSettings

_MORE = "Ingest more customers, or lower segments.clusters.most."


def judge_segments(settings: Settings, facts: DataFacts) -> Fitness | None:
    """Judge whether clusters can be found; None where nothing is sold."""
    if facts.sales is None:
        return None
    customers, most = facts.sales.customers, settings[SegmentSettings].clusters.most
    findings = [
        *judge_freshness(facts, "transactions"),
        at_least(customers, LEAST_CUSTOMERS * most, FEW_CUSTOMERS, f"{customers:,} customers bought", _MORE),
    ]
    return Fitness("segments", tuple(findings))
