"""A suggestion is tried on all of the data before it is written: what would be rejected is a question."""

import tomllib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from core.errors import DataError
from core.settings import Settings, StoreSettings
from core.sql import identifier, quoted
from features.ingest.pipeline import Ingested, ingest
from features.ingest.settings import DataSettings
from features.ingest.suggest.suggestions import SuggestedInput, Suggestions

#: An input may ask this often before what is left is left to the user.
_TRIES = 4
#: Looking at exports takes no more than this; what is more spills to disk.
MEMORY = "250MB"
#: From this share on, rows that would be rejected are a question.
_MANY = 0.01


def try_out(suggestions: Suggestions, write: Callable[[Suggestions], str], folder: Path, now: datetime) -> None:
    """Ingest the exports as suggested, and change what does not work.

    Rows that would be rejected because a value is missing or cannot be read are skipped under a name of their own where
    they are more than one in a hundred, with a question; so that the configuration runs as it is written.

    Parameters
    ----------
    write
        Returns a configuration as text.
    folder
        For what is read; it may be removed afterwards.
    """
    for attempt in range(_TRIES):
        data = tomllib.loads(write(suggestions))["data"]
        settings = Settings(
            DataSettings.model_validate(data | {"root": suggestions.root, "max_rejected_share": 1.0}),
            StoreSettings(data=folder / str(attempt), memory_limit=MEMORY),
        )
        try:
            done = ingest(settings, now)
        except DataError as error:
            suggestions.trial = [f"As it stands, `encore ingest` stops: {error}"]
            return
        if not _skip_rejected(suggestions, done):
            suggestions.trial = _lines(done)
            return


def _skip_rejected(suggestions: Suggestions, done: Ingested) -> bool:
    """Skip, under a name, what would be rejected where that is much; return whether anything was."""
    changed = False
    for one, totals in zip(suggestions.inputs, done.inputs, strict=True):
        for rule, rows in totals.totals.rejected.items():
            column = rule.removeprefix("missing ").removeprefix("unreadable ")
            condition = _missing(one, column)
            if rows < _MANY * totals.totals.read or condition is None or column == rule:
                continue
            name = f"without_{column}"
            if name not in {skipped for skipped, _, _ in one.skip}:
                one.skip.append((name, condition, f"{rows:,} rows, {rows / totals.totals.read:.1%}"))
                one.questions.append(
                    f"{rows:,} of {totals.totals.read:,} rows have no {column} that can be read; they are skipped as "
                    f"`{name}`. Is there a better column, or are they no {one.table}?"
                )
                changed = True
    return changed


def _missing(one: SuggestedInput, column: str) -> str | None:
    """Return the condition under which a column has no value."""
    expression = one.expression(column)
    if expression is None:
        return None
    plain = identifier(expression) if expression in one.export.columns else f"({expression})"
    if column.endswith("_id"):
        return f"canonical({plain}) IS NULL"
    if column in {"quantity", "amount", "discount", "cost", "price", "unit_cost", "value"}:
        return f"number({plain}) IS NULL"
    if column.endswith("_timestamp"):
        return f"{_moment(one, plain) if expression in one.export.columns else plain} IS NULL"
    return None


def _moment(one: SuggestedInput, column: str) -> str:
    """Read a column of moments as ingestion does."""
    ways, _ = one.options.get("dates", (None, ""))
    return (
        f"moment(trim({column}), [{', '.join(map(quoted, ways))}])" if isinstance(ways, list) else f"instant({column})"
    )


def _lines(done: Ingested) -> list[str]:
    """Say what became of the rows of each input."""
    lines = []
    for totals in done.inputs:
        one = totals.totals
        parts = [f"{one.kept:,} of {one.read:,} rows become {totals.table}"]
        parts += [
            f"{rows:,} are {what}" for what, rows in (("returns", one.returned), ("equal ones", one.merged)) if rows
        ]
        parts += [f"{rows:,} skipped as {rule}" for rule, rows in one.skipped.items()]
        parts += [f"{rows:,} rejected: {rule}" for rule, rows in one.rejected.items()]
        lines.append(f"{totals.input}: {', '.join(parts)}.")
    returned = sum(totals.totals.returned for totals in done.inputs)
    if returned:
        lines.append(f"{done.matched:,} of {returned:,} returns find their sale.")
    return lines
