"""Many comparisons at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.effects.multiple import holm, share_of_miss


def test_holm_by_hand() -> None:
    """3 x .01; then 2 x .03; then max(.06, 1 x .04)."""
    np.testing.assert_allclose(holm(np.array([0.04, 0.01, 0.03])), [0.06, 0.03, 0.06])
    np.testing.assert_allclose(holm(np.array([0.9, np.nan, 0.6])), [1.0, np.nan, 1.0])
    assert holm(np.zeros(0)).shape == (0,)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_the_order_and_lies_between_one_and_all_comparisons(given_values: list[float]) -> None:
    p_values = np.array(given_values)
    adjusted = holm(p_values)
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()
    assert (adjusted >= p_values).all()
    assert (adjusted <= np.minimum(p_values * len(p_values), 1) + 1e-15).all()
    assert adjusted.min() == pytest.approx(min(1, p_values.min() * len(p_values)))


def test_intervals_share_the_probability_of_a_miss() -> None:
    assert [share_of_miss(count) for count in (0, 1, 4)] == [0.05, 0.05, 0.0125]
