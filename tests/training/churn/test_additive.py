"""The additive model and the rules made of it: parts add up, ranks are those of the rule, missing values count."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import shap
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from core.arrays import matrix
from training.churn.additive import Additive, fit_additive, logarithm, ordered, rates
from training.churn.dataset import ChurnSet
from training.churn.definition import Definition
from training.churn.rules import RULES, rules

ROWS = 400
RENEWALS = Definition("contractual", 30, 0, grace_days=14, population="up_for_renewal")
PURCHASES = Definition("non_contractual", 28, 0, activity_window_days=56)


def made(seed: int = 1) -> ChurnSet:
    """Customers with numbers, some of them missing or below zero, an attribute, and churn that follows from them."""
    rng = np.random.default_rng(seed)
    columns = {
        "recency_days": rng.uniform(0, 56, ROWS),
        "recency_over_gap": np.where(rng.random(ROWS) < 0.2, np.nan, rng.uniform(0, 4, ROWS)),
        "amount_84d": rng.normal(0, 50, ROWS),
        "days_to_contract_end": np.where(rng.random(ROWS) < 0.1, np.nan, rng.uniform(0, 30, ROWS)),
        "contracts_total": rng.integers(1, 9, ROWS).astype("float64"),
        "contract_price": rng.choice([9.0, 19.0, 39.0], ROWS),
        "attribute_segment": np.where(rng.random(ROWS) < 0.1, np.nan, rng.integers(0, 3, ROWS)),
    }
    odds = 0.06 * columns["recency_days"] - 2 + np.nan_to_num(columns["attribute_segment"])
    return ChurnSet(
        customers=np.array([f"c{n}" for n in range(ROWS)], dtype=object),
        snapshots=np.full(ROWS, np.datetime64("2024-05-01", "us")),
        columns=columns,
        churned=(rng.random(ROWS) < 1 / (1 + np.exp(-odds))).astype("int64"),
        categories={"attribute_segment": ("a", "b", "c")},
    )


def test_parts_and_the_average_row_sum_to_the_margin() -> None:
    rows = made()
    model = fit_additive(rows, sorted(rows.columns))
    inputs = matrix(rows.columns, model.features, ROWS)
    parts = model.contributions(inputs)
    np.testing.assert_allclose(parts.sum(axis=1), model.margin(inputs), atol=1e-12)
    np.testing.assert_allclose(parts[:, :-1].mean(axis=0), 0, atol=1e-12)
    alone = np.concatenate([model.margin(row.reshape(1, -1)) for row in inputs[:20]])
    np.testing.assert_array_equal(alone, model.margin(inputs)[:20])


def test_it_is_the_logistic_regression_of_scikit_learn_and_its_parts_are_those_of_shap() -> None:
    rows = made()
    numbers = ["amount_84d", "recency_days"]
    stacked = logarithm(matrix(rows.columns, numbers, ROWS))
    scaled = StandardScaler().fit_transform(stacked)
    reference = LogisticRegression(C=0.1, max_iter=2000).fit(scaled, rows.churned)
    model = fit_additive(rows, numbers)
    inputs = matrix(rows.columns, numbers, ROWS)
    np.testing.assert_allclose(model.margin(inputs), reference.decision_function(scaled), atol=1e-9)
    expected = shap.LinearExplainer(reference, shap.maskers.Independent(scaled, ROWS)).shap_values(scaled)
    np.testing.assert_allclose(model.contributions(inputs)[:, :-1], expected, atol=1e-6)


def test_written_and_read_it_is_the_same() -> None:
    rows = made()
    for model in (fit_additive(rows, sorted(rows.columns)), rates(rows, "contract_price")):
        assert Additive.read(json.loads(json.dumps(asdict(model)))) == model


@pytest.mark.parametrize(
    ("name", "ranking"),
    [
        ("recency", lambda columns: columns["recency_days"]),
        ("recency_over_gap", lambda columns: np.nan_to_num(columns["recency_over_gap"], nan=0.0)),
        ("contract_end", lambda columns: -np.nan_to_num(columns["days_to_contract_end"], nan=99.0)),
        ("earlier_renewals", lambda columns: -columns["contracts_total"]),
    ],
)
def test_a_rule_ranks_as_its_feature_does(name: str, ranking: object) -> None:
    rows = made()
    found = rules(rows, RENEWALS) | rules(rows, PURCHASES)
    assert callable(ranking)
    np.testing.assert_array_equal(rankdata(found[name].scores(rows)), rankdata(ranking(rows.columns)))


def test_plans_are_ranked_by_the_share_of_their_contracts_that_churned() -> None:
    rows = made()
    price = rows.columns["contract_price"]
    shares = {value: float(rows.churned[price == value].mean()) for value in (9.0, 19.0, 39.0)}
    rule = rules(rows, RENEWALS)["plan_rate"]
    of_price = dict(zip(price.tolist(), rule.scores(rows).tolist(), strict=True))
    assert sorted(of_price, key=of_price.__getitem__) == sorted(shares, key=shares.__getitem__)
    unknown = replace(rows, columns={**rows.columns, "contract_price": np.full(ROWS, 5.0)})
    every = rows.churned.mean()
    np.testing.assert_allclose(rule.scores(unknown), np.log(every / (1 - every)))


def test_rules_are_of_features_that_the_data_have_and_one_feature_is_the_best() -> None:
    rows = made()
    del rows.columns["contract_price"]
    assert set(rules(rows, RENEWALS)) == {"contract_end", "earlier_renewals"}
    assert {name for kind in (RENEWALS, PURCHASES) for name in rules(rows, kind)} <= set(RULES)
    others = {name: values for name, values in rows.columns.items() if not name.startswith(("contract", "days_to"))}
    assert set(rules(replace(rows, columns=others), RENEWALS)) == {"one_feature"}
    (best,) = rules(rows, Definition("labelled", None, 0)).values()
    assert best.features == ("recency_days",)
    turned = replace(rows, churned=1 - rows.churned)
    (other,) = rules(turned, Definition("labelled", None, 0)).values()
    np.testing.assert_array_equal(rankdata(other.scores(rows)), rankdata(-rows.columns["recency_days"]))


def test_a_missing_number_counts_as_the_median_unless_something_else_is_given() -> None:
    rows = made()
    missing = replace(rows, columns={**rows.columns, "recency_days": np.full(ROWS, np.nan)})
    median = np.median(rows.columns["recency_days"])
    np.testing.assert_allclose(ordered(rows, "recency_days", 1).scores(missing), np.log1p(median))
    np.testing.assert_allclose(ordered(rows, "recency_days", -1, missing=3.0).scores(missing), -np.log1p(3.0))
