"""The form of a rule: what is accepted, what is refused and why, and that it is written as it was read."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from pydantic import TypeAdapter, ValidationError

from serving.segments.rules import MOST_NODES, Rule, check_size, columns_of, written
from tests.serving.segments import populations as made

RULES: TypeAdapter[Rule] = TypeAdapter(Rule)


@given(made.rules())
def test_a_rule_is_written_as_it_was_read(rule: dict[str, Any]) -> None:
    assert written(RULES.validate_python(rule)) == rule


def test_toml_and_json_are_the_same_rule() -> None:
    toml = """
    [[rule.all]]
    column = "risk"
    at_least = 0.5
    [[rule.all]]
    not.column = "tier"
    not.in = ["new", "inactive"]
    [[rule.all]]
    any = [{column = "last", within_days = 7}, {column = "amount", between = [10, 20]}]
    """
    json = """{"all": [{"column": "risk", "at_least": 0.5},
                       {"not": {"column": "tier", "in": ["new", "inactive"]}},
                       {"any": [{"column": "last", "within_days": 7}, {"column": "amount", "between": [10, 20]}]}]}"""
    rule = RULES.validate_python(tomllib.loads(toml)["rule"])
    assert rule == RULES.validate_json(json)
    assert columns_of(rule) == ["risk", "tier", "last", "amount"]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"column": "risk"}, "expected one operator of equals, in, at_least"),
        ({"column": "risk", "at_least": 1, "below": 2}, "found at_least and below"),
        ({"column": "risk", "at_leest": 1}, "Extra inputs are not permitted"),
        ({"column": "tier", "one_of": ["high"]}, "Extra inputs are not permitted"),
        ({"column": "risk", "between": [5, 5]}, "with low below high, found [5, 5]"),
        ({"column": "risk", "at_least": "much"}, "valid number"),
        ({"column": "risk", "below": float("nan")}, "finite number"),
        ({"column": "tier", "in": []}, "expected 1 to 1,000 items, found 0"),
        ({"column": "last", "within_days": 0}, "greater than 0"),
        ({"all": []}, "expected 1 to 200 items, found 0"),
        ({"all": [{"column": "risk", "at_least": 1}], "any": []}, "Extra inputs are not permitted"),
        ("risk > 0.5", "valid dictionary"),
        ({"not": [{"column": "risk", "at_least": 1}]}, "valid dictionary"),
    ],
)
def test_what_is_no_rule_is_refused(rule: Any, said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        RULES.validate_python(rule)
    assert said in str(refused.value)


def test_a_flag_may_be_written_as_true() -> None:
    assert written(RULES.validate_python({"column": "consent", "equals": True})) == {"column": "consent", "equals": 1.0}


def test_rules_that_nobody_can_read_are_refused() -> None:
    one = {"column": "risk", "at_least": 0.5}
    with pytest.raises(ValueError, match=f"expected at most {MOST_NODES} conditions and groups, found 201"):
        check_size(RULES.validate_python({"all": [one] * MOST_NODES}))
    deep: dict[str, Any] = one
    for _ in range(21):
        deep = {"not": deep}
    with pytest.raises(ValueError, match="expected at most 20 groups inside each other, found 21"):
        check_size(RULES.validate_python(deep))
    assert check_size(RULES.validate_python(deep["not"]))


@pytest.mark.parametrize("depth", [500, 5_000])
def test_deep_rules_end_in_an_error_not_in_a_crash(depth: int) -> None:
    deep: dict[str, Any] = {"column": "risk", "at_least": 0.5}
    for _ in range(depth):
        deep = {"not": deep}
    with pytest.raises((ValidationError, ValueError)):
        check_size(RULES.validate_python(deep))
