"""What there is to do: units that are new or have changed, and segments that stay."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from core.errors import DataError
from core.stamps import code_fingerprint, fingerprint
from features.ingest.segments import Segment
from features.ingest.settings import DataSettings, InputSettings
from features.ingest.units import Unit

#: The code that decides what is kept of a unit: the contract, and what opens, maps and reads units.
_CODE = (
    "features.contract.ids",
    "features.contract.tables",
    "features.ingest.currencies",
    "features.ingest.databases",
    "features.ingest.dates",
    "features.ingest.expressions",
    "features.ingest.formats",
    "features.ingest.macros",
    "features.ingest.mapping",
    "features.ingest.objects",
    "features.ingest.opening",
    "features.ingest.queries",
    "features.ingest.reading",
    "features.ingest.scans",
    "features.ingest.text",
    "features.ingest.used.archive",
    "features.ingest.used.bounded",
    "features.ingest.used.cells",
    "features.ingest.used.ods",
    "features.ingest.used.ranges",
    "features.ingest.used.xls",
    "features.ingest.used.xlsb",
    "features.ingest.used.xlsx",
    "features.ingest.workbooks",
)


@dataclass(frozen=True)
class Work:
    """A unit to read.

    Attributes
    ----------
    segment
        What it will be, without files and totals.
    """

    unit: Unit
    segment: Segment


def find_work(
    data: DataSettings,
    inputs: Sequence[InputSettings],
    units: Sequence[Unit],
    before: Sequence[Segment],
    now: datetime,
) -> tuple[list[Work], list[Segment]]:
    """Split what is there into units to read and segments that stay.

    A file is read again when it has changed, when the mapping has, or when one of its rows is in the future no more; a
    query to a database each time. What was read of a file that is gone stays, as long as its input does.

    Raises
    ------
    DataError
        If a file is gone that the mapping, as it is now, has never been applied to.
    """
    mappings = [mapping_fingerprint(data, unit.item) for unit in units]
    there = {(mapping, unit.name) for unit, mapping in zip(units, mappings, strict=True)}
    known = {segment.identity: segment for segment in before}
    active = {mapping_fingerprint(data, item) for item in inputs}
    kept = [s for s in before if s.mapping in active and (s.mapping, s.name) not in there]
    lost = [s for s in before if s.mapping not in active and s.path is not None and not Path(s.path).exists()]
    if lost:
        raise DataError(
            f"{lost[0].name} was read with another mapping than that of now, and is gone"
            f"{f', and so are {len(lost) - 1} more files' if len(lost) > 1 else ''}.",
            "Put it back, or forget what was read before with `encore ingest --full-refresh`.",
        )
    work = []
    for unit, mapping in zip(units, mappings, strict=True):
        earlier = [s for s in before if s.mapping == mapping] if unit.item.incremental_column else []
        since = max((s.newest for s in earlier if s.newest is not None), key=_ordered, default=None)
        kept += [s for s in earlier if s.since != since]
        key = uuid4().hex[:16]
        # what cannot be watched may have another content each time
        identity = fingerprint(mapping, unit.name, unit.identity or key, code_fingerprint(*_CODE))
        if identity in known and not known[identity].is_due(now):
            kept.append(known[identity])
            continue
        path = None if unit.file is None else str(unit.file.path)
        segment = Segment(unit.item.origin, unit.item.table, unit.name, mapping, identity, key, path, since)
        work.append(Work(unit, segment))
    return work, kept


def in_order(data: DataSettings, inputs: Sequence[InputSettings], segments: Sequence[Segment]) -> list[Segment]:
    """Order segments by the place of their input, then by name: a row of a later one stays where keys are equal."""
    places = {mapping_fingerprint(data, item): place for place, item in reversed(list(enumerate(inputs)))}
    # a query's newer results come after the older ones
    return sorted(segments, key=lambda s: (places[s.mapping], s.name, *_ordered(s.newest or "")))


def mapping_fingerprint(data: DataSettings, item: InputSettings) -> str:
    """Return what changes when rows of an input would be mapped in another way."""
    return fingerprint(item, data.timezone, list(data.keys.get(item.table, ())))


def _ordered(value: str) -> tuple[int, str]:
    """Compare whole numbers as such, other texts as texts."""
    return (int(value), "") if value.isdigit() else (0, value)
