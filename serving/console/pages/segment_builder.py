"""The builder of segments: a rule in plain words, its size as it is typed, saved by a marketer."""

import re
from collections.abc import Container, Mapping
from itertools import chain, count
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request
from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from core.errors import EncoreError
from serving.console.naming import fields_of
from serving.console.rendering import is_fragment, render
from serving.console.segment_form import CHOICES, Block, Draft, Line, draft_of, kind_of, raw_rule, read_draft
from serving.console.visitors import Marketer, Visitor
from serving.explain.fields import unit_of
from serving.explain.language import LANGUAGES
from serving.segments.columns import RuleColumns, RuleError
from serving.segments.definitions import SegmentDefinition
from serving.segments.evaluating import ContradictoryRuleError
from serving.segments.rules import NODE_TAGS
from serving.segments.service import TakenNameError
from serving.segments.wording import RuleWords

router = APIRouter()
#: Addresses of pages, which no segment may be called.
RESERVED = frozenset({"new"})
#: Columns that are offered first.
_FIRST = (
    "tier",
    "risk",
    "value_tier",
    "lifetime_value",
    "value_at_risk",
    "stage",
    "rfm_group",
    "cluster",
    "last_purchase",
    "best_action",
    "reason_1",
)
#: Columns that say nothing about a customer.
_HIDDEN = frozenset({"churn_model", "value_model"})
_UNPROCESSABLE = 422
#: The name of a segment that is not saved yet.
_NAMELESS = "preview"
#: An error of the name until it is said in words.
_WRONG_NAME = "name"
#: What distinguishes members, as far as it is shown beside the form.
_FEW_TRAITS = 3
#: Characters of a name that is made of a title; a number may follow.
_LONGEST_BASE = 58


async def _sent(request: Request) -> FormData:
    return await request.form()


Sent = Annotated[FormData, Depends(_sent)]


@router.get("/segments/new")
def new(
    visitor: Marketer,
    rule: Annotated[str, Query(max_length=20_000)] = "",
    name: Annotated[str, Query(max_length=63)] = "",
) -> Response:
    """Show the form: empty, filled in with a rule as JSON, or with a segment that is to be changed."""
    columns = _columns(visitor)
    if name:
        definition = visitor.state.segments.one(name, visitor.state.source).definition
        draft = draft_of(definition.rule, columns)
        draft.name = draft.was = name
        draft.titles, draft.kind = dict(definition.titles), definition.kind
        return _form(visitor, draft, columns)
    if not rule:
        return _form(visitor, Draft(), columns)
    try:
        given = SegmentDefinition.model_validate({"name": _NAMELESS, "rule": orjson.loads(rule)})
    except (ValidationError, orjson.JSONDecodeError) as error:
        problem = _problem(error) if isinstance(error, ValidationError) else str(error)
        return _form(visitor, Draft(blocks=[], text=rule, errors={"rule": problem}), columns)
    return _form(visitor, draft_of(given.rule, columns), columns)


@router.post("/segments/new")
def change(visitor: Marketer, request: Request, sent: Sent) -> Response:
    """Add or remove a line or a group, or save the segment."""
    columns = _columns(visitor)
    draft = read_draft(sent, columns)
    if "do" not in sent:
        return _save(visitor, draft, columns)
    _do(draft, str(sent["do"]))
    if is_fragment(request):
        answer = render(visitor, "segment_new_rule", **_values(visitor, draft, columns))
        answer.headers["HX-Trigger"] = "rule-changed"
        return answer
    return _form(visitor, draft, columns)


@router.post("/segments-preview")
def preview(visitor: Marketer, sent: Sent) -> Response:
    """Show how many customers fit the lines that are complete, and what is wrong with the rule."""
    columns = _columns(visitor)
    draft = read_draft(sent, columns)
    draft.titles = {}
    definition = _defined(draft, columns, _NAMELESS)
    shown: dict[str, Any] = {"segment": None, "problem": draft.errors.get("rule", "")}
    if definition is not None:
        try:
            segment = visitor.state.segments.preview(definition, visitor.state.source)
        except (RuleError, ContradictoryRuleError) as error:
            shown["problem"] = _said(visitor, error, definition)
        else:
            words, found = RuleWords(fields_of(visitor)), segment.evaluation
            shown = {
                "segment": segment,
                "problem": found.problem or "",
                "rule": words.rule(definition.rule),
                "findings": [words.finding(one, definition.rule) for one in found.findings],
                "traits": [words.trait(one) for one in found.traits[:_FEW_TRAITS]],
                "left": sum(1 for line in draft.lines if line.error),
            }
    return render(visitor, "segment_new_preview", **shown)


