"""The form of a segment: what is filled in becomes the rule, and a rule fills the form in again."""

from typing import Any

import pytest
from hypothesis import given
from pydantic import TypeAdapter
from starlette.datastructures import FormData

from serving.console.pages.segment_builder import name_for
from serving.console.segment_form import Draft, draft_of, raw_rule, read_draft
from serving.segments.columns import Kind, RuleColumn
from serving.segments.rules import Rule
from tests.serving.segments import populations as made

RULES: TypeAdapter[Rule] = TypeAdapter(Rule)
KINDS: dict[str, Kind] = {
    **made.KINDS,
    "marketing_consent": "number",
    "value_tier": "text",
}
COLUMNS = {name: RuleColumn(name, kind, "profile") for name, kind in KINDS.items()}
RISKY: dict[str, Any] = {"column": "risk", "at_least": 0.155}
GOLD: dict[str, Any] = {"column": "value_tier", "in": ["gold", "diamond"]}
RECENT: dict[str, Any] = {"column": "last", "within_days": 28}


def sent(**fields: Any) -> Draft:
    pairs: list[tuple[str, Any]] = [
        (name.replace("__", "."), value) for name, given in fields.items() for value in _each(given)
    ]
    return read_draft(FormData(pairs), COLUMNS)


def _each(given: Any) -> list[str]:
    return given if isinstance(given, list) else [given]


def line(place: str, column: str, choice: str, *values: str) -> dict[str, Any]:
    keys = {"column": column, "before": column, "choice": choice, "value": list(values)}
    return {f"{place}__{key}": value for key, value in keys.items()}


def test_lines_become_conditions_with_shares_as_parts_of_one() -> None:
    draft = sent(
        join="all",
        b0__join="all",
        **line("b0__0", "risk", "at_least", "15.5"),
        **line("b0__1", "value_tier", "in", "gold", "diamond"),
        **line("b0__2", "marketing_consent", "yes"),
        b3__join="none",
        **line("b3__0", "last", "within_days", "28"),
        **line("b3__7", "amount", "between", "10", "20"),
    )
    consent = {"column": "marketing_consent", "equals": 1}
    group = {"any": [RECENT, {"column": "amount", "between": [10.0, 20.0]}]}
    assert raw_rule(draft, COLUMNS) == {"all": [RISKY, GOLD, consent, {"not": group}]}
    assert not any(one.error for one in draft.lines)


@pytest.mark.parametrize(
    ("one", "error"),
    [
        (line("b0__0", "", ""), "column"),
        (line("b0__0", "value_tier", "in"), "texts"),
        (line("b0__0", "amount", "below", "many"), "number"),
        (line("b0__0", "amount", "below", "inf"), "number"),
        (line("b0__0", "amount", "between", "5"), "number"),
        (line("b0__0", "amount", "between", "5", "5"), "order"),
        (line("b0__0", "last", "within_days", "0"), "days"),
    ],
)
def test_a_line_that_is_not_complete_says_what_is_expected_and_takes_no_part(one: Any, error: str) -> None:
    draft = sent(b0__join="all", **one, **line("b0__1", "risk", "at_least", "15.5"))
    assert raw_rule(draft, COLUMNS) == RISKY
    assert [line.error for line in draft.lines] == [error, ""]


def test_another_column_starts_with_its_first_choice_and_no_values() -> None:
    draft = sent(b0__join="all", **{**line("b0__0", "tier", "below", "5"), "b0__0__before": "risk"})
    (only,) = draft.lines
    assert (only.column, only.choice, only.values) == ("tier", "in", ())


@pytest.mark.parametrize(
    "rule",
    [
        RISKY,
        {"not": {"column": "value_tier", "in": ["gold"]}},
        {"any": [RISKY, GOLD]},
        {"all": [RISKY, GOLD, {"any": [RISKY, RECENT]}]},
        {"any": [{"all": [RISKY, RECENT]}, GOLD]},
        {"all": [RISKY, {"not": {"any": [RECENT, GOLD]}}]},
        {"not": {"any": [RECENT, RISKY]}},
        {"all": [{"column": "last", "missing": True}, {"column": "marketing_consent", "equals": 0.0}]},
    ],
)
def test_a_rule_comes_back_from_the_form_as_it_was(rule: dict[str, Any]) -> None:
    draft = draft_of(RULES.validate_python(rule), COLUMNS)
    assert draft.blocks
    assert RULES.validate_python(raw_rule(draft, COLUMNS)) == RULES.validate_python(rule)


@given(made.rules(), made.rows())
def test_any_rule_means_the_same_after_the_form_or_stays_as_json(rule: Any, rows: list[dict[str, Any]]) -> None:
    draft = draft_of(RULES.validate_python(rule), made.COLUMNS)
    if draft.text:
        assert RULES.validate_json(draft.text) == RULES.validate_python(rule)
        return
    back = raw_rule(draft, made.COLUMNS)
    assert back is not None
    assert [made.naive(back, row) for row in rows] == [made.naive(rule, row) for row in rows]


def test_a_name_is_made_from_a_title_and_is_free() -> None:
    assert name_for({"en": "Valuable, and leaving!"}, set()) == "valuable-and-leaving"
    assert name_for({"en": "", "zh": "高价值"}, set()) == "segment"
    assert name_for({"en": "New"}, {"new-2"}) == "new-3"
    assert len(name_for({"en": "a" * 100}, {"a" * 58})) <= 63
