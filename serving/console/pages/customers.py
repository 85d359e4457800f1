"""Customers: who is at risk and worth keeping, searched, filtered, sorted, saved as a segment, exported."""

from dataclasses import replace
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from features.views.profile import ATTRIBUTE
from serving.api.cursors import read_place
from serving.console.chips import chips_of
from serving.console.customer_list import MOST_COUNTED, exported, narrowed, page_of
from serving.console.filters import PATH, SHOWN, SORT, WORTH_KEEPING, Filters, typed
from serving.console.naming import fields_of, segment_titles
from serving.console.rendering import is_fragment, render
from serving.console.visitors import Marketer, Viewer, Visitor
from serving.explain.fields import Fields
from serving.scoring.attributes import attributes
from serving.scoring.listing import Listing
from serving.segments.filters import rule_of
from serving.segments.finding import BY_ID, Narrowed
from serving.segments.rules import written
from serving.segments.service import UnknownSegmentError

#: Columns of texts that are asked for most; the others are behind one more click.
_FIRST = ("tier", "value_tier", "stage", "reason_1", "best_action")
#: A column with more texts than this offers none to choose.
_MOST_CHOICES = 60
#: Ways to look at customers, each a text `customers.view.<key>`.
_VIEWS = {
    "worth_keeping": WORTH_KEEPING,
    "high_risk": Filters(texts={"tier": ["high"]}),
    "slipping": Filters(texts={"stage": ["declining", "lapsed"]}),
    "everyone": Filters(),
    "valuable": Filters(sort="-amount"),
}

router = APIRouter()


@router.get("/customers")
def customers(request: Request, visitor: Viewer) -> Response:
    """Show a page of the list."""
    table = visitor.state.service.table
    filters = Filters.read(request.query_params, table.columns)
    if _has_empty_fields(request):  # a form without scripts sends every field
        return RedirectResponse(filters.address(), status_code=303)
    fields, problem = fields_of(visitor), ""
    try:
        found = narrowed(visitor, filters)
    except UnknownSegmentError:
        found, problem = narrowed(visitor, filters.without("segment")), "segment"
    listing = _placed(found, request, filters.sort)
    failed = bool(problem or filters.wrong)
    answer = render(
        visitor,
        "customers_results" if is_fragment(request) else "customers",
        status=422 if failed else 200,
        filters=filters,
        fields=fields,
        typed=typed,
        problem=problem,
        found=found,
        page=page_of(visitor, listing, filters.sort),
        most_counted=MOST_COUNTED,
        columns=table.columns,
        chips=chips_of(filters, fields, segment_titles(visitor)),
        segment_rule=_segment_address(found, filters),
        views=[(key, view.address(), view == replace(filters, columns=view.columns)) for key, view in _VIEWS.items()],
        fragment=is_fragment(request),
        **({} if is_fragment(request) else _form(visitor, filters, fields)),
    )
    if is_fragment(request):
        answer.headers["HX-Push-Url"] = filters.address()
    return answer


@router.get("/customers/export")
def export(request: Request, visitor: Marketer) -> Response:
    """Return every row of the list as a file for spreadsheets; each customer in it is in the audit log."""
    filters = Filters.read(request.query_params, visitor.state.service.table.columns)
    listing, fields = narrowed(visitor, filters).listing, fields_of(visitor)
    named = {"Content-Disposition": 'attachment; filename="customers.csv"'}
    lines = exported(visitor, listing, filters.columns, fields)
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=named)


def _has_empty_fields(request: Request) -> bool:
    return not is_fragment(request) and any(not value for _, value in request.query_params.multi_items())


def _placed(found: Narrowed, request: Request, sort: str) -> Listing:
    """Go to the page that an address asks for."""
    for name in ("before", "after"):
        if text := request.query_params.get(name, ""):
            return replace(found.listing, after=read_place(text, sort), backwards=name == "before")
    return found.listing


def _segment_address(found: Narrowed, filters: Filters) -> str | None:
    """Return where the filters become a segment; None without any but search and segment."""
    rule = rule_of(found.listing, found.rule) if filters.texts or filters.least or filters.most else None
    return None if rule is None else f"/console/segments/new?{urlencode({'rule': orjson.dumps(written(rule))})}"


def _form(visitor: Visitor, filters: Filters, fields: Fields) -> dict[str, object]:
    """Return what the fields offer."""
    table, state = visitor.state.service.table, visitor.state
    numbers = [column.name for column in table.columns if column.type == "number"]
    texts = [column.name for column in table.columns if column.type == "text"]
    choices = {name: _choices(visitor, filters, fields, name) for name in texts}
    choices = {name: found for name, found in choices.items() if found}
    return {
        "choices": choices,
        "first": [name for name in _FIRST if name in choices],
        "numbers": sorted(numbers, key=lambda name: name not in SHOWN),
        "attributes": [(name, fields.heading(f"{ATTRIBUTE}{name}")) for name in attributes(state.settings)],
        "segments": list(segment_titles(visitor).items()),
        "by_id": BY_ID,
        "default_sort": SORT,
        "path_of_list": PATH,
    }


def _choices(visitor: Visitor, filters: Filters, fields: Fields, name: str) -> list[tuple[str, str]]:
    """Return the texts that a column can be filtered by: those that customers have, unless there are too many."""
    values = visitor.state.service.table.texts(name, _MOST_CHOICES + 1)
    offered = values if len(values) <= _MOST_CHOICES else ()
    return fields.choices(name, tuple(dict.fromkeys((*offered, *filters.texts.get(name, ())))))
