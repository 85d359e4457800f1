"""Intervals hold the share that they are meant to hold, whatever the size of the forecast."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.arrays import Floats
from training.customer_value.intervals import Ratios, fit_ratios


def drawn(count: int, seed: int, nothing: float = 0.0) -> tuple[Floats, Floats]:
    """Return forecasts and truths around them, relatively nearer where the forecast is large."""
    rng = np.random.default_rng(seed)
    forecast = rng.lognormal(4, 1.5, count)
    truth = forecast * rng.lognormal(0, 2 / np.log1p(forecast))
    return forecast, np.where(rng.random(count) < nothing, 0.0, truth)


@pytest.mark.parametrize("share", [0.7, 0.8, 0.95])
@pytest.mark.parametrize("nothing", [0.0, 0.05, 0.3])
def test_the_share_of_new_truths_inside_is_the_one_that_is_stated(share: float, nothing: float) -> None:
    ratios = fit_ratios(*drawn(6_000, 1, nothing), share)
    forecast, truth = drawn(6_000, 2, nothing)
    low, high = ratios.bounds(forecast)
    inside = (truth >= low) & (truth <= high)
    assert inside.mean() == pytest.approx(share, abs=0.025)
    for part in np.array_split(np.argsort(forecast), 4):
        assert inside[part].mean() == pytest.approx(share, abs=0.06)


def test_one_group_takes_its_quantiles() -> None:
    """Of the ratios 0.1, 0.2 … 1.9 the second lowest and the second highest end the middle 80 %."""
    ratios = fit_ratios(np.full(19, 10.0), np.arange(1, 20.0), 0.8)
    assert (ratios.sizes, ratios.low, ratios.high) == ((10.0,), (0.2,), (1.8,))


def test_where_many_buy_nothing_the_interval_starts_there() -> None:
    truth = np.concatenate([np.zeros(30), np.linspace(1, 20, 20)])
    ratios = fit_ratios(np.full(50, 10.0), truth, 0.8)
    assert ratios.low == (0.0,)
    low, high = ratios.bounds(np.array([10.0]))
    assert ((truth >= low) & (truth <= high)).mean() == pytest.approx(0.8, abs=0.03)


@given(forecast=st.floats(1e-3, 1e6))
def test_a_forecast_lies_in_its_interval(forecast: float) -> None:
    ratios = Ratios((1.0, 100.0), (0.0, 1.2), (0.7, 2.0))
    low, high = ratios.bounds(np.array([forecast]))
    assert 0 <= low[0] <= forecast <= high[0]


def test_without_a_forecast_there_is_no_interval() -> None:
    low, high = Ratios((1.0,), (0.5,), (2.0,)).bounds(np.array([np.nan]))
    assert np.isnan([low[0], high[0]]).all()
