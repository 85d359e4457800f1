"""The relationship ladder, rung by rung."""

import numpy as np
import pytest

from training.segments.ladder import RUNGS, ladder
from training.segments.settings import SegmentSettings

NAMES = ("cycle_purchase_days", "contracts_total", "cycle_categories_total", "cycle_referrals", "nps_latest")


@pytest.mark.parametrize(
    ("days", "contracts", "categories", "referrals", "rating", "rung"),
    [
        (1, np.nan, 9, 0, np.nan, "first_purchase"),
        (1, np.nan, 9, 2, 10, "first_purchase"),  # an advocate knows more than one visit
        (2, np.nan, 2, 0, np.nan, "repeated"),
        (2, np.nan, np.nan, 0, 8, "repeated"),
        (2, np.nan, 3, 0, np.nan, "several_categories"),
        (9, np.nan, 3, 1, np.nan, "advocate"),
        (9, np.nan, np.nan, 0, 9, "advocate"),
        (np.nan, 1, np.nan, 0, np.nan, "first_purchase"),
        (np.nan, 2, np.nan, 0, np.nan, "repeated"),
        (np.nan, 2, np.nan, 1, np.nan, "advocate"),
        (np.nan, np.nan, np.nan, 1, 10, ""),
    ],
)
def test_each_customer_is_on_the_highest_rung_reached(
    days: float, contracts: float, categories: float, referrals: float, rating: float, rung: str
) -> None:
    values = (days, contracts, categories, referrals, rating)
    columns = {name: np.array([float(value)]) for name, value in zip(NAMES, values, strict=True)}
    assert ladder(columns, SegmentSettings(), 1).tolist() == [rung]
    assert rung in {*RUNGS, ""}


def test_the_limits_are_those_of_the_settings() -> None:
    columns = {
        "cycle_purchase_days": np.array([5.0, 5.0]),
        "cycle_categories_total": np.array([4.0, 5.0]),
        "nps_latest": np.array([7.0, 6.0]),
    }
    settings = SegmentSettings(several_categories=5, advocate_rating=7)
    assert ladder(columns, settings, 2).tolist() == ["advocate", "several_categories"]
