"""Few customers: a few stable features, or the rule itself where nothing learned beats it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.arrays import Floats
from serving.explain.contributions import explain
from serving.explain.reasons import write_reasons
from serving.explain.wording import Writer
from training.churn.additive import Additive
from training.churn.dataset import ChurnSet
from training.churn.fit import FEW, fit
from training.churn.model import ChurnModel, _load_pyfunc
from training.churn.rules import rules
from training.churn.selection import stable_features
from training.churn.settings import ChurnSettings
from training.churn.trees import Trees
from training.evaluation.metrics import Scored, bootstrap, measure

CHURN = ChurnSettings()
#: The days of snapshots for training, validation and tests.
TRAIN, VALIDATION, TEST = (0, 14, 28, 42, 56, 70), (98, 112), (140, 154)


def rows(customers: int, days: tuple[int, ...], *, signal: float, seed: int = 3) -> ChurnSet:
    """Customers with a habit of their own at several snapshots, and churn that follows from recency.

    Parameters
    ----------
    signal
        How much the number of baskets and an attribute add to what recency says; nothing else means anything.
    """
    rng = np.random.default_rng(seed)
    segments = rng.integers(0, 3, customers).astype("float64")
    parts = []
    for day in days:
        now = np.random.default_rng([seed, day])
        baskets = now.poisson(6, customers) + 1.0
        recency = now.uniform(0, 56, customers)
        odds = 0.08 * (recency - 40) - signal * (baskets - 7) + signal * (segments - 1)
        parts.append(
            {
                "customer_id": np.array([f"c{n}" for n in range(customers)], dtype=object),
                "snapshot": np.full(customers, np.datetime64("2024-01-01", "us") + np.timedelta64(day, "D")),
                "churned": (now.random(customers) < 1 / (1 + np.exp(-odds))).astype("int64"),
                "recency_days": recency,
                "recency_over_gap": np.where(now.random(customers) < 0.2, np.nan, now.uniform(0, 4, customers)),
                "baskets_84d": baskets,
                "baskets_56d": np.round(baskets * 0.7),
                "attribute_segment": segments,
                **{f"amount_{n}d": now.gamma(2, 50, customers) for n in (7, 14, 28, 56, 84)},
            }
        )
    every = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return ChurnSet(
        customers=every.pop("customer_id"),
        snapshots=every.pop("snapshot"),
        churned=every.pop("churned"),
        columns=every,
        categories={"attribute_segment": ("a", "b", "c")},
    )


def fitted(customers: int, signal: float) -> ChurnModel:
    train, validation = (rows(customers, days, signal=signal) for days in (TRAIN, VALIDATION))
    return fit(train=train, validation=validation, churn=CHURN, threads=1)


def area(model: ChurnModel, test: ChurnSet) -> float:
    return measure(test.churned, Scored(model.risk(model.inputs(test.columns, len(test))), None))["roc_auc"]


@pytest.fixture(scope="module")
def rule() -> ChurnModel:
    return fitted(200, 0.0)


@pytest.fixture(scope="module")
def inputs(rule: ChurnModel) -> Floats:
    test = rows(200, TEST, signal=0.0)
    return rule.inputs(test.columns, len(test))


def test_few_customers_get_a_few_features_and_more_get_trees() -> None:
    few, more = fitted(FEW - 1, 0.6), fitted(FEW, 0.6)
    assert isinstance(few.scorer, Additive)
    assert few.rule is None
    assert {"recency_days", "baskets_84d", "attribute_segment"} <= set(few.features)
    assert few.method.startswith("logistic regression on ")
    assert isinstance(more.scorer, Trees)
    assert (more.rule, more.method) == (None, "LightGBM")
    test = rows(FEW, TEST, signal=0.6)
    assert area(few, test) > measure(test.churned, Scored(test.columns["recency_days"], None))["roc_auc"] + 0.05


def test_the_same_features_are_chosen_whatever_means_nothing() -> None:
    train = rows(250, TRAIN, signal=0.6)
    chosen = stable_features(train, sorted(train.columns))
    assert chosen[:3] == tuple(name for name in chosen if name in {"recency_days", "baskets_84d", "attribute_segment"})
    # it ranks as baskets_84d does
    assert "baskets_56d" not in chosen
    columns = {**train.columns, **{f"noise_{n}": np.random.default_rng(n).random(len(train)) for n in range(30)}}
    noisy = ChurnSet(train.customers, train.snapshots, columns, train.churned, train.categories)
    assert stable_features(noisy, sorted(columns))[:3] == chosen[:3]


def test_where_nothing_learned_beats_the_rule_it_is_the_rule(rule: ChurnModel, inputs: Floats) -> None:
    assert (rule.rule, rule.method, rule.features) == ("recency", "the rule recency", ("recency_days",))
    test = rows(200, TEST, signal=0.0)
    risk = rule.risk(inputs)
    by_recency = measure(test.churned, Scored(test.columns["recency_days"], None))
    assert measure(test.churned, Scored(risk, risk))["roc_auc"] == by_recency["roc_auc"]
    assert abs(risk.mean() - test.churned.mean()) < 0.05


def test_what_was_learned_of_a_hundred_customers_is_kept_where_all_their_rows_say_that_it_is_better() -> None:
    """The validation rows alone leave it in doubt; with the training rows, scored by other customers, there is none."""
    train, validation = (rows(110, days, signal=0.3) for days in (TRAIN, VALIDATION))
    model = fit(train=train, validation=validation, churn=CHURN, threads=1)
    assert (model.rule, model.method[:19]) == (None, "logistic regression")
    methods = {
        "learned": Scored(model.margin(model.inputs(validation.columns, len(validation))), None),
        **{name: Scored(rule.scores(validation), None) for name, rule in rules(train, model.definition).items()},
    }
    measured = bootstrap(validation.churned, methods, validation.customers)
    assert measured.gain("roc_auc", "learned", "recency").low < 0


def test_many_customers_get_the_rule_too_where_trees_do_not_beat_it() -> None:
    assert fitted(400, 0.0).rule == "recency"


def test_a_rule_is_files_that_mlflow_serves(rule: ChurnModel, inputs: Floats, tmp_path: Path) -> None:
    rule.save(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.json"]
    again = ChurnModel.load(tmp_path)
    assert (again.rule, again.method) == (rule.rule, rule.method)
    np.testing.assert_array_equal(again.risk(inputs), rule.risk(inputs))
    served = _load_pyfunc(str(tmp_path)).predict(pd.DataFrame(inputs, columns=["recency_days"]))
    np.testing.assert_array_equal(served["risk"], rule.risk(inputs))


def test_a_rule_on_recency_gives_a_reason_on_recency(rule: ChurnModel, inputs: Floats) -> None:
    np.testing.assert_allclose(rule.contributions(inputs).sum(axis=1), rule.margin(inputs), atol=1e-12)
    silent, recent = explain(rule, np.array([[50.0], [1.0]]), {"recency_days": np.array([50.0, 1.0])})
    (raises,) = write_reasons(silent, Writer("en"))
    assert (raises.theme, raises.finding, raises.direction, raises.share) == (
        "silence",
        "longer_silence",
        "raises",
        1.0,
    )
    assert raises.text.startswith("Last purchase 50 days ago; typical for all customers: ")
    (lowers,) = write_reasons(recent, Writer("en"))
    assert (lowers.theme, lowers.direction) == ("silence", "lowers")
