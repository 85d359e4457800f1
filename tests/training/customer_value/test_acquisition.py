"""Acquisition cost, value, and value over cost, by channel and by month of the first purchase."""

import numpy as np
import pytest

from training.customer_value.acquisition import by_channel, by_cohort
from training.customer_value.money import Assumptions, Worth

CHANNELS = ["search", "friend", None, "search", "search", "friend"]
TOTAL = np.array([90.0, 50.0, 20.0, 30.0, 0.0, 70.0])


def worth() -> Worth:
    nothing = np.zeros(6)
    return Worth(nothing, TOTAL, TOTAL, nothing)


def costs() -> np.ndarray:
    return Assumptions(acquisition_cost=5.0, acquisition_costs={"search": 20.0, "friend": 0.0}).acquired_for(CHANNELS)


def test_a_channel_without_a_cost_of_its_own_has_that_of_all() -> None:
    assert costs().tolist() == [20.0, 0.0, 5.0, 20.0, 20.0, 0.0]


def test_each_channel_has_its_customers_cost_and_value() -> None:
    search, friend, unknown = by_channel(CHANNELS, costs(), worth())
    assert (search.name, search.customers, search.acquisition_cost) == ("search", 3, 20.0)
    assert search.clv == pytest.approx(40.0)
    # 40 after the cost is 60 before it, three times what was paid
    assert search.clv_over_cost == pytest.approx(3.0)
    assert (friend.name, friend.customers, friend.clv, friend.clv_over_cost) == ("friend", 2, 60.0, None)
    assert (unknown.name, unknown.customers, unknown.clv, unknown.clv_over_cost) == (None, 1, 20.0, 5.0)


def test_cohorts_are_months_of_the_first_purchase() -> None:
    firsts = np.array(["2024-02-29T23:59:59", "2024-01-01", "NaT", "2024-02-01", "2023-12-31", "2024-01-31"], "M8[s]")
    found = by_cohort(firsts, costs(), worth())
    assert [(one.name, one.customers) for one in found] == [("2023-12", 1), ("2024-01", 2), ("2024-02", 2), (None, 1)]
    assert found[2].clv == pytest.approx((90 + 30) / 2)
    assert sum(one.customers for one in found) == len(CHANNELS)


def test_nobody_is_no_row() -> None:
    nothing = np.zeros(0)
    assert by_channel([], nothing, Worth(nothing, nothing, nothing, nothing)) == []
