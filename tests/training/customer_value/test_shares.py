"""How revenue is spread, against naive loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.customer_value.shares import POINTS, concentration


def test_the_best_fifth_of_ten_customers() -> None:
    found = concentration(np.array([1.0, 1, 1, 1, 1, 1, 1, 1, 2, 10]))
    assert found is not None
    assert found.best_fifth == pytest.approx(12 / 20)
    assert found.deciles.tolist() == pytest.approx([10 / 20, 2 / 20, *[1 / 20] * 8])


def test_amounts_below_zero_and_missing_ones_count_as_nothing() -> None:
    found = concentration(np.array([-5.0, np.nan, 10.0, 10.0]))
    assert found is not None
    assert found.lorenz[0] == 0
    assert found.lorenz[50] == 0
    assert found.gini == pytest.approx(0.5)
    assert concentration(np.array([0.0, -1.0, np.nan])) is None
    assert concentration(np.zeros(0)) is None


AMOUNTS = st.lists(st.integers(0, 1000), min_size=1, max_size=40).filter(any)


@given(amounts=AMOUNTS)
def test_gini_is_the_mean_difference_of_all_pairs(amounts: list[int]) -> None:
    found = concentration(np.array(amounts, dtype="float64"))
    assert found is not None
    pairs = [abs(a - b) for a in amounts for b in amounts]
    mean = sum(amounts) / len(amounts)
    assert found.gini == pytest.approx(sum(pairs) / len(pairs) / (2 * mean), abs=1e-9)


@given(amounts=AMOUNTS)
def test_shares_add_up_and_the_best_come_first(amounts: list[int]) -> None:
    found = concentration(np.array(amounts, dtype="float64"))
    assert found is not None
    assert found.deciles.sum() == pytest.approx(1.0)
    assert (np.diff(found.deciles) <= 1e-9).all()
    assert found.best_fifth == pytest.approx(found.deciles[:2].sum())
    assert len(found.lorenz) == POINTS
    assert (np.diff(found.lorenz) >= -1e-12).all()
    # each customer ten times is cut into tenths without a rest: the same shares, counted one by one
    repeated = sorted(amounts * 10, reverse=True)
    tenth = len(amounts)
    naive = [sum(repeated[k * tenth : (k + 1) * tenth]) / sum(repeated) for k in range(10)]
    assert found.deciles.tolist() == pytest.approx(naive)
