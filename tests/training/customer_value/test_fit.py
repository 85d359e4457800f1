"""Trees on top of the start: what generated customers show, few customers, very large ones, and time."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from core.errors import DataError
from tests.training.customer_value.business import HORIZON, SHOP, WHOLESALE, Business, histories, value_set
from training.customer_value.baselines import RULES
from training.customer_value.dataset import ValueSet, usable_features
from training.customer_value.evaluation import CHAMPION, Evaluation
from training.customer_value.fit import fit
from training.customer_value.settings import ValueSettings
from training.customer_value.start import with_purchases

TRAINED = [140, 182, 224, 266, 308]
TESTED = [TRAINED[-1] + HORIZON]


@cache
def rows_of(business: Business) -> tuple[ValueSet, ValueSet]:
    every = histories(business)
    return value_set(every, TRAINED), value_set(every, TESTED)


@cache
def evaluated(business: Business) -> Evaluation:
    train, test = rows_of(business)
    return Evaluation(fit(train, ValueSettings(), 1), train, test)


def test_trees_find_what_the_start_does_not_see() -> None:
    """Amounts of half of the customers grow, those of the others shrink; only the column `segment` shows which."""
    evaluation = evaluated(SHOP)
    model, rows = evaluation.model, evaluation.rows
    assert model.amounts.rounds > 0
    assert "segment" in model.features
    contributions = model.contributions(model.inputs(rows.columns, len(rows)))
    place = model.features.index("segment")
    grows = rows.columns["segment"] == 0
    assert contributions[grows, place].mean() > contributions[~grows, place].mean()
    start = model.start.amount(with_purchases(rows.columns, len(rows)))
    factor = evaluation.forecast.amount / start
    assert np.median(factor[grows]) > 1.05 * np.median(factor[~grows])


@pytest.mark.parametrize("business", [SHOP, WHOLESALE], ids=["shop", "wholesale with giants"])
def test_no_rule_is_better_by_more_than_noise(business: Business) -> None:
    evaluation = evaluated(business)
    for rule in RULES:
        assert evaluation.overall.gain("mae", CHAMPION, rule).low < 0
        assert evaluation.overall.gain("gini", CHAMPION, rule).high > 0
        assert evaluation.overall.gain("spearman", CHAMPION, rule).high > 0
    best = min(RULES, key=lambda rule: evaluation.overall.points[rule]["mae"])
    assert evaluation.overall.points[CHAMPION]["mae"] < evaluation.overall.points[best]["mae"]
    assert evaluation.overall.points[CHAMPION]["total"] == pytest.approx(1, abs=0.1)


def test_giants_are_not_cut() -> None:
    """Six customers of 500 spend fifty times as much as they would; the cap is below each of them."""
    evaluation = evaluated(WHOLESALE)
    giants = np.isin(evaluation.rows.customers, [f"c{number:04}" for number in range(WHOLESALE.giants)])
    assert giants.sum() == WHOLESALE.giants
    truth, forecast = evaluation.rows.spent[giants], evaluation.forecast.amount[giants]
    assert truth.min() > np.median(evaluation.rows.spent[~giants])
    assert forecast.sum() == pytest.approx(truth.sum(), rel=0.25)


@pytest.mark.parametrize("business", [SHOP, WHOLESALE], ids=["shop", "wholesale with giants"])
def test_intervals_hold_at_a_later_moment(business: Business) -> None:
    """Of customers who are gone for certain all are inside, so that more than the share can be."""
    evaluation = evaluated(business)
    assert 0.75 <= evaluation.coverage["value"] <= 0.95
    assert 0.75 <= evaluation.orders["interval_coverage"]["value"] <= 0.95
    assert 0.7 <= evaluation.next_order["interval_coverage"]["value"] <= 0.9


def test_the_next_order_is_nearer_than_last_plus_mean_gap() -> None:
    found = evaluated(SHOP).next_order
    days = {name: one["median_error_days"]["value"] for name, one in found["methods"].items()}
    assert days[CHAMPION] < days["last_plus_mean_gap"]
    assert days[CHAMPION] < days["own_rate"]
    assert found["measured"] <= found["ordered_again"] < found["customers"]


def test_few_customers_have_the_start_alone() -> None:
    train, test = rows_of(replace(SHOP, customers=200))
    model = fit(train, ValueSettings(), 1)
    assert (model.amounts.rounds, model.orders.rounds, model.next_order.rounds) == (0, 0, 0)
    assert model.origin.parameters == {}
    one = model.forecast(test.columns, len(test))
    np.testing.assert_allclose(one.amount, model.start.amount(with_purchases(test.columns, len(test))))
    contributions = model.contributions(model.inputs(test.columns, len(test)))
    np.testing.assert_allclose(contributions.sum(axis=1), np.log(one.amount))
    assert (one.amount_high > one.amount_low).all()


def test_the_same_rows_give_the_same_model() -> None:
    train, test = rows_of(replace(SHOP, customers=350))
    first, second = (fit(train, ValueSettings(), threads).forecast(test.columns, len(test)) for threads in (1, 2))
    for name, values in vars(first).items():
        np.testing.assert_array_equal(getattr(second, name), values)


def test_the_served_start_is_that_of_the_newest_training_snapshot() -> None:
    evaluation = evaluated(SHOP)
    newest = evaluation.train.newest
    assert newest.moments == evaluation.train.moments[-1:]
    expected = evaluation.model.start.expected_orders(newest.columns).sum()
    assert expected == pytest.approx(newest.orders.sum(), rel=0.1)


def test_columns_of_one_value_and_of_other_parts_are_no_features() -> None:
    train, _ = rows_of(SHOP)
    columns = {
        "constant": np.ones(len(train)),
        "absent": np.full(len(train), np.nan),
        "season_sin": np.linspace(0, 1, len(train)),
        "margin_84d": np.linspace(0, 1, len(train)),
        "cycle_stage": np.linspace(0, 1, len(train)),
    }
    usable, left_out = usable_features(replace(train, columns=train.columns | columns))
    assert set(usable) == set(train.columns)
    assert set(left_out) == {"constant", "absent", "season_sin"}


def test_amounts_of_nothing_are_refused() -> None:
    train, _ = rows_of(SHOP)
    nothing = replace(train, columns=train.columns | {"amount_total": np.zeros(len(train))})
    with pytest.raises(DataError, match="amount above 0"):
        fit(nothing, ValueSettings(), 1)


def test_too_few_rows_are_refused() -> None:
    train, _ = rows_of(SHOP)
    few = train.rows(train.customers < "c0050")
    with pytest.raises(DataError, match=r"at least 100 customers with a purchase before the training snapshots"):
        few.check("training")
    with pytest.raises(DataError, match="an amount of 0"):
        replace(train, spent=np.zeros(len(train))).check("test")


def test_what_the_start_reads_is_an_input_where_it_is_the_same_for_all_customers() -> None:
    train, test = rows_of(replace(SHOP, customers=350))
    same = replace(train, columns=train.columns | {"tenure_days": np.full(len(train), 400.0)})
    model = fit(same, ValueSettings(), 1)
    assert "tenure_days" in model.features
    contributions = model.contributions(model.inputs(test.columns, len(test)))
    np.testing.assert_allclose(contributions.sum(axis=1), np.log(model.forecast(test.columns, len(test)).amount))
