"""What contracts bring, against a naive loop over days."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.customer_value.clv import annuity
from training.customer_value.contracts import Terms, contract_stays, monthly_price
from training.customer_value.money import MONTH_DAYS, Assumptions

#: Steps of a day in the naive loop.
STEPS = 64


def terms(price: float, age: float, end: float, cancelled: float = 0.0) -> Terms:
    return Terms(*(np.array([value]) for value in (price, age, end, cancelled)))


def naive(age: float, end: float, kept: float, month: int) -> float:
    """Walk through a month in small steps: which renewal is it, and how likely has it come to that."""
    period, total = max(1.0, age + end), 0.0
    steps = int(MONTH_DAYS * STEPS)
    for step in range(steps):
        moment = (month - 1) * MONTH_DAYS + (step + 0.5) / steps * MONTH_DAYS
        renewals = 0
        while moment >= end + renewals * period:
            renewals += 1
        total += kept**renewals
    return total / steps


@given(
    age=st.integers(0, 400),
    end=st.integers(0, 400),
    risk=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    month=st.integers(1, 30),
)
def test_a_contract_with_an_end_is_a_walk_through_its_renewals(age: int, end: int, risk: float, month: int) -> None:
    stays = contract_stays(terms(10.0, age, end), np.array([risk]), 28)
    assert stays(month)[0] == pytest.approx(naive(age, end, 1 - risk, month), abs=1 / STEPS)


@given(age=st.integers(0, 400), end=st.integers(0, 400), risk=st.floats(0, 1))
def test_what_is_expected_never_rises(age: int, end: int, risk: float) -> None:
    stays = contract_stays(terms(10.0, age, end), np.array([risk]), 28)
    values = [float(stays(month)[0]) for month in range(1, 40)]
    assert all(later <= earlier + 1e-5 for earlier, later in pairwise(values))


def test_the_worked_example() -> None:
    # a yearly contract, half a year old, of 10 a month; six more months are paid, then it is renewed with 80 %
    half = 6 * MONTH_DAYS
    one = terms(10.0, half, half)
    stays = contract_stays(one, np.array([0.2]), 28)
    assert [round(float(stays(month)[0]), 9) for month in (1, 6, 7, 18, 19)] == [1, 1, 0.8, 0.8, 0.64]
    assert monthly_price(one, Assumptions()) * annuity(stays, 1, 24, 0.0) == pytest.approx(
        10 * (6 + 12 * 0.8 + 6 * 0.64)
    )


def test_a_price_of_the_period_is_spread_over_its_months() -> None:
    of_period = Assumptions(contract_price="period")
    assert monthly_price(terms(120.0, 6 * MONTH_DAYS, 6 * MONTH_DAYS), of_period)[0] == pytest.approx(10.0)
    # without an end there is no period
    assert monthly_price(terms(12.0, 100.0, np.nan), of_period)[0] == 12.0
    assert monthly_price(terms(np.nan, 1.0, 1.0), of_period)[0] == 0.0


def test_a_cancelled_contract_runs_until_its_end_and_no_longer() -> None:
    stays = contract_stays(terms(10.0, 30.0, 2 * MONTH_DAYS, 1.0), np.array([0.0]), 28)
    assert [float(stays(month)[0]) for month in (1, 2, 3)] == [1.0, 1.0, 0.0]


def test_a_contract_that_is_over_or_never_was_brings_nothing() -> None:
    for one in (terms(10.0, 90.0, -5.0), terms(np.nan, np.nan, np.nan)):
        assert contract_stays(one, np.array([0.1]), 28)(1)[0] == 0.0


def test_a_contract_that_runs_on_ends_with_the_hazard_of_the_risk() -> None:
    stays = contract_stays(terms(10.0, 90.0, np.nan), np.array([0.19]), 2 * MONTH_DAYS)
    assert [float(stays(month)[0]) for month in (1, 2, 4)] == pytest.approx([0.9, 0.81, 0.81**2])
    assert contract_stays(terms(10.0, 90.0, np.nan, 1.0), np.array([0.0]), 28)(1)[0] == 0.0


def test_a_customer_without_a_risk_has_the_mean_one() -> None:
    two = Terms(*(np.array([value, value]) for value in (10.0, 0.0, MONTH_DAYS, 0.0)))
    assert contract_stays(two, np.array([0.4, np.nan]), 28)(2).tolist() == pytest.approx([0.6, 0.6])
    # without any risk the months that are paid are known, and no others
    unknown = contract_stays(two, np.array([np.nan, np.nan]), 28)
    assert unknown(1).tolist() == [1.0, 1.0]
    assert np.isnan(unknown(2)).all()
