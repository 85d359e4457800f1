"""Tiers: everybody is in exactly one, and the shares are those of the settings."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from training.segments.pyramid import TIERS, PyramidCuts, tiers
from training.segments.settings import TierShares

SHARES = st.builds(
    TierShares,
    diamond=st.floats(0.01, 0.02),
    platinum=st.floats(0.03, 0.05),
    gold=st.floats(0.1, 0.15),
    regular=st.floats(0.2, 0.25),
)


def test_a_thousand_customers_are_shared_out_as_configured() -> None:
    amounts = np.random.default_rng(3).permutation(np.arange(1, 1001)).astype(float)
    found = tiers(amounts, PyramidCuts.learn(amounts, TierShares()))
    assert Counter(found) == {"diamond": 20, "platinum": 50, "gold": 130, "regular": 250, "basic": 550}
    assert set(amounts[found == "diamond"]) == set(range(981, 1001))


@given(st.lists(st.integers(-5, 40), max_size=80), SHARES)
def test_everybody_is_in_one_tier_and_shares_are_as_near_as_ties_allow(values: list[int], shares: TierShares) -> None:
    amounts = np.array(values, dtype=float)
    found = tiers(amounts, PyramidCuts.learn(amounts, shares))
    assert set(found) <= set(TIERS)
    assert len(found) == len(values)
    ranks = [TIERS.index(tier) for tier in found]
    for (one, rank), (other, lower) in zip(
        zip(values, ranks, strict=True), zip(values, ranks, strict=True), strict=True
    ):
        assert one != other or rank == lower
    # in the order of amounts the tiers only fall
    ordered = [rank for _, rank in sorted(zip(values, ranks, strict=True), key=lambda pair: -pair[0])]
    assert ordered == sorted(ordered)
    positive = sum(value > 0 for value in values)
    for place, share in enumerate(np.cumsum(shares.as_tuple()).tolist()):
        reached = sum(rank <= place for rank in ranks)
        possible = [sum(value >= limit for value in values) for limit in {*values, math.inf} if limit > 0]
        wanted = share * len(values)
        assert abs(reached - wanted) <= min(abs(one - wanted) for one in possible) + 1e-9
        assert reached <= positive


def test_who_brought_nothing_is_basic_however_many_they_are() -> None:
    amounts = np.array([0.0] * 97 + [5.0, 6.0, -3.0])
    found = tiers(amounts, PyramidCuts.learn(amounts, TierShares()))
    assert Counter(found) == {"diamond": 2, "basic": 98}


def test_one_customer_gets_the_tier_of_the_population() -> None:
    cuts = PyramidCuts.learn(np.arange(1.0, 101.0), TierShares())
    assert cuts.least == (99.0, 94.0, 81.0, 56.0)
    assert tiers(np.array([99.0, 98.9, 80.0, 1.0, np.nan]), cuts).tolist() == [
        "diamond",
        "platinum",
        "regular",
        "basic",
        "",
    ]


def test_few_customers_leave_high_tiers_empty() -> None:
    cuts = PyramidCuts.learn(np.array([3.0, 2.0, 1.0]), TierShares())
    assert cuts.least[0] == math.inf
    assert tiers(np.array([1e9]), PyramidCuts.learn(np.array([]), TierShares())).tolist() == ["basic"]


def test_shares_that_leave_nobody_basic_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"sum to less than 1, found 1\.05"):
        TierShares(diamond=0.1, platinum=0.2, gold=0.35, regular=0.4)
