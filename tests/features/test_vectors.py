"""From feature rows to columns: what depends on the moment."""

import numpy as np

from core.arrays import Columns
from features.vectors import with_ages

_DAY = 86_400.0
NOW = np.full(2, 100 * _DAY)


def contract(end: float) -> Columns:
    """Two customers with a contract that ends at the same moment."""
    return {
        "last_purchase": NOW - 3 * _DAY,
        "first_purchase": NOW - 90 * _DAY,
        "contract_start": NOW - 80 * _DAY,
        "contract_end": np.full(2, end),
        "contract_price": np.array([9.9, 19.9]),
        "contract_cancelled": np.array([1.0, 0.0]),
        "contracts_total": np.array([1.0, 4.0]),
    }


def test_moments_become_ages() -> None:
    columns = with_ages(contract(110 * _DAY), NOW)
    assert columns["recency_days"].tolist() == [3, 3]
    assert columns["contract_age_days"].tolist() == [80, 80]
    assert columns["days_to_contract_end"].tolist() == [10, 10]
    assert columns["contract_price"].tolist() == [9.9, 19.9]
    assert not {"last_purchase", "contract_start", "contract_end"} & set(columns)


def test_nothing_is_said_of_a_contract_that_is_over() -> None:
    columns = with_ages(contract(99 * _DAY), NOW)
    for name in ("contract_age_days", "contract_cancelled", "contract_price", "days_to_contract_end"):
        assert np.isnan(columns[name]).all(), name
    assert columns["contracts_total"].tolist() == [1, 4]
    assert columns["recency_days"].tolist() == [3, 3]
