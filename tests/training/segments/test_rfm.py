"""Scores against a naive loop; the eleven groups cover the grid."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.arrays import Columns
from training.segments import rfm
from training.segments.rfm import RfmCuts
from training.segments.settings import FixedCuts

NUMBERS = st.lists(st.integers(0, 30), min_size=1, max_size=60)


def columns_of(recency: list[float], orders: list[float], amounts: list[float]) -> Columns:
    return dict(zip(rfm.SCORED.values(), map(np.array, (recency, orders, amounts)), strict=True))


def naive_score(value: float, population: list[float]) -> int:
    """1 and 1 more for each fifth of the customers that lies wholly below the value."""
    ordered = sorted(population)
    limits = [ordered[-(-len(ordered) * fifth // 5) - 1] for fifth in (1, 2, 3, 4)]
    return 1 + sum(limit < value for limit in limits)


@given(NUMBERS)
def test_scores_equal_a_naive_loop(values: list[int]) -> None:
    numbers = [float(value) for value in values]
    columns = columns_of(numbers, numbers, numbers)
    scored = rfm.score(columns, RfmCuts.learn(columns), len(numbers))
    wanted = [naive_score(value, numbers) for value in numbers]
    assert scored.frequency.tolist() == wanted
    assert scored.monetary.tolist() == wanted
    assert scored.recency.tolist() == [6 - one for one in wanted]  # few days are a high score


def test_without_ties_each_score_has_a_fifth() -> None:
    values = np.random.default_rng(1).permutation(100).astype(float).tolist()
    columns = columns_of(values, values, values)
    scored = rfm.score(columns, RfmCuts.learn(columns), 100)
    for scores in (scored.recency, scored.frequency, scored.monetary):
        assert Counter(scores.tolist()) == dict.fromkeys((1, 2, 3, 4, 5), 20)


def test_equal_values_have_equal_scores() -> None:
    orders = [1.0] * 70 + [2.0] * 20 + [9.0] * 10
    columns = columns_of(orders, orders, orders)
    scored = rfm.score(columns, RfmCuts.learn(columns), 100)
    assert scored.frequency.tolist() == [1.0] * 70 + [4.0] * 20 + [5.0] * 10


def test_one_customer_is_scored_by_what_the_population_taught() -> None:
    values = [float(value) for value in range(50)]
    cuts = RfmCuts.learn(columns_of(values, values, values))
    one = rfm.score(columns_of([0.0], [49.0], [1e9]), cuts, 1)
    assert (one.recency[0], one.frequency[0], one.monetary[0], one.group[0]) == (5, 5, 5, "champions")


def test_fixed_limits_are_those_of_the_settings() -> None:
    fixed = FixedCuts(recency_days=(7, 14, 28, 84), orders=(1, 2, 5, 10), amount=(10, 20, 50, 100))
    scored = rfm.score(columns_of([7.0, 7.1, 85.0], [1.0, 2.0, 11.0], [10.0, 50.0, 51.0]), RfmCuts.fixed(fixed), 3)
    assert scored.recency.tolist() == [5, 4, 1]
    assert scored.frequency.tolist() == [1, 2, 5]
    assert scored.monetary.tolist() == [1, 3, 4]


def test_limits_that_do_not_ascend_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"ascending limits in orders, found \[5"):
        FixedCuts(recency_days=(7, 14, 28, 84), orders=(5, 2, 5, 10), amount=(10, 20, 50, 100))


def test_customers_without_a_purchase_have_no_scores() -> None:
    columns = columns_of([1.0, np.nan], [3.0, np.nan], [9.0, np.nan])
    scored = rfm.score(columns, RfmCuts.learn(columns), 2)
    assert not np.isnan(scored.recency[0])
    assert np.isnan([scored.recency[1], scored.frequency[1], scored.monetary[1]]).all()
    assert scored.group[1] == ""
    nobody = rfm.score({}, RfmCuts.learn({}), 2)
    assert np.isnan(nobody.recency).all()
    assert nobody.group.tolist() == ["", ""]


def test_all_125_scores_have_a_group_and_every_group_is_reached() -> None:
    grid = np.array([(r, f, m) for r in range(1, 6) for f in range(1, 6) for m in range(1, 6)], dtype=float)
    found = rfm.groups(grid[:, 0], grid[:, 1], grid[:, 2])
    assert set(found) == set(rfm.GROUPS)
    assert len(rfm.GROUPS) == 11
    for (recency, frequency, monetary), group in zip(grid.tolist(), found, strict=True):
        mean = int((frequency + monetary) / 2 + 0.5)
        assert group == rfm.GRID[int(recency)][mean - 1]


def test_who_came_lately_is_never_in_a_group_of_customers_who_leave() -> None:
    leaving = {"at_risk", "cannot_lose", "hibernating", "lost", "about_to_sleep"}
    assert not leaving & {*rfm.GRID[5], *rfm.GRID[4]}
    assert leaving >= {*rfm.GRID[1], *rfm.GRID[2]}
