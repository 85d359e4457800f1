"""A unit as it was read: its rows in the contract's shape, its quarantined rows, and the count of each."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from core.settings import StoreSettings
from features.contract.tables import TableName

#: The rule that rows break which cancel a contract that is not there.
NO_CONTRACT = "no contract to cancel"


@dataclass(frozen=True)
class Totals:
    """What became of the rows that were read: read = kept + returned + merged + skipped + rejected.

    Attributes
    ----------
    kept, returned
        Rows that are in the table, and rows that take goods back, which are in interactions. Rows that cancel a
        contract are `merged` with it; those that find none are rejected, once all segments are merged.
    merged
        Rows that another one with the same key has replaced. Known once all segments are merged; before, they are kept.
    skipped, rejected
        Rows by the rule of the configuration, or of the contract, that they break.
    split
        Orders of which a rule of the configuration skips some lines while others are kept, by rule.
    """

    read: int = 0
    kept: int = 0
    returned: int = 0
    merged: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    split: dict[str, int] = field(default_factory=dict)

    @property
    def by_rule(self) -> dict[str, int]:
        """Rows in the quarantine, by the rule they break."""
        return self.skipped | self.rejected

    @property
    def quarantined(self) -> int:
        """Rows in the quarantine."""
        return sum(self.by_rule.values())


@dataclass(frozen=True)
class Segment:
    """A unit that was read. Its files are in the folder of segments and never change.

    Attributes
    ----------
    input
        What the input is called in messages.
    mapping
        Fingerprint of the input's configuration.
    identity
        Fingerprint of that, of the unit's content, and of the code that read it.
    key
        Names the files; another one each time something is read, so that a file never changes.
    path
        The unit's file; None for a query.
    since, newest
        The values of the input's `incremental_column` that its rows lie between; None where it has none.
    columns
        Of the source.
    rows, returns, quarantine
        Names of files; None where there are no such rows.
    currencies
        Rows by the currency of their money, where something shows it.
    unread
        Parts of the file that are not read, each with the reason, such as hidden sheets.
    until
        The moment at which the first row that was rejected as future is in the past.
    """

    input: str
    table: TableName
    name: str
    mapping: str
    identity: str
    key: str
    path: str | None
    since: str | None = None
    columns: tuple[str, ...] = ()
    totals: Totals = Totals()
    rows: str | None = None
    returns: str | None = None
    quarantine: str | None = None
    currencies: dict[str, int] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    until: str | None = None
    newest: str | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """The names of its files."""
        return tuple(name for name in (self.rows, self.returns, self.quarantine) if name is not None)

    def is_due(self, now: datetime) -> bool:
        """Return whether a row that was in the future has happened since."""
        return self.until is not None and now >= datetime.fromisoformat(self.until)


@dataclass(frozen=True)
class InputTotals:
    """What became of the rows of an input, whenever they were read."""

    input: str
    table: TableName
    totals: Totals


def by_input(segments: Sequence[Segment], replaced: dict[str, tuple[int, int, int]]) -> tuple[InputTotals, ...]:
    """Sum the totals of each input's segments.

    Parameters
    ----------
    replaced
        For keys of segments: how many of its rows, and of its returns, others have replaced; and how many of its rows
        cancel a contract that is not there.
    """
    inputs: dict[str, list[Segment]] = {}
    for segment in segments:
        inputs.setdefault(segment.mapping, []).append(segment)
    return tuple(
        InputTotals(own[0].input, own[0].table, _added(_merged(s.totals, *replaced.get(s.key, (0, 0, 0))) for s in own))
        for own in inputs.values()
    )


def _merged(totals: Totals, rows: int, returns: int, lost: int) -> Totals:
    rejected = totals.rejected | ({NO_CONTRACT: lost} if lost else {})
    returned = totals.returned - returns - lost
    return replace(totals, kept=totals.kept - rows, returned=returned, merged=rows + returns, rejected=rejected)


def _added(totals: Iterable[Totals]) -> Totals:
    parts = list(totals)
    skipped, rejected, split = Counter[str](), Counter[str](), Counter[str]()
    for one in parts:
        skipped.update(one.skipped)
        rejected.update(one.rejected)
        split.update(one.split)
    sums = {name: sum(getattr(one, name) for one in parts) for name in ("read", "kept", "returned", "merged")}
    return Totals(**sums, skipped=dict(skipped.most_common()), rejected=dict(rejected.most_common()), split=dict(split))


def segments_directory(stores: StoreSettings) -> Path:
    """Return the folder of what was read."""
    return stores.data / "segments"


def as_stamp(segments: Sequence[Segment]) -> list[dict[str, Any]]:
    """Return segments as a stamp holds them."""
    return [asdict(segment) for segment in segments]


def from_stamp(stamp: Sequence[dict[str, Any]]) -> list[Segment]:
    """Read what `as_stamp` wrote."""
    return [
        Segment(
            **{
                **item,
                "columns": tuple(item["columns"]),
                "unread": tuple(item.get("unread", ())),
                "totals": Totals(**item["totals"]),
            }
        )
        for item in stamp
    ]


def inputs_from(stamp: dict[str, Any]) -> tuple[InputTotals, ...]:
    """Read the totals of inputs from the stamp of the contract tables."""
    return tuple(InputTotals(**{**one, "totals": Totals(**one["totals"])}) for one in stamp["inputs"])
