"""All parts of the money together: from features to what customers are worth."""

from itertools import pairwise

import numpy as np
import pytest

from core.arrays import Columns, Floats
from training.customer_value.money import MONTH_DAYS, Assumptions
from training.customer_value.worth import Costs, Risk, worth_of_buyers, worth_of_contracts


def ones(*values: float) -> Floats:
    return np.array(values, dtype="float64")


def own(month: int) -> Floats:
    """5 % fewer orders each month."""
    return np.full(2, 0.95 ** (month - 1))


def buyers() -> Columns:
    """The customer of the documentation, and one with an amount alone."""
    return {
        "amount_total": ones(1000.0, 500.0),
        "contacts_total": ones(10.0, np.nan),
        # two a month
        "contacts_84d": ones(2.0 * 84 / MONTH_DAYS, np.nan),
        "margin_amount_known": ones(600.0, np.nan),
        "margin_cost": ones(420.0, np.nan),
    }


def test_the_customer_of_the_documentation() -> None:
    costs = Costs(ones(0.25, 0.25), ones(40.0, 0.0))
    risk = Risk(ones(0.2, np.nan), 28)
    worth = worth_of_buyers(buyers(), (ones(299.0, 0.0), 91), risk, own, costs, Assumptions(contact_cost=0.5))
    assert worth.margin.tolist() == pytest.approx([0.28, 0.25])
    assert worth.historic.tolist() == pytest.approx([235.0, 125.0])
    assert worth.predicted.tolist() == pytest.approx([243.67, 0.0], abs=0.005)
    assert worth.total.tolist() == pytest.approx([478.67, 125.0], abs=0.005)


def test_without_a_churn_model_and_contacts_the_purchase_model_is_enough() -> None:
    columns = {"amount_total": ones(1000.0, 500.0)}
    costs = Costs(ones(1.0, 1.0), ones(0.0, 0.0))
    found = worth_of_buyers(columns, (ones(91.0, 91.0), 91), None, own, costs, Assumptions(discount_rate=0.0))
    # months 4 to 12, each at its middle, over the mean of the first three; everybody is a customer now
    at = [1.0, *(0.95**month for month in range(12))]
    middles = [(a + b) / 2 for a, b in pairwise(at)]
    months = 3 + sum(middles[3:]) / (sum(middles[:3]) / 3)
    assert found.predicted.tolist() == pytest.approx([MONTH_DAYS * months] * 2)
    assert found.historic.tolist() == [1000.0, 500.0]


def test_contracts_are_worth_their_price_and_renewals() -> None:
    half = 6 * MONTH_DAYS
    columns = {
        "contract_price": ones(10.0, 10.0),
        "contract_age_days": ones(half, half),
        "days_to_contract_end": ones(half, half),
        "contract_cancelled": ones(0.0, 1.0),
    }
    costs = Costs(ones(0.5, 0.5), ones(7.0, 7.0))
    assumptions = Assumptions(discount_rate=0.0, months=24)
    worth = worth_of_contracts(columns, ones(60.0, 60.0), Risk(ones(0.2, 0.2), 28), costs, assumptions)
    assert worth.historic.tolist() == [23.0, 23.0]
    # 194.40 as documented, and the six months that are left of the contract that was cancelled
    assert worth.predicted.tolist() == pytest.approx([0.5 * 194.4, 0.5 * 60])
