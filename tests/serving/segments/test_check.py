"""The check of rules: contradictions, rules for everybody, and parts of either kind."""

import itertools
import time
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import TypeAdapter

from serving.segments import check
from serving.segments.check import Search, check_rule
from serving.segments.columns import RuleColumn
from serving.segments.rules import Rule
from tests.serving.segments import populations as made

RULES: TypeAdapter[Rule] = TypeAdapter(Rule)


def found(rule: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one.kind, one.place) for one in check_rule(RULES.validate_python(rule), made.COLUMNS)]


#: Every value that a condition of `populations` can tell from another, one column at a time.
_PROBES: dict[str, list[Any]] = {
    "number": [None, -2.0, *(value + step for value in made.NUMBERS for step in (0.0, 0.01))],
    "text": [None, *made.TEXTS, "another"],
    "moment": [
        None,
        *(
            made.NOW + sign * timedelta(days=days) + timedelta(seconds=step)
            for days in (0.0, *made.DAYS)
            for sign in (-1, 1)
            for step in (-1, 0, 1)
        ),
    ],
}


def columns_in(rule: dict[str, Any]) -> set[str]:
    if "column" in rule:
        return {rule["column"]}
    parts = rule.get("all") or rule.get("any") or [rule["not"]]
    return set().union(*(columns_in(part) for part in parts))


@settings(max_examples=60)
@given(made.rules().filter(lambda rule: len(columns_in(rule)) <= 2))
def test_the_check_finds_what_trying_every_value_finds(rule: dict[str, Any]) -> None:
    names = sorted(columns_in(rule))
    rows = (
        dict(zip(names, values, strict=True)) for values in itertools.product(*(_PROBES[made.KINDS[n]] for n in names))
    )
    outcomes = {made.naive(rule, row) for row in rows}
    parsed = RULES.validate_python(rule)
    assert Search(made.COLUMNS).can_be(parsed, holds=True) == (True in outcomes)
    assert Search(made.COLUMNS).can_be(parsed, holds=False) == (False in outcomes)


def risk(operator: str, value: object) -> dict[str, Any]:
    return {"column": "risk", operator: value}


@pytest.mark.parametrize(
    "rule",
    [
        {"all": [risk("at_least", 5), risk("below", 3)]},
        {"all": [risk("at_least", 5), risk("below", 5)]},
        {"all": [{"column": "tier", "equals": "high"}, {"column": "tier", "equals": "low"}]},
        {"all": [risk("missing", value=True), risk("at_least", 0)]},
        {"all": [{"column": "last", "within_days": 7}, {"column": "last", "older_than_days": 7}]},
        {"not": {"any": [risk("missing", value=True), risk("below", 1), risk("at_least", 1)]}},
        {"all": [{"any": [risk("below", 1), risk("between", [2, 3])]}, risk("at_least", 3)]},
    ],
)
def test_contradictions_hold_for_nobody(rule: dict[str, Any]) -> None:
    assert found(rule) == [("never", "")]
    assert found({"not": rule}) == [("always", "")]


def test_two_conditions_that_contradict_each_other_are_named() -> None:
    rule = {"all": [{"column": "tier", "equals": "high"}, {"all": [risk("at_least", 5), risk("below", 3)]}]}
    (finding,) = check_rule(RULES.validate_python(rule), made.COLUMNS)
    assert finding.text == "The rule can hold for nobody: risk at_least 5 and risk below 3 contradict each other."


def test_parts_that_say_nothing_are_found_where_they_are() -> None:
    nobody = {"all": [risk("at_least", 5), risk("below", 3)]}
    everybody = {"any": [risk("missing", value=True), risk("missing", value=False)]}
    amount = {"column": "amount", "at_least": 1}
    assert found({"any": [amount, nobody]}) == [("part_never", "any.1")]
    assert found({"all": [amount, {"not": {"any": [{"column": "tier", "equals": "low"}, nobody]}}]}) == [
        ("part_never", "all.1.not.any.1")
    ]
    assert found({"all": [amount, everybody]}) == [("part_always", "all.1")]
    assert found({"all": [amount, risk("at_least", 0.5)]}) == []


def test_a_check_that_takes_too_long_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = {"all": [risk("at_least", 5), risk("below", 3)]}
    monkeypatch.setattr(check, "_MOST_STEPS", 1)
    assert found(rule) == []


def test_a_rule_made_to_take_long_does_not() -> None:
    # nine values for eight columns, each in one of them: no short way shows that it cannot be
    columns = {f"x{place}": RuleColumn(f"x{place}", "number", "profile") for place in range(8)}
    somewhere = [{"any": [{"column": name, "equals": value} for name in columns]} for value in range(9)]
    start = time.monotonic()
    assert check_rule(RULES.validate_python({"all": somewhere}), columns) == []
    assert time.monotonic() - start < 5
