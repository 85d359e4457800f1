"""Small populations with values of every kind, missing ones too, and a naive reading of rules."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from hypothesis import strategies as st

from serving.segments.columns import Kind, RuleColumn
from serving.segments.population import Population

NOW = datetime(2024, 5, 1, tzinfo=UTC)
KINDS: dict[str, Kind] = {"risk": "number", "amount": "number", "tier": "text", "city": "text", "last": "moment"}
COLUMNS = {name: RuleColumn(name, kind, "profile") for name, kind in KINDS.items()}
#: Few values, so that rules often meet them, also at the ends of intervals.
NUMBERS = (-1.0, 0.0, 0.2, 0.5, 1.0, 3.0)
TEXTS = ("high", "low", "", "中")
DAYS = (0.5, 1.0, 7.0, 30.0)

Row = Mapping[str, Any]


def population(rows: Sequence[Row]) -> Population:
    """Return customers `c0`, `c1` and so on with these values; moments are datetimes."""
    numbers, texts = {}, {}
    for name, kind in KINDS.items():
        values = [row.get(name) for row in rows]
        if kind == "text":
            texts[name] = np.array([*values, None], dtype=object)[:-1]
        elif kind == "moment":
            numbers[name] = np.array([np.nan if one is None else (one - NOW) / timedelta(days=1) for one in values])
        else:
            numbers[name] = np.array([np.nan if one is None else one for one in values], dtype="float64")
    customers = [f"c{place}" for place in range(len(rows))]
    return Population(customers, NOW, COLUMNS, numbers, texts)


def naive(rule: Mapping[str, Any], row: Row) -> bool:
    """Say whether a rule, as JSON has it, holds for one customer: plain comparisons of Python values."""
    if "all" in rule:
        return all(naive(part, row) for part in rule["all"])
    if "any" in rule:
        return any(naive(part, row) for part in rule["any"])
    if "not" in rule:
        return not naive(rule["not"], row)
    value = row.get(rule["column"])
    (operator,) = rule.keys() - {"column"}
    operand = rule[operator]
    if operator == "missing":
        return (value is None) is operand
    if value is None:
        return False
    day = timedelta(days=1)
    holds: dict[str, Any] = {
        "equals": lambda: value == operand,
        "in": lambda: value in operand,
        "at_least": lambda: value >= operand,
        "below": lambda: value < operand,
        "between": lambda: operand[0] <= value < operand[1],
        "within_days": lambda: NOW - operand * day <= value < NOW,
        "next_days": lambda: NOW <= value < NOW + operand * day,
        "older_than_days": lambda: value < NOW - operand * day,
    }
    return bool(holds[operator]())


def rows() -> st.SearchStrategy[list[dict[str, Any]]]:
    """Return lists of customers."""
    moments = [NOW + sign * timedelta(days=days) for days in (0.0, *DAYS, 31.0) for sign in (-1, 1)]
    moments += [NOW - timedelta(days=7, microseconds=1), NOW - timedelta(microseconds=1)]
    values: dict[Kind, Sequence[Any]] = {"number": NUMBERS, "text": TEXTS, "moment": moments}
    row = {name: st.sampled_from([None, *values[kind]]) for name, kind in KINDS.items()}
    return st.lists(st.fixed_dictionaries(row), max_size=12)


def condition() -> st.SearchStrategy[dict[str, Any]]:
    """Return conditions on any column, as JSON has them."""
    numbers, texts, days = st.sampled_from(NUMBERS), st.sampled_from(TEXTS), st.sampled_from(DAYS)
    ends = st.lists(numbers, min_size=2, max_size=2, unique=True).map(sorted)
    operators: dict[Kind, dict[str, st.SearchStrategy[Any]]] = {
        "number": {"equals": numbers, "in": st.lists(numbers, min_size=1, max_size=3)}
        | {"at_least": numbers, "below": numbers, "between": ends},
        "text": {"equals": texts, "in": st.lists(texts, min_size=1, max_size=3)},
        "moment": dict.fromkeys(("within_days", "next_days", "older_than_days"), days),
    }
    choices = [
        st.builds(lambda value, name=name, operator=operator: {"column": name, operator: value}, operand)
        for name, kind in KINDS.items()
        for operator, operand in {**operators[kind], "missing": st.booleans()}.items()
    ]
    return st.one_of(choices)


def rules() -> st.SearchStrategy[dict[str, Any]]:
    """Return rules with groups inside each other."""
    return st.recursive(
        condition(),
        lambda part: st.one_of(
            st.lists(part, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
            st.lists(part, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
            part.map(lambda one: {"not": one}),
        ),
        max_leaves=6,
    )
