"""The money formula against a worked example, and what must hold of it whatever the numbers are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.arrays import Floats
from training.customer_value.clv import Future, History, Monthly, annuity, clv
from training.customer_value.margins import margin_share
from training.customer_value.money import MOST_MONTHS, Assumptions
from training.customer_value.retention import after_forecast, monthly, own_survival, survival


def ones(*values: float) -> Floats:
    return np.array(values, dtype="float64")


def constant(share: float) -> Monthly:
    """Customers; the same share of them stays each month."""
    return lambda month: ones(share**month)


def of_one(stays: Monthly, *, contacts: float = 2.0) -> tuple[History, Future]:
    """A customer who has spent 1,000 and spends 100 a month, with a margin of 30 %, acquired for 40."""
    return (
        History(ones(1000.0), ones(0.3), ones(10.0), ones(40.0)),
        Future(ones(100.0), ones(contacts), stays),
    )


def test_the_worked_example() -> None:
    # v = 1.1^(-1/12) = 0.9920889: 10 % a year as a month's discount
    # months 1 to 3: 0.9 x 0.9920889 = 0.8928800; 0.81 x 0.9842404 = 0.7972347; 0.729 x 0.9764540 = 0.7118350
    months = 2.4019497
    # 30 % of 100, less 2 contacts of 0.50
    monthly = 30.0 - 1.0
    # 30 % of 1,000, less 10 contacts of 0.50, less the acquisition
    historic = 300.0 - 5.0 - 40.0
    worth = clv(*of_one(constant(0.9)), Assumptions(discount_rate=0.1, contact_cost=0.5, months=3))
    assert worth.historic[0] == pytest.approx(historic)
    assert worth.predicted[0] == pytest.approx(monthly * months, abs=1e-4)
    assert worth.predicted[0] == pytest.approx(69.6565, abs=1e-4)
    assert worth.total[0] == pytest.approx(324.6565, abs=1e-4)
    assert worth.margin[0] == 0.3


def test_the_worked_example_of_the_documentation() -> None:
    margin = margin_share(ones(1000.0), ones(600.0), ones(420.0), ones(0.25))
    assert margin[0] == pytest.approx(0.28)
    amount = monthly(ones(299.0), 91)
    assert amount[0] == pytest.approx(100.01, abs=0.005)
    survives = survival(ones(0.2), 28, lambda month: ones(0.95 ** (month - 1)), 1)
    assert [round(float(survives(month)[0]), 4) for month in (1, 2, 3, 4)] == [0.8, 0.76, 0.722, 0.6859]
    within = ((1 + 0.8) / 2 + (0.8 + 0.76) / 2 + (0.76 + 0.722) / 2) / 3
    fourth = (0.722 + 0.6859) / 2 / within
    shares = [1.0, 1.0, 1.0, *(fourth * 0.95**later for later in range(9))]
    months = sum(share * 1.1 ** (-month / 12) for month, share in enumerate(shares, 1))
    assert (round(fourth, 4), round(shares[-1], 4), round(months, 4)) == (0.8723, 0.5787, 9.0240)
    future = Future(amount, ones(2.0), after_forecast(survives, 91))
    history = History(ones(1000.0), margin, ones(10.0), ones(40.0))
    worth = clv(history, future, Assumptions(contact_cost=0.5))
    assert worth.historic[0] == pytest.approx(235.0)
    assert worth.predicted[0] == pytest.approx(27.0025 * months, abs=0.001)
    assert worth.total[0] == pytest.approx(478.67, abs=0.005)


def test_a_rate_of_retention_takes_its_share_of_the_margin_before_and_after_now() -> None:
    worth = clv(*of_one(constant(1.0)), Assumptions(discount_rate=0.0, retention_rate=0.2, months=12))
    assert worth.historic[0] == pytest.approx(0.8 * 300 - 40)
    assert worth.predicted[0] == pytest.approx(0.8 * 30 * 12)


def test_no_risk_and_no_discount_rate_is_the_plain_sum() -> None:
    for months in (12, 24, 36, MOST_MONTHS):
        worth = clv(*of_one(constant(1.0)), Assumptions(discount_rate=0.0, months=months))
        assert worth.predicted[0] == pytest.approx(30.0 * months)


def test_a_lifetime_is_the_closed_form_and_ends_early() -> None:
    asked: list[int] = []

    def stays(month: int) -> Floats:
        asked.append(month)
        return ones(0.8**month)

    found = annuity(stays, 1, MOST_MONTHS, 0.1)
    share = 0.8 * 1.1 ** (-1 / 12)
    # with constant retention r the sum is r / (1 + i - r), here with monthly rates
    assert found[0] == pytest.approx(share / (1 - share), abs=1e-4)
    assert max(asked) < 80


def test_nobody_is_no_reason_to_fail() -> None:
    nothing = np.zeros(0)
    history = History(nothing, nothing, nothing, nothing)
    worth = clv(history, Future(nothing, nothing, lambda _: nothing), Assumptions())
    assert worth.total.shape == (0,)


RISKS = st.floats(0.0, 1.0)
RATES = st.floats(0.0, 0.9)
HORIZONS = st.sampled_from([7, 28, 56, 91, 200])


def predicted(risk: float, rate: float, horizon: int, months: int, *, drop: float | None) -> float:
    """What a customer is worth whose risk is that, with a forecast of 91 days."""
    own = None if drop is None else constant(1 - drop)
    stays = after_forecast(survival(ones(risk), horizon, own, 1), 91)
    history, future = of_one(stays)
    return float(clv(history, future, Assumptions(discount_rate=rate, months=months)).predicted[0])


@given(risks=st.tuples(RISKS, RISKS), rate=RATES, horizon=HORIZONS, drop=st.one_of(st.none(), st.floats(0.0, 0.9)))
def test_value_does_not_rise_with_risk(
    risks: tuple[float, float], rate: float, horizon: int, drop: float | None
) -> None:
    low, high = sorted(risks)
    assert predicted(high, rate, horizon, 36, drop=drop) <= predicted(low, rate, horizon, 36, drop=drop) + 1e-6


@given(rates=st.tuples(RATES, RATES), risk=RISKS, horizon=HORIZONS)
def test_value_does_not_rise_with_the_discount_rate(rates: tuple[float, float], risk: float, horizon: int) -> None:
    low, high = sorted(rates)
    assert predicted(risk, high, horizon, 36, drop=0.05) <= predicted(risk, low, horizon, 36, drop=0.05) + 1e-6


@given(risk=RISKS, rate=RATES, horizon=HORIZONS)
def test_a_longer_horizon_is_never_worth_less(risk: float, rate: float, horizon: int) -> None:
    values = [predicted(risk, rate, horizon, months, drop=0.05) for months in (12, 24, 36, MOST_MONTHS)]
    assert values == sorted(values)


def test_risk_and_discount_rate_do_make_a_difference() -> None:
    values = [predicted(risk, 0.1, 28, 12, drop=0.05) for risk in (0.0, 0.3, 0.9)]
    assert values[0] > 1.02 * values[1] > 1.02**2 * values[2]
    rates = [predicted(0.1, rate, 28, 12, drop=0.05) for rate in (0.0, 0.1, 0.5)]
    assert rates[0] > 1.02 * rates[1] > 1.02**2 * rates[2]


@given(risk=RISKS, horizon=HORIZONS, drop=st.floats(0.0, 1.0))
def test_survival_is_a_probability_that_never_rises(risk: float, horizon: int, drop: float) -> None:
    stays = survival(ones(risk, np.nan), horizon, lambda month: ones((1 - drop) ** month, (1 - drop) ** month), 2)
    values = np.array([stays(month) for month in range(1, 40)])
    assert ((values >= 0) & (values <= 1)).all()
    assert (np.diff(values, axis=0) <= 1e-12).all()


def test_the_risk_counts_once_and_the_own_survival_takes_over_after_it() -> None:
    stays = survival(ones(0.36), 2 * 30.4375, constant(0.9), 1)
    # half of the horizon: the square root of 0.64
    assert stays(1)[0] == pytest.approx(0.8)
    assert stays(2)[0] == pytest.approx(0.64)
    assert stays(4)[0] == pytest.approx(0.64 * 0.9**2)
    # without own survival the risk is repeated; without a risk the own counts alone
    assert survival(ones(0.36), 2 * 30.4375, None, 1)(4)[0] == pytest.approx(0.64**2)
    assert survival(None, 28, constant(0.9), 1)(4)[0] == pytest.approx(0.9**4)
    assert survival(None, 28, None, 1)(4)[0] == 1.0


def test_a_forecast_covers_its_own_months() -> None:
    stays = after_forecast(constant(0.5), 91)
    assert [float(stays(month)[0]) for month in (1, 2, 3)] == [1.0, 1.0, 1.0]
    # in month 4 between 1/8 and 1/16 are left, in the first three between 1 and 1/2, 1/2 and 1/4, 1/4 and 1/8
    within = (0.75 + 0.375 + 0.1875) / 3
    assert stays(4)[0] == pytest.approx(0.09375 / within)


def test_own_survival_is_what_a_month_expects_over_the_first() -> None:
    # 2 orders in the first month, 3 in two, 3.5 in three; the second customer none
    expected = {1: ones(2.0, 0.0), 2: ones(3.0, 0.0), 3: ones(3.5, 0.0)}
    stays = own_survival(lambda months: expected[months])
    assert [stays(month).tolist() for month in (1, 2, 3)] == [[1.0, 0.0], [0.5, 0.0], [0.25, 0.0]]
