"""Members of a segment with their rows of the score table, page by page."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from core.spreadsheets import ENCODING, LINE_END, guarded
from serving.segments.service import Segments

#: Members that are read at once.
BATCH = 1_000


def member_rows(segments: Segments, customers: Sequence[str]) -> list[dict[str, Any]]:
    """Return a row for each customer, with null in every column of the score table for those without a row there."""
    found = segments.table.rows(customers)
    absent = dict.fromkeys(column.name for column in segments.table.columns)
    rows = []
    for customer in customers:
        row = found.get(customer)
        moment = None if row is None else row.as_of
        status = "not_scored" if row is None else "ok" if row.current else "stale"
        rows.append({"customer_id": customer, "as_of": moment, "status": status, **(row.cells if row else absent)})
    return rows


def pages(segments: Segments, name: str) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of all members of a segment, in the order of their ids."""
    after = ""
    while members := segments.store.members(name, BATCH, after):
        yield member_rows(segments, members)
        after = members[-1]


def header(segments: Segments) -> list[str]:
    """Return the names of the columns of `member_rows`."""
    return ["customer_id", "as_of", "status", *(column.name for column in segments.table.columns)]


def csv_file(segments: Segments, name: str, note: Callable[[Sequence[dict[str, Any]]], None]) -> Iterator[bytes]:
    """Yield all members of a segment as a file of CSV.

    Parameters
    ----------
    note
        Is given the rows of each page before they are in the file.
    """
    yield csv_lines([header(segments)]).encode(ENCODING)
    for rows in pages(segments, name):
        note(rows)
        yield csv_lines([list(row.values()) for row in rows]).encode()


def csv_lines(rows: Sequence[Sequence[Any]]) -> str:
    """Return rows as lines of CSV, with texts that no spreadsheet program runs as formulas."""
    lines = io.StringIO()
    csv.writer(lines, lineterminator=LINE_END).writerows([_cell(value) for value in row] for row in rows)
    return lines.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    return guarded(value) if isinstance(value, str) else value
