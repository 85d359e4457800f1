"""BG/NBD and Pareto/NBD against published figures of CDNOW, and BG/NBD against a sum over what cannot be seen.

`cdnow.csv` counts 2,357 customers of CDNOW, whose data the authors published with the paper: purchases after the first,
and days from the first purchase to the last one and to the end of the calibration period of 39 weeks.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import roots_jacobi

from core.arrays import Floats
from tests.training.btyd.pareto_nbd import fit_pareto_nbd
from training.btyd.bg_nbd import BgNbd, fit_bg_nbd

#: Fader, Hardie and Lee (2005), table 2.
PUBLISHED = BgNbd(0.243, 4.414, 0.793, 2.426)
RATES = (0.05, 0.243, 1.17, 6.0)
LEAVING = ((0.03, 25.0), (0.287, 413.0), (0.4, 0.65), (0.793, 2.426), (1.0, 25.0), (2.5, 0.3), (20.0, 20.0))
#: Purchases after the first, weeks to the last one, weeks to now, and weeks ahead.
HISTORIES = ((0, 0, 10, 13), (0, 0, 0, 39), (3, 8, 10, 13), (20, 50, 52, 13), (150, 50, 52, 4), (5, 100, 3000, 500))


def cdnow() -> pd.DataFrame:
    counts = pd.read_csv(Path(__file__).with_name("cdnow.csv"))
    customers = counts["customers"]
    assert (customers.sum(), customers[counts["repeats"] == 0].sum()) == (2357, 1411)
    return counts


def one(repeats: float, last: float, age: float) -> tuple[Floats, Floats, Floats]:
    return np.array([float(repeats)]), np.array([float(last)]), np.array([float(age)])


def expected_by_summing(model: BgNbd, repeats: float, last: float, age: float, horizon: float) -> float:
    """Average what a living customer buys over the chance p to leave after a purchase, drawn from Beta(a, b + repeats).

    At a rate that is not known the purchases until leaving are (1 - E[exp(-rate p horizon)]) / p.
    """
    nodes, weights = roots_jacobi(180, model.b + repeats - 1, model.a - 1)
    leave = (nodes + 1) / 2
    stays = ((model.alpha + age) / (model.alpha + age + leave * horizon)) ** (model.r + repeats)
    bought = float(weights @ ((1 - stays) / leave)) / float(weights.sum())
    return bought * float(model.alive(*one(repeats, last, age))[0])


def test_bg_nbd_finds_the_published_estimates() -> None:
    counts = cdnow()
    every = counts.loc[counts.index.repeat(counts["customers"])]
    repeats, last, age = (every[name].to_numpy("float64") for name in ("repeats", "last_purchase_day", "age_days"))
    model = fit_bg_nbd(repeats, last / 7, age / 7)
    published = (PUBLISHED.r, PUBLISHED.alpha, PUBLISHED.a, PUBLISHED.b)
    assert (model.r, model.alpha, model.a, model.b) == pytest.approx(published, abs=6e-4)


def test_pareto_nbd_finds_the_published_estimates() -> None:
    """The same table: r 0.553, alpha 10.578, s 0.606, beta 11.669, and a log likelihood of -9595.0."""
    counts = cdnow()
    names = ("repeats", "last_purchase_day", "age_days", "customers")
    repeats, last, age, customers = (counts[name].to_numpy("float64") for name in names)
    found, likelihood = fit_pareto_nbd(repeats, last / 7, age / 7, customers)
    assert found == pytest.approx([0.553, 10.578, 0.606, 11.669], rel=2e-3)
    assert likelihood == pytest.approx(-9595.0, abs=0.1)


def test_expected_purchases_are_the_published_ones() -> None:
    """Of a customer with 2 purchases, the last in week 30.43, in 39 weeks from week 38.86 on: 1.226.

    Of a new customer until 1, 3, 32 and 78 weeks: 0.0532, 0.1506, 1.0437 and 1.8576. From the spreadsheet of Fader,
    Hardie and Lee, Implementing the BG/NBD Model for Customer Base Analysis in Excel (2005).
    """
    assert PUBLISHED.expected(*one(2, 30.43, 38.86), 39.0)[0] == pytest.approx(1.226, abs=1e-3)
    new = [PUBLISHED.expected(*one(0, 0, 0), weeks)[0] for weeks in (1.0, 3.0, 32.0, 78.0)]
    assert new == pytest.approx([0.0532, 0.1506, 1.0437, 1.8576], abs=3e-3)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("leaving", LEAVING)
def test_expected_purchases_are_the_sum_over_what_cannot_be_seen(rate: float, leaving: tuple[float, float]) -> None:
    model = BgNbd(rate, 4.414, *leaving)
    for repeats, last, age, horizon in HISTORIES:
        found = float(model.expected(*one(repeats, last, age), horizon)[0])
        assert found == pytest.approx(expected_by_summing(model, repeats, last, age, horizon), rel=1e-4, abs=1e-9)


@pytest.mark.parametrize(("a", "b"), [(1.0, 2.0), (0.4, 0.6)], ids=["a = 1", "a + b = 1"])
def test_the_poles_of_the_formula_are_none_of_the_forecast(a: float, b: float) -> None:
    table = np.array(HISTORIES, dtype="float64")
    history = table[:, 0], table[:, 1], table[:, 2]
    at, beside = BgNbd(1.17, 4.414, a, b), BgNbd(1.17, 4.414, a + 1e-4, b)
    np.testing.assert_allclose(at.expected(*history, 13.0), beside.expected(*history, 13.0), rtol=1e-3)


@given(
    logs=st.tuples(*[st.floats(-10, 10)] * 4),
    repeats=st.integers(0, 20_000),
    share=st.floats(0, 1),
    age=st.floats(0, 20_000),
    horizon=st.floats(0.1, 1_000),
)
def test_expected_purchases_are_finite_and_not_more_than_those_of_one_who_stays(
    logs: tuple[float, ...], repeats: int, share: float, age: float, horizon: float
) -> None:
    model = BgNbd(*np.exp(logs).tolist())
    history = one(repeats, share * age if repeats else 0.0, age)
    found = float(model.expected(*history, horizon)[0])
    alive = float(model.alive(*history)[0])
    assert 0 <= found <= alive * (model.r + repeats) / (model.alpha + age) * horizon * (1 + 1e-9)


def test_expected_purchases_of_an_unknown_history_are_unknown() -> None:
    assert np.isnan(PUBLISHED.expected(*one(np.nan, np.nan, np.nan), 13.0)[0])


def test_half_of_the_living_have_bought_again_after_the_median_wait() -> None:
    repeats, age = np.array([0.0, 5.0, 80.0]), np.array([1.0, 30.0, 52.0])
    wait = PUBLISHED.median_wait(repeats, age)
    alive_now = BgNbd(PUBLISHED.r, PUBLISHED.alpha, 1e-12, 1.0)
    for number in range(len(repeats)):
        history = repeats[[number]], age[[number]], age[[number]]
        assert alive_now.silent(*history, float(wait[number])) == pytest.approx(0.5, abs=1e-6)


def test_bg_nbd_says_what_it_should_of_three_customers() -> None:
    repeats, last, age = np.array([0.0, 5.0, 5.0]), np.array([0.0, 38.0, 5.0]), np.array([38.0, 38.0, 38.0])
    alive = PUBLISHED.alive(repeats, last, age)
    assert alive[0] == 1.0
    assert alive[1] > 0.8
    assert alive[2] < 0.1
    silent = PUBLISHED.silent(repeats, last, age, 4.0)
    assert silent[1] < silent[2]
    assert PUBLISHED.silent(repeats, last, age, 0.0) == pytest.approx(1.0)
