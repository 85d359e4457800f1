"""How old the data are: the first thing to know about them, since labels end where the data do."""

from datetime import datetime, timedelta

from features.contract.tables import TableName
from features.snapshots import NEWER, OLD_DAYS
from training.readiness.facts import DataFacts
from training.readiness.fitness import Finding

_NOUNS: dict[TableName, str] = {"transactions": "order", "subscriptions": "change of a contract"}


def freshness(facts: DataFacts) -> list[str]:
    """Return a sentence for each table that labels come from: when its last row was, and what labels are complete."""
    return [_sentence(facts, table) + "." for table in facts.last]


def judge_freshness(facts: DataFacts, table: TableName) -> list[Finding]:
    """Say that a table ends before now, where it does."""
    if table not in facts.last or _behind(facts.last[table], facts.as_of) < 2:
        return []
    what = _sentence(facts, table)
    if _behind(facts.last[table], facts.as_of) < OLD_DAYS:
        return [Finding("fit", what)]
    return [Finding("weak", what, NEWER)]


def _sentence(facts: DataFacts, table: TableName) -> str:
    # data_end is the end of the last day with an order or a start of a contract; a notice may have come after it
    last = min(facts.last[table], facts.as_of - timedelta(seconds=1))
    days = _behind(last, facts.as_of)
    before = f"{days} days before now ({last:%Y-%m-%d}, now is {facts.as_of:%Y-%m-%d})"
    placed = before if days > 1 else f"on {last:%Y-%m-%d}"
    return f"Last {_NOUNS[table]} {placed}: labels are complete until {facts.complete[table]:%Y-%m-%d}"


def _behind(last: datetime, as_of: datetime) -> int:
    """Return the days from that of the last row to that of the moment taken for now; 1 where nothing is missing yet."""
    return (as_of.date() - last.date()).days