def _save(visitor: Visitor, draft: Draft, columns: RuleColumns) -> Response:
    segments, say = visitor.state.segments, visitor.words.say
    defined = segments.definitions()
    if draft.name and draft.name != draft.was and (draft.name in defined or draft.name in RESERVED):
        draft.errors["name"] = say("segment_builder.error.taken")
    if not any(draft.titles.values()):
        draft.errors["titles"] = say("segment_builder.error.title")
    definition = _defined(draft, columns, draft.name or draft.was or name_for(draft.titles, defined))
    if any(line.error for line in draft.lines) or (definition is None and not draft.errors):
        draft.errors.setdefault("rule", say("segment_builder.error.rule"))
    if draft.errors.get("name") == _WRONG_NAME:
        draft.errors["name"] = say("segment_builder.error.name")
    if definition is None or draft.errors:
        return _form(visitor, draft, columns, _UNPROCESSABLE)
    visitor.note()
    try:
        segments.define(definition, visitor.state.source)
    except (RuleError, ContradictoryRuleError, TakenNameError) as error:
        draft.errors["rule"] = _said(visitor, error, definition)
        return _form(visitor, draft, columns, _UNPROCESSABLE)
    if draft.was and draft.was != definition.name:
        segments.delete(draft.was)
    return RedirectResponse(f"/console/segments/{definition.name}", status_code=303)


def _defined(draft: Draft, columns: RuleColumns, name: str) -> SegmentDefinition | None:
    """Return the definition that was filled in; None, and errors in the draft, where there is none."""
    titles = {language: title for language, title in draft.titles.items() if title}
    try:
        rule = orjson.loads(draft.text) if draft.text else raw_rule(draft, columns)
        if rule is None:
            return None
        return SegmentDefinition.model_validate({"name": name, "kind": draft.kind, "titles": titles, "rule": rule})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = str(first["loc"][0])
        draft.errors[field] = _WRONG_NAME if field == "name" else _problem(error)
    except orjson.JSONDecodeError as error:
        draft.errors["rule"] = str(error)
    return None


def _problem(error: ValidationError) -> str:
    """Return the first thing that is wrong, with its place as the rule is written."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"] if part not in NODE_TAGS)
    return f"{place}: {first['msg'].removeprefix('Value error, ')}"


def _said(visitor: Visitor, error: EncoreError, definition: SegmentDefinition) -> str:
    """Return why a rule is refused, in the visitor's language where there are words for it."""
    if isinstance(error, ContradictoryRuleError):
        return RuleWords(fields_of(visitor)).finding(error.finding, definition.rule)
    return str(error)


def name_for(titles: Mapping[str, str], taken: Container[str]) -> str:
    """Return a free name for a segment with some titles: of Latin letters where a title has them."""
    latin = (re.sub("[^a-z0-9]+", "-", title.lower()).strip("-") for title in titles.values())
    base = next(filter(None, latin), "segment")[:_LONGEST_BASE].strip("-")
    candidates = chain([base], (f"{base}-{number}" for number in count(2)))
    return next(one for one in candidates if one not in taken and one not in RESERVED)


def _do(draft: Draft, wish: str) -> None:
    """Change the groups as a button of the form says; what it says of none changes nothing."""
    match wish.split("."):
        case ["block"]:
            draft.blocks.append(Block("any" if draft.blocks else "all"))
        case ["add", place] if place.isdecimal() and int(place) < len(draft.blocks):
            draft.blocks[int(place)].lines.append(Line())
        case ["remove", place, number] if place.isdecimal() and number.isdecimal() and int(place) < len(draft.blocks):
            del draft.blocks[int(place)].lines[int(number) : int(number) + 1]
            draft.blocks = [block for block in draft.blocks if block.lines] or [Block()]


def _columns(visitor: Visitor) -> RuleColumns:
    return visitor.state.segments.columns(visitor.state.source)


def _form(visitor: Visitor, draft: Draft, columns: RuleColumns, status: int = 200) -> Response:
    return render(visitor, "segment_new", status=status, languages=LANGUAGES, **_values(visitor, draft, columns))


def _values(visitor: Visitor, draft: Draft, columns: RuleColumns) -> dict[str, Any]:
    """Return what the rule of the form is shown with."""
    fields, known = fields_of(visitor), visitor.state.segments.known(visitor.state.source)
    used = {line.column for line in draft.lines}
    offered = [
        name
        for name in sorted(columns, key=fields.heading)
        if name in used or (name not in _HIDDEN and not known[name].is_empty)
    ]
    first = [name for name in _FIRST if name in offered]
    return {
        "draft": draft,
        "fields": fields,
        "known": known,
        "kind_of": lambda column: kind_of(column, columns),
        "unit_of": unit_of,
        "CHOICES": CHOICES,
        "offered": {
            "first": first,
            "scores": [name for name in offered if name not in first and columns[name].source == "scores"],
            "profile": [name for name in offered if name not in first and columns[name].source == "profile"],
        },
    }
