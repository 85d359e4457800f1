"""What is expected of a customer before trees: worked examples, and what is recovered from generated customers."""

import numpy as np
import pytest

from core.arrays import Columns
from tests.training.customer_value.business import HORIZON, SHOP, Business, histories, value_set
from training.btyd.bg_nbd import BgNbd
from training.btyd.gamma_gamma import GammaGamma
from training.customer_value.start import LEAST_AMOUNT, LEAST_ORDERS, Start, fit_start

START = Start(HORIZON, BgNbd(1.2, 0.9, 0.05, 20.0), GammaGamma(2.0, 3.0, 40.0))


def customers() -> Columns:
    """Return one who comes every week, one who stopped half a year ago, and one of a single purchase."""
    return {
        "baskets_total": np.array([52.0, 26.0, 1.0]),
        "amount_total": np.array([5200.0, 2600.0, 100.0]),
        "tenure_days": np.array([364.0, 364.0, 7.0]),
        "recency_days": np.array([3.0, 182.0, 7.0]),
        "amount_84d": np.array([1200.0, 0.0, 100.0]),
        "baskets_84d": np.array([12.0, 0.0, 1.0]),
    }


def test_one_who_comes_every_week_is_expected_thirteen_times() -> None:
    orders, amount = START.orders(customers()), START.amount(customers())
    assert orders[0] == pytest.approx(13, rel=0.05)
    assert amount[0] == pytest.approx(1300, rel=0.05)
    alive = START.alive(customers())
    assert alive[0] > 0.95
    assert alive[1] < 0.05
    assert orders[1] < 0.1
    assert START.returns(customers())[0] > 0.99


def test_the_start_is_the_mean_of_what_is_expected_and_recent() -> None:
    expected = START.expected_amount(customers())
    recent = np.array([1300.0, 0.0, 100 * 91 / 84])
    np.testing.assert_allclose(START.amount(customers())[[0, 2]], np.sqrt(expected * (expected + recent) / 2)[[0, 2]])


def test_no_start_is_nothing_and_unknown_customers_have_none() -> None:
    gone = {name: np.array([values[1]]) for name, values in customers().items()} | {"recency_days": np.array([363.0])}
    assert START.orders(gone)[0] >= LEAST_ORDERS
    assert START.amount(gone)[0] >= LEAST_AMOUNT
    unknown = {name: np.array([np.nan]) for name in customers()}
    assert np.isnan([START.orders(unknown)[0], START.amount(unknown)[0], START.alive(unknown)[0]]).all()
    nobody = customers() | {"baskets_total": np.zeros(3)}
    assert np.isnan(START.amount(nobody)).all()


@pytest.mark.parametrize("horizon", [28, HORIZON])
def test_the_sum_over_generated_customers_is_what_they_spend(horizon: int) -> None:
    """Amounts do not move in this business, so that BG/NBD x Gamma-Gamma is the model that made them."""
    steady = Business(customers=2_000, growth=1.0, seed=5)
    rows = value_set(histories(steady), [300], horizon)
    start = fit_start(rows.columns, horizon)
    assert start.expected_orders(rows.columns).sum() == pytest.approx(rows.orders.sum(), rel=0.05)
    assert start.expected_amount(rows.columns).sum() == pytest.approx(rows.spent.sum(), rel=0.1)


def test_without_amounts_there_is_nothing_to_fit() -> None:
    rows = value_set(histories(SHOP), [200])
    with pytest.raises(ValueError, match="found none"):
        fit_start(rows.columns | {"amount_total": np.zeros(len(rows))}, HORIZON)
