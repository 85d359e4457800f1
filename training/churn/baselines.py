"""The methods that the champion has to beat in the same run: rules that need no model, and simpler models."""

from collections.abc import Sequence

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from core.arrays import Floats, matrix
from training.churn.btyd import fit_bg_nbd
from training.churn.dataset import ChurnSet, usable_features
from training.churn.definition import Definition
from training.evaluation.metrics import Scored

#: Baselines that a marketer can follow without a model; the grade asks for a gain over the best of them.
RULES = ("recency", "recency_over_gap", "contract_end", "one_feature")


def baselines(*, train: ChurnSet, rows: ChurnSet, definition: Definition) -> dict[str, Scored]:
    """Fit every baseline of a definition on the training rows, and return its scores of the rows, by name."""
    if definition.kind == "labelled":
        return {
            "one_feature": one_feature(train=train, rows=rows),
            "all_features_logistic": all_features_logistic(train=train, rows=rows),
        }
    if definition.kind == "contractual":
        return {
            "contract_end": contract_end(rows),
            "all_features_logistic": all_features_logistic(train=train, rows=rows),
        }
    return {
        "recency": recency(rows),
        "recency_over_gap": recency_over_gap(rows),
        "rfm_logistic": rfm_logistic(train=train, rows=rows),
        "all_features_logistic": all_features_logistic(train=train, rows=rows),
        "bg_nbd": bg_nbd(train=train, rows=rows, horizon_days=definition.horizon_days or 0),
    }


def contract_end(rows: ChurnSet) -> Scored:
    """Rank by how soon the contract ends; a contract that runs on comes last."""
    days = rows.columns["days_to_contract_end"]
    last = np.nanmax(days) + 1 if not np.isnan(days).all() else 0.0
    return Scored(-np.nan_to_num(days, nan=last), None)


def one_feature(*, train: ChurnSet, rows: ChurnSet) -> Scored:
    """Rank by the one feature that alone ranks the training rows best, the way round that it does.

    The values of an attribute that is no number are ranked by the share of the training rows with them that churned.
    """
    best, scores = 0.0, np.zeros(len(rows))
    for name in usable_features(train)[0]:
        learned, ranked = (_ranked(train, part, name) for part in (train, rows))
        area = float(roc_auc_score(train.churned, learned))
        if max(area, 1 - area) > best:
            best, scores = max(area, 1 - area), ranked if area >= 0.5 else -ranked
    return Scored(scores, None)


def _ranked(train: ChurnSet, rows: ChurnSet, name: str) -> Floats:
    """Return numbers by which rows are ranked by a feature; where it is missing, that of the usual training row."""
    values = rows.columns[name]
    if name not in train.categories:
        return np.nan_to_num(values, nan=float(np.nanmedian(train.columns[name])))
    every = float(train.churned.mean())
    shares = []
    for place in range(len(train.categories[name])):
        churned = train.churned[train.columns[name] == place]
        shares.append((float(churned.sum()) + every) / (len(churned) + 1))
    known = np.where(np.isnan(values), len(shares), values).astype("int64")
    ranked: Floats = np.array([*shares, every])[known]
    return ranked


def recency(rows: ChurnSet) -> Scored:
    """Rank by the days since the last purchase."""
    return Scored(rows.columns["recency_days"], None)


def recency_over_gap(rows: ChurnSet) -> Scored:
    """Rank by the days since the last purchase over the customer's own mean gap; without a gap, last."""
    return Scored(np.nan_to_num(rows.columns["recency_over_gap"], nan=0.0), None)


def rfm_logistic(*, train: ChurnSet, rows: ChurnSet) -> Scored:
    """Logistic regression on the logarithms of recency, frequency and monetary value."""
    return _logistic(train=train, rows=rows, features=("recency_days", "baskets_84d", "amount_84d"))


def all_features_logistic(*, train: ChurnSet, rows: ChurnSet) -> Scored:
    """Logistic regression on the logarithms of all inputs of the champion; a missing value is the median."""
    features, _ = usable_features(train)
    return _logistic(train=train, rows=rows, features=features)


def bg_nbd(*, train: ChurnSet, rows: ChurnSet, horizon_days: int) -> Scored:
    """BG/NBD fitted on the last training snapshot; the probability that nothing is bought in the horizon.

    A customer's history starts with their first order in the data and is counted in weeks.
    """
    latest = train.snapshots == train.snapshots.max()
    model = fit_bg_nbd(*(part[latest] for part in _purchases(train)))
    probabilities = model.silent(*_purchases(rows), horizon_days / 7)
    return Scored(probabilities, probabilities)


def _purchases(rows: ChurnSet) -> tuple[Floats, Floats, Floats]:
    columns = rows.columns
    age = columns["tenure_days"] / 7
    return columns["baskets_total"] - 1, age - columns["recency_days"] / 7, age


def _logistic(*, train: ChurnSet, rows: ChurnSet, features: Sequence[str]) -> Scored:
    model: Pipeline = make_pipeline(
        SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression(C=0.1, max_iter=2000)
    )
    model.fit(_logs(train, features), train.churned)
    probabilities: Floats = model.predict_proba(_logs(rows, features))[:, 1]
    return Scored(probabilities, probabilities)


def _logs(rows: ChurnSet, features: Sequence[str]) -> Floats:
    """Return logarithms of numbers, and for each value of an attribute whether the customer has it.

    Numbers of attributes, such as balances, may be below zero, and keep their sign.
    """
    numbers = [name for name in features if name not in rows.categories]
    logs = np.zeros((len(rows), 0))
    if numbers:
        values = matrix(rows.columns, numbers, len(rows))
        signed = np.array([name in rows.numbers for name in numbers])
        logs = np.where(signed, np.sign(values), 1.0) * np.log1p(
            np.where(signed, np.abs(values), np.maximum(values, 0))
        )
    chosen = [
        (rows.columns[name] == place).astype("float64")
        for name in features
        if name in rows.categories
        for place in range(len(rows.categories[name]))
    ]
    return np.column_stack([logs, *chosen])
