"""Intervals at many looks, against the formula of the paper and in campaigns without an effect."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from training.effects import sequential
from training.effects.difference import effect


def test_a_sequential_interval_by_the_formula_of_the_paper() -> None:
    """Standard deviation 2, t = 400, planned 1000: ± 2 sqrt(2 (t r² + 1) / (t² r²) x log(sqrt(t r² + 1) / a))."""
    found = effect(0.1, 2 / math.sqrt(400), (200, 200))
    chosen = minimize_scalar(
        lambda u: (1 + 1 / u) * math.log((u + 1) / 0.05**2),
        bounds=(0.1, 100),
        method="bounded",
        options={"xatol": 1e-9},
    )
    r, t = math.sqrt(chosen.x / 1000), 400
    for miss in (0.05, 0.01):
        reach = 2 * math.sqrt(2 * (t * r**2 + 1) / (t**2 * r**2) * math.log(math.sqrt(t * r**2 + 1) / miss))
        assert sequential.half_width(found, 400, 1000, miss) == pytest.approx(reach, rel=1e-6)


@given(
    st.floats(-5, 5),
    st.floats(1e-3, 10),
    st.integers(1, 10**6),
    st.floats(0.001, 1),
    st.sampled_from([0.05, 0.01, 0.001]),
    st.floats(1, 1e6),
)
def test_a_sequential_interval_contains_the_fixed_one(
    value: float, error: float, planned: int, share: float, miss: float, degrees: float
) -> None:
    found = effect(value, error, (10, 10), degrees=degrees)
    seen = max(1, int(planned * share))
    assert sequential.half_width(found, seen, planned, miss) >= found.half_width(miss)
    assert sequential.p_value(found, seen, planned) >= found.p_value


@given(st.floats(-8, 8), st.integers(50, 2000), st.sampled_from([0.05, 0.0125]))
def test_sequential_p_values_and_intervals_agree(value: float, seen: int, miss: float) -> None:
    found = effect(value, 1.0, (100, 100))
    reach = sequential.half_width(found, seen, 2000, miss)
    p_value = sequential.p_value(found, seen, 2000)
    if abs(abs(value) - reach) > 1e-9:
        assert (p_value < miss) == (abs(value) > reach)


def test_looking_many_times_misses_rarely_with_sequential_intervals_alone() -> None:
    """2,000 customers without any effect, looked at 20 times, in 400 campaigns."""
    rng = np.random.default_rng(11)
    sums = np.cumsum(rng.normal(0, 1, (400, 20, 100)).sum(axis=2), axis=1)
    seen = np.arange(1, 21) * 100
    fixed = sequentially = 0
    for row in sums:
        looks = [effect(total / count, 1 / math.sqrt(count), (1, 1)) for total, count in zip(row, seen, strict=True)]
        fixed += any(look.p_value < 0.05 for look in looks)
        reaches = [sequential.half_width(look, int(count), 2000) for look, count in zip(looks, seen, strict=True)]
        sequentially += any(abs(look.value) > reach for look, reach in zip(looks, reaches, strict=True))
    assert fixed / 400 > 0.15
    assert sequentially / 400 <= 0.05
