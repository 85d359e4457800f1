"""Known effects: what calling by the model brings, and that nothing is claimed where nothing is."""

import numpy as np
import pytest

from tests.training.uplift.shops import Shop, expected_gain
from training.uplift.action import ActionModel
from training.uplift.diagnostic import diagnose
from training.uplift.evaluation import Evaluation, Subject
from training.uplift.fit import fit_action

#: A tenth of the customers are followed by fewer folds of rows, which is enough for a test.
SHOP, FRESH = Shop(8_000, 201), Shop(8_000, 901)


@pytest.fixture(scope="module")
def model() -> ActionModel:
    return fit_action(SHOP.experiment, SHOP.inputs, SHOP.folds)


@pytest.fixture(scope="module")
def evaluation(model: ActionModel) -> Evaluation:
    return Evaluation(SHOP.experiment.customers, (Subject(model, SHOP.experiment, SHOP.inputs),))


def test_calling_fresh_customers_by_the_model_brings_most_of_what_an_oracle_would(model: ActionModel) -> None:
    answer = model.predict(FRESH.inputs)
    by_risk = FRESH.share_of_oracle(1 - answer.base)
    assert FRESH.share_of_oracle(expected_gain(answer)) > 0.75
    assert by_risk < 0.55


def test_answers_are_probabilities_and_amounts(model: ActionModel) -> None:
    answer = model.predict(FRESH.inputs)
    assert ((answer.base >= 0) & (answer.base <= 1)).all()
    assert ((answer.base + answer.lift >= -1e-12) & (answer.base + answer.lift <= 1 + 1e-12)).all()
    assert np.corrcoef(answer.lift, FRESH.true_lift)[0, 1] > 0.7
    assert (answer.low < answer.high).all()
    # before the discount, of those who stay
    true_revenue = FRESH.data["value"] / 0.9
    assert abs(answer.revenue.mean() / true_revenue.mean() - 1) < 0.1


def test_intervals_hold_the_effect_on_fresh_customers_of_the_same_tenth(model: ActionModel) -> None:
    answer = model.predict(FRESH.inputs)
    places = model.tenths.places(answer.lift)
    true = np.array([FRESH.true_lift[places == place].mean() for place in range(10)])
    covered = (true >= model.tenths.low) & (true <= model.tenths.high)
    assert covered.sum() >= 8


def test_risk_is_the_wrong_ranking_of_this_shop(evaluation: Evaluation) -> None:
    found = diagnose(evaluation, evaluation.main)
    assert found.verdict == "wrong"
    assert found.text.startswith("Risk is the wrong ranking for call here: ")
    assert found.at_budgets["risk"]["20%"].low > 0
    assert evaluation.accepted == ("call",)
    assert evaluation.objection is None
    assert evaluation.grading.grade in {"A", "B"}


@pytest.mark.parametrize("seed", range(301, 304))
def test_without_an_effect_the_version_objects_to_itself(seed: int) -> None:
    shop = Shop(2_000, seed, effect=0.0)
    fitted = fit_action(shop.experiment, shop.inputs, shop.folds)
    found = Evaluation(shop.experiment.customers, (Subject(fitted, shop.experiment, shop.inputs),))
    assert found.accepted == ()
    assert found.objection is not None
    assert "gains no more than drawing lots" in found.objection
    assert found.grading.grade == "D"


def test_risk_is_right_where_the_effect_follows_it() -> None:
    shop = Shop(6_000, 401)
    rng = np.random.default_rng(1)
    risk = 1 - shop.data["p_holdout"]
    called = shop.experiment.treated
    stayed = rng.random(shop.customers) < np.where(called, 1 - 0.5 * risk, 1 - risk)
    rows = shop.experiment
    rows = type(rows)(**{**vars(rows), "retained": stayed.astype("float64")})
    fitted = fit_action(rows, shop.inputs, shop.folds)
    found = Evaluation(rows.customers, (Subject(fitted, rows, shop.inputs),))
    assert diagnose(found, found.main).verdict == "right"
