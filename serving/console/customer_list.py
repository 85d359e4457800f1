"""Rows of the score table as the list of customers shows and exports them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.spreadsheets import ENCODING
from serving.api.cursors import write_cursor
from serving.console.filters import Filters
from serving.console.visitors import Visitor
from serving.console.words import Words
from serving.explain.fields import Fields, unit_of
from serving.parts.reasons import ReasonsPart
from serving.scoring.listing import Listing
from serving.scoring.part import Question
from serving.scoring.score_table import Listed
from serving.segments.finding import Narrowed, narrow
from serving.segments.listing import BATCH, csv_lines

#: Rows of a page.
PAGE = 50
#: Matches are counted up to this number.
MOST_COUNTED = 100_000
#: Digits of exported numbers by the form of their column; others have six.
_DIGITS = {"percent": 4, "money": 2}


@dataclass(frozen=True)
class Page:
    """A page of the list.

    Attributes
    ----------
    count
        Matches on all pages, at most one more than `MOST_COUNTED`.
    before, after
        Cursors of the pages before and behind; None where there is none.
    sentences
        Reasons in full sentences by customer, of those whose answer is kept and current.
    """

    rows: Sequence[Listed]
    count: int
    before: str | None
    after: str | None
    sentences: Mapping[str, Sequence[str]]


def narrowed(visitor: Visitor, filters: Filters) -> Narrowed:
    """Return the rows that an address asks for.

    Raises
    ------
    UnknownSegmentError
        If there is no segment of the name.
    StoreError
        If a store cannot be read.
    """
    state = visitor.state
    return narrow(filters.listing, filters.wanted, state.segments, state.source, state.settings)


def page_of(visitor: Visitor, listing: Listing, sort: str) -> Page:
    """Return a page, and write into the audit log who is on it.

    Raises
    ------
    StoreError
        If it cannot be read, or the audit log not be written.
    """
    table = visitor.state.service.table
    count = table.count(replace(listing, after=None), MOST_COUNTED + 1)
    found = table.list(listing, PAGE + 1, count) if count else []
    more = len(found) > PAGE
    rows = (found[1:] if listing.backwards else found[:PAGE]) if more else found
    _note(visitor, rows)
    goes_back = more if listing.backwards else listing.after is not None
    goes_on = listing.after is not None if listing.backwards else more
    return Page(
        rows,
        count,
        _cursor(sort, rows[0]) if rows and goes_back else None,
        _cursor(sort, rows[-1]) if rows and goes_on else None,
        _sentences(visitor, [row.customer_id for row in rows]),
    )


def exported(visitor: Visitor, listing: Listing, names: Sequence[str], fields: Fields) -> Iterator[bytes]:
    """Yield all rows of a listing as CSV in the reader's words; who is in it is in the audit log before."""
    table = visitor.state.service.table
    head = [fields.heading("customer_id"), *(fields.heading(name) for name in names)]
    yield csv_lines([head]).encode(ENCODING)
    while rows := table.list(listing, BATCH):
        _note(visitor, rows)
        lines = [[row.customer_id, *(_cell(name, row.cells[name], fields) for name in names)] for row in rows]
        yield csv_lines(lines).encode()
        listing = replace(listing, after=_place(listing.sort, rows[-1]))


def _note(visitor: Visitor, rows: Sequence[Listed]) -> None:
    visitor.note(*(row.customer_id for row in rows))
    visitor.state.service.listed({"customer_id": row.customer_id, "as_of": row.as_of, **row.cells} for row in rows)


def _place(sort: str, row: Listed) -> tuple[float | None, str]:
    return None if sort == "customer_id" else row.cells[sort], row.customer_id


def _cursor(sort: str, row: Listed) -> str:
    return write_cursor(sort, *_place(sort.removeprefix("-"), row))


def _cell(name: str, value: Any, fields: Fields) -> object:  # noqa: ANN401 - a cell of the table
    if isinstance(value, str):
        return fields.label(name, value)
    return value if value is None else round(value, _DIGITS.get(unit_of(name), 6))


def _sentences(visitor: Visitor, customers: Sequence[str]) -> dict[str, Sequence[str]]:
    """Return the reasons that raise the risk; none is computed for a list."""
    state = visitor.state
    deployment = state.reloader.deployment
    question = Question(tuple(customers), (ReasonsPart.name,), visitor.language)
    answers = state.service.recalled(deployment, question, state.reloader.as_of(deployment))
    found: dict[str, Sequence[str]] = {}
    for customer, one in answers.items():
        reasons = one.parts[ReasonsPart.name].fields.get("reasons") or ()
        found[customer] = [_fact(reason["text"], visitor.words) for reason in reasons]
    return found


def _fact(sentence: str, words: Words) -> str:
    """Leave out that a reason raises the risk, which the head of the column says."""
    for key in ("direction.raises", "direction.raises_renewal"):
        ending = words.say(key, fact="")
        if sentence.endswith(ending):
            return words.say("direction.alone", fact=sentence.removesuffix(ending))
    return sentence
