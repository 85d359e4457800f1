"""One segment: its size and trend, what distinguishes its members, its overlaps; and two of them side by side."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import RedirectResponse, Response, StreamingResponse

from serving.console.charts import Chart, Series
from serving.console.naming import fields_of, segment_titles
from serving.console.rendering import render
from serving.console.visitors import Marketer, Viewer, Visitor
from serving.segments.definitions import Name
from serving.segments.listing import csv_file
from serving.segments.service import Segment
from serving.segments.store import SegmentSize
from serving.segments.wording import RuleWords, title_of

router = APIRouter()
SegmentName = Annotated[Name, Path()]
#: What members are compared by, as means of the score table.
_MEANS = ("lifetime_value", "amount", "risk", "value_at_risk")
#: Other segments in the picture of overlaps, those with the largest.
_MOST_OVERLAPS = 12


@router.get("/segments-compare")
def compare(visitor: Viewer, one: Name, other: Name) -> Response:
    """Show two segments side by side."""
    segments, source = visitor.state.segments, visitor.state.source
    pair = [segments.one(name, source) for name in (one, other)]
    means = segments.means([one, other], _MEANS, source)
    sides = [_side(visitor, segment, means[segment.definition.name]) for segment in pair]
    # a segment overlaps with itself as a whole
    shares = [pair[place].evaluation.overlaps.get(name, float(one == other)) for place, name in enumerate((other, one))]
    both = round(shares[0] * pair[0].evaluation.size)
    every = list(segment_titles(visitor).items())
    return render(
        visitor, "segment_compare", sides=sides, shares=shares, both=both, every=every, asked=(one, other), means=_MEANS
    )


@router.get("/segments/{name}")
def segment(visitor: Viewer, name: SegmentName) -> Response:
    """Show one segment."""
    segments, source = visitor.state.segments, visitor.state.source
    every = segments.every(source)
    found = every[name] if name in every else segments.one(name, source)
    titles = {other: title_of(one.definition, visitor.language) for other, one in every.items()}
    side = _side(visitor, found, segments.means([name], _MEANS, source)[name])
    words = RuleWords(fields_of(visitor))
    return render(
        visitor,
        "segment",
        side=side,
        others=[(other, title) for other, title in titles.items() if other != name],
        trend=_trend(visitor, segments.trend(found)),
        overlap=_overlap(visitor, found, titles),
        findings=[words.finding(one, found.definition.rule) for one in found.evaluation.findings],
        means=_MEANS,
    )


@router.get("/segments/{name}/customers.csv")
def members(visitor: Marketer, name: SegmentName) -> Response:
    """Give all members with their scores as a file."""
    state = visitor.state
    state.segments.one(name, state.source)

    def note(rows: Sequence[dict[str, Any]]) -> None:
        visitor.note(*(row["customer_id"] for row in rows))
        state.service.listed(row for row in rows if row["as_of"] is not None)

    named = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(csv_file(state.segments, name, note), media_type="text/csv; charset=utf-8", headers=named)


@router.post("/segments/{name}/delete")
def delete(visitor: Marketer, name: SegmentName) -> Response:
    """Remove a segment that was defined here or through the API."""
    visitor.note()
    visitor.state.segments.delete(name)
    return RedirectResponse("/console/segments", status_code=303)


def _side(visitor: Visitor, segment: Segment, means: dict[str, float | None]) -> dict[str, Any]:
    words = RuleWords(fields_of(visitor))
    return {
        "name": segment.definition.name,
        "title": title_of(segment.definition, visitor.language),
        "rule": words.rule(segment.definition.rule),
        "segment": segment,
        "found": segment.evaluation,
        "means": {
            column: "–" if value is None else words.fields.number(column, value) for column, value in means.items()
        },
        "traits": [words.trait(one) for one in segment.evaluation.traits],
    }


def _trend(visitor: Visitor, trend: Sequence[SegmentSize]) -> Chart | None:
    """Return the sizes by day; None for a single day, which is no line."""
    words = visitor.words
    if len(trend) == 1 or not trend:
        return None
    return Chart(
        key="trend",
        title=words.say("segment.trend"),
        unit=words.say("segments.customers"),
        across=words.say("segment.day"),
        categories=[words.date(one.day) for one in trend],
        series=[
            Series(
                name=words.say("segments.members"),
                values=[one.size for one in trend],
                texts=[words.number(one.size) for one in trend],
            )
        ],
        kind="line",
    )


def _overlap(visitor: Visitor, segment: Segment, titles: dict[str, str]) -> Chart | None:
    """Return which share of the members is in each other segment; None where they are in no other."""
    words = visitor.words
    shares = sorted(segment.evaluation.overlaps.items(), key=lambda pair: -pair[1])[:_MOST_OVERLAPS]
    shares = [(name, share) for name, share in shares if share > 0 and name in titles]
    if not shares:
        return None
    return Chart(
        key="overlap",
        title=words.say("segment.overlap"),
        unit=words.say("segment.overlap_unit"),
        across=words.say("segments.segment"),
        categories=[titles[name] for name, _ in shares],
        series=[
            Series(
                name=words.say("segment.overlap_unit"),
                values=[share for _, share in shares],
                texts=[words.percent(share) for _, share in shares],
            )
        ],
        kind="rows",
        format="percent",
        links=[f"/console/segments-compare?one={segment.definition.name}&other={name}" for name, _ in shares],
    )
