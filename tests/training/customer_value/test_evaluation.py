"""Baselines, the grade and the comparison of value models, on rows whose answer is known."""

from dataclasses import replace

import numpy as np
import pytest

from tests.training.customer_value.business import HORIZON, SHOP, histories, value_set
from training.btyd.bg_nbd import BgNbd
from training.btyd.gamma_gamma import GammaGamma
from training.customer_value.baselines import MONTH, baselines, next_baselines
from training.customer_value.comparison import compare_value
from training.customer_value.dataset import ValueSet
from training.customer_value.evaluation import grade
from training.customer_value.fit import fit
from training.customer_value.settings import ValueSettings
from training.customer_value.start import Start
from training.evaluation.amounts import bootstrap

START = Start(HORIZON, BgNbd(1.2, 0.9, 0.05, 20.0), GammaGamma(2.0, 3.0, 40.0))


def two_customers() -> ValueSet:
    """Return one of a year with 100 a month and 90 of late, and one of three days; the first one comes back."""
    columns = {
        "baskets_total": np.array([24.0, 1.0]),
        "amount_total": np.array([1200.0, 50.0]),
        "tenure_days": np.array([12 * MONTH, 3.0]),
        "recency_days": np.array([5.0, 3.0]),
        "amount_84d": np.array([84.0, 50.0]),
        "baskets_84d": np.array([6.0, 1.0]),
        "gap_mean": np.array([15.0, np.nan]),
    }
    return ValueSet(
        customers=np.array(["a", "b"], dtype=object),
        snapshots=np.array(["2024-01-02", "2024-01-02"], dtype="datetime64[us]"),
        columns=columns,
        spent=np.array([300.0, 0.0]),
        orders=np.array([6.0, 0.0]),
        next_days=np.array([9.0, np.nan]),
    )


def test_rules_are_what_they_say() -> None:
    rows = two_customers()
    found = baselines(rows, rows, START)
    np.testing.assert_allclose(found["recent_spend"], [91.0, 50 * 91 / 84])
    np.testing.assert_allclose(found["rate"], [1200 / (12 * MONTH) * 91, 50 / 7 * 91])
    # half of the customers of the training snapshot were retained; a month at least is the window
    np.testing.assert_allclose(found["dynamics"], [100 * 91 / MONTH * 0.5, 50 * 91 / MONTH * 0.5])
    np.testing.assert_allclose(found["bg_nbd_gamma_gamma"], START.expected_amount(rows.columns))


def test_rules_of_the_next_order_know_no_departure() -> None:
    rows = two_customers()
    found = next_baselines(rows, rows.columns)
    usual = np.median([15.0, 7.0])
    np.testing.assert_allclose(found["last_plus_mean_gap"], [10.0, usual - 3])
    np.testing.assert_allclose(found["own_rate"], np.log(2) * np.array([15.0, usual]))
    late = {**rows.columns, "recency_days": np.array([40.0, 40.0])}
    np.testing.assert_array_equal(next_baselines(rows, late)["last_plus_mean_gap"], [0.0, 0.0])


@pytest.mark.parametrize(
    ("factor", "noise", "wanted", "words"),
    [
        (1.0, 0.1, "A", "forecasts well; amounts can be taken as they are"),
        (1.3, 0.1, "D", "forecasts well; amounts are 31 % too high, read them as order only"),
        (1.0, 0.5, "D", "forecasts no better than the rule rate; amounts"),
    ],
)
def test_the_grade_follows_error_and_sizes(factor: float, noise: float, wanted: str, words: str) -> None:
    rng = np.random.default_rng(1)
    truth = rng.lognormal(4, 1, 1_000)
    rule = truth * rng.lognormal(0, 0.5, 1_000)
    champion = factor * truth * rng.lognormal(0, noise, 1_000)
    customers = np.arange(1_000).astype(str).astype(object)
    methods = {"champion": champion, "recent_spend": rule * 1.5, "rate": rule, "dynamics": rule / 3}
    one = grade(bootstrap(truth, methods, customers, 50))
    assert (one.grade, one.best_rule) == (wanted, "rate")
    assert one.words.startswith(words)
    assert one.improvement == pytest.approx(1 - np.abs(champion - truth).mean() / np.abs(rule - truth).mean())


def test_a_model_beside_itself_differs_by_nothing_and_a_worse_one_does() -> None:
    every = histories(SHOP)
    train, test = value_set(every, [200, 300]), value_set(every, [391])
    model = fit(train, ValueSettings(), 1)
    same = compare_value(model, model, test)
    assert (same.gain.difference.value, same.calibration.difference.value) == (0.0, 0.0)
    assert (same.deciding, same.sizes) == ("accuracy", "amounts")
    # more than a third of the customers bought nothing of late, so that no group is below them
    assert set(same.slices["recent amount"]) == {"middle", "large"}
    spend = model.start.spend
    doubled = replace(model, start=replace(model.start, spend=replace(spend, scale=9 * spend.scale)))
    worse = compare_value(doubled, model, test)
    assert worse.gain.difference.high < 0
    assert worse.calibration.difference.low > 0
    assert "Lower is better for decile_error and mae" in worse.sheets("a", "b")[0].notes[0]
