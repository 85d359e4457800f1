"""Segments: where all customers stand and how they moved, and the segments that people define."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from serving.console import segment_views as views
from serving.console.naming import clusters_of, fields_of
from serving.console.rendering import render
from serving.console.visitors import Viewer, Visitor
from serving.overview.summary import Summary
from serving.segments.wording import RuleWords, title_of

router = APIRouter()

#: Rules that a first segment may begin with, as JSON.
IDEAS = [
    (
        "worth_keeping",
        '{"all": [{"column": "tier", "in": ["high", "medium"]}, '
        '{"column": "value_tier", "in": ["diamond", "platinum", "gold"]}]}',
    ),
    (
        "silent_regulars",
        '{"all": [{"column": "frequency_score", "at_least": 4}, {"column": "last_purchase", "older_than_days": 42}]}',
    ),
    (
        "growing",
        '{"all": [{"column": "stage", "equals": "growing"}, {"column": "value_field", "in": ["grow", "invest"]}]}',
    ),
]


@router.get("/segments")
def segments(visitor: Viewer, wait: bool = False) -> Response:
    """Show the page; what takes long is loaded by it, unless it is asked for or is known already."""
    deployment = visitor.state.reloader.deployment
    summary = visitor.state.summaries.of(deployment) if wait else visitor.state.summaries.ready(deployment)
    values = {} if summary is None else _overview(visitor, summary)
    own = _own(visitor) if wait else None
    return render(visitor, "segments", summary=summary, own=own, ideas=IDEAS, **values)


@router.get("/segments-overview")
def overview(visitor: Viewer) -> Response:
    """Show where all customers stand; the first one who asks waits for it."""
    summary = visitor.state.summaries.of(visitor.state.reloader.deployment)
    return render(visitor, "segments_overview", summary=summary, **_overview(visitor, summary))


@router.get("/segments-own")
def own_segments(visitor: Viewer) -> Response:
    """Show the segments that people define; old ones are evaluated first."""
    return render(visitor, "segments_own", own=_own(visitor), ideas=IDEAS)


def _overview(visitor: Visitor, summary: Summary) -> dict[str, Any]:
    words, moved = visitor.words, summary.moved
    return {
        "grid": views.grid(summary),
        "tiers": views.shares(summary, "value_tier"),
        "matrix": views.by_name(views.shares(summary, "value_field")),
        "stages": views.shares(summary, "stage"),
        "clusters": views.shares(summary, "cluster"),
        "described": clusters_of(visitor, visitor.state.reloader.deployment),
        "flow": None if moved is None else views.stage_flow(moved.stages, words),
        "stages_stayed": 0 if moved is None else views.stayed(moved.stages),
        "groups_stayed": 0 if moved is None else views.stayed(moved.groups),
        "moves": [] if moved is None else _moves(visitor, summary),
        "MATRIX": views.MATRIX,
    }


def _moves(visitor: Visitor, summary: Summary) -> list[tuple[str, str, int]]:
    assert summary.moved is not None  # noqa: S101 - asked before
    words = visitor.words
    return [
        (views.moved_title("rfm", one, words), views.moved_title("rfm", other, words), count)
        for one, other, count in views.changes(summary.moved.groups)
    ]


def _own(visitor: Visitor) -> list[dict[str, Any]]:
    state = visitor.state
    rule_words = RuleWords(fields_of(visitor))
    rows = []
    for name, segment in state.segments.every(state.source).items():
        trend = state.segments.trend(segment)
        rows.append(
            {
                "name": name,
                "title": title_of(segment.definition, visitor.language),
                "rule": rule_words.rule(segment.definition.rule),
                "segment": segment,
                "line": views.trend_line(trend),
                "first": trend[0] if trend else None,
            }
        )
    return rows
