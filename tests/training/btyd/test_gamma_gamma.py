"""Gamma-Gamma against published figures of CDNOW, and against a worked example."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.btyd.gamma_gamma import GammaGamma, fit_gamma_gamma


def test_gamma_gamma_finds_the_published_estimates() -> None:
    """Fader and Hardie (2013): p 6.25, q 3.74, scale 15.44 on the 946 customers of CDNOW who bought again.

    `cdnow_spend.csv` has their purchases after the first in 39 weeks, and the mean amount of one.
    """
    spend = pd.read_csv(Path(__file__).with_name("cdnow_spend.csv"))
    assert len(spend) == 946
    model = fit_gamma_gamma(spend["repeats"].to_numpy("float64"), spend["mean"].to_numpy("float64"))
    assert (model.p, model.q, model.scale) == pytest.approx((6.25, 3.74, 15.44), rel=2e-3)
    assert model.population_mean == pytest.approx(35.17, abs=0.02)


def test_the_unit_of_money_does_not_matter() -> None:
    spend = pd.read_csv(Path(__file__).with_name("cdnow_spend.csv"))
    count, mean = spend["repeats"].to_numpy("float64"), spend["mean"].to_numpy("float64")
    small, large = fit_gamma_gamma(count, mean), fit_gamma_gamma(count, 1e6 * mean)
    assert (large.p, large.q, large.scale) == pytest.approx((small.p, small.q, 1e6 * small.scale), rel=1e-3)


def test_the_own_mean_counts_by_how_many_purchases_it_is_of() -> None:
    """With p 6, q 4, scale 15 all customers have a mean of 30, which weighs 3; the own one weighs 6 a purchase."""
    model = GammaGamma(6.0, 4.0, 15.0)
    assert model.population_mean == 30.0
    found = model.mean(np.array([0.0, 1.0, 10.0, np.nan]), np.array([np.nan, 60.0, 60.0, 60.0]))
    assert found[:3] == pytest.approx([30.0, (3 * 30 + 6 * 60) / 9, (3 * 30 + 60 * 60) / 63])
    assert np.isnan(found[3])


@given(
    purchases=st.integers(0, 10_000),
    average=st.floats(0.01, 1e6),
    shapes=st.tuples(st.floats(0.01, 100), st.floats(1.05, 100), st.floats(0.01, 1e4)),
)
def test_what_is_expected_lies_between_the_own_mean_and_that_of_all(
    purchases: int, average: float, shapes: tuple[float, float, float]
) -> None:
    model = GammaGamma(*shapes)
    found = float(model.mean(np.array([float(purchases)]), np.array([average]))[0])
    low, high = sorted((average, model.population_mean))
    assert low * (1 - 1e-9) <= found <= high * (1 + 1e-9)


def test_without_an_amount_there_is_nothing_to_fit() -> None:
    with pytest.raises(ValueError, match="above 0, found none"):
        fit_gamma_gamma(np.array([0.0, 2.0]), np.array([5.0, 0.0]))
