"""The methods that the champion has to beat in the same run: rules that need no model, and simpler models."""

from collections.abc import Sequence

import numpy as np

from core.arrays import Floats
from training.btyd.bg_nbd import fit_bg_nbd
from training.churn.additive import fit_additive
from training.churn.dataset import ChurnSet, usable_features
from training.churn.definition import Definition
from training.churn.rules import rules
from training.evaluation.metrics import Scored

#: Recency, frequency and monetary value.
RFM = ("recency_days", "baskets_84d", "amount_84d")


def baselines(*, train: ChurnSet, rows: ChurnSet, definition: Definition) -> dict[str, Scored]:
    """Fit every baseline of a definition on the training rows, and return its scores of the rows, by name."""
    found = {name: Scored(rule.scores(rows), None) for name, rule in rules(train, definition).items()}
    if definition.kind == "non_contractual":
        found["rfm_logistic"] = logistic(train=train, rows=rows, features=RFM)
    # of all inputs of the champion
    found["all_features_logistic"] = logistic(train=train, rows=rows, features=usable_features(train)[0])
    if definition.kind == "non_contractual":
        found["bg_nbd"] = bg_nbd(train=train, rows=rows, horizon_days=definition.horizon_days or 0)
    return found


def logistic(*, train: ChurnSet, rows: ChurnSet, features: Sequence[str]) -> Scored:
    """Score by logistic regression on the logarithms of features."""
    margins = fit_additive(train, features).scores(rows)
    probabilities: Floats = 1 / (1 + np.exp(-margins))
    return Scored(probabilities, probabilities)


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
