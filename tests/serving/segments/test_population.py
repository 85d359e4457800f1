"""Who a rule holds for, against a naive loop over customers; and the laws of and, or and not, missing values too."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from pydantic import TypeAdapter

from serving.segments.columns import RuleError
from serving.segments.population import Population
from serving.segments.rules import Rule
from tests.serving.segments import populations as made

RULES: TypeAdapter[Rule] = TypeAdapter(Rule)


def members(everyone: Population, rule: dict[str, Any]) -> list[str]:
    return everyone.chosen(everyone.members(RULES.validate_python(rule)))


@given(made.rows(), made.rules())
def test_members_are_those_of_a_naive_loop(rows: list[dict[str, Any]], rule: dict[str, Any]) -> None:
    expected = [f"c{place}" for place, row in enumerate(rows) if made.naive(rule, row)]
    assert members(made.population(rows), rule) == expected


@given(made.rows(), made.rules(), made.rules(), made.rules())
def test_the_laws_of_and_or_and_not_hold(
    rows: list[dict[str, Any]], a: dict[str, Any], b: dict[str, Any], c: dict[str, Any]
) -> None:
    everyone = made.population(rows)

    def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
        return members(everyone, one) == members(everyone, other)

    assert same({"not": {"not": a}}, a)
    assert same({"not": {"all": [a, b]}}, {"any": [{"not": a}, {"not": b}]})
    assert same({"all": [a, {"any": [b, c]}]}, {"any": [{"all": [a, b]}, {"all": [a, c]}]})
    assert members(everyone, {"any": [a, {"not": a}]}) == everyone.customers
    assert members(everyone, {"all": [a, {"not": a}]}) == []


def test_a_worked_example_with_missing_values() -> None:
    everyone = made.population([{"risk": 0.5}, {"risk": 0.4}, {}])
    assert members(everyone, {"column": "risk", "at_least": 0.5}) == ["c0"]
    assert members(everyone, {"column": "risk", "below": 0.5}) == ["c1"]
    assert members(everyone, {"not": {"column": "risk", "at_least": 0.5}}) == ["c1", "c2"]
    assert members(everyone, {"column": "risk", "missing": True}) == ["c2"]


def test_past_and_future_are_cut_without_gap_or_overlap() -> None:
    rows = [{"last": made.NOW + timedelta(days=days)} for days in (-31, -30, -1, 0, 6.9, 7, 8)]
    everyone = made.population(rows)
    assert members(everyone, {"column": "last", "older_than_days": 30}) == ["c0"]
    assert members(everyone, {"column": "last", "within_days": 30}) == ["c1", "c2"]
    assert members(everyone, {"column": "last", "next_days": 7}) == ["c3", "c4"]


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"column": "rsik", "at_least": 1}, "There is no column 'rsik'. Did you mean risk?"),
        ({"column": "zzzzz", "at_least": 1}, "There is no column 'zzzzz'; there are 5, such as risk, amount"),
        ({"column": "tier", "at_least": 1}, "Expected an operator for tier, which is a text: equals, in, missing"),
        ({"column": "last", "below": 1}, "which is a moment: within_days, next_days, older_than_days, missing"),
        ({"column": "risk", "equals": "high"}, "Expected a number for equals of risk, found 'high'"),
        ({"column": "tier", "in": ["high", 5]}, "Expected a text for in of tier, found 5.0"),
    ],
)
def test_a_condition_that_does_not_fit_its_column_is_refused(condition: dict[str, Any], said: str) -> None:
    with pytest.raises(RuleError) as refused:
        members(made.population([{"risk": 1.0}]), condition)
    assert said in str(refused.value)


def test_some_customers_are_found_by_id() -> None:
    everyone = made.population([{}, {}, {}])
    assert np.flatnonzero(everyone.are(frozenset({"c2", "gone", "c0"}))).tolist() == [0, 2]
