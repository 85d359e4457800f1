"""What a marketer would do without the model; the champion has to beat it in the same run."""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from features.vectors import Floats
from training.churn.dataset import ChurnSet


@dataclass(frozen=True)
class Scored:
    """Scores to rank by, and probabilities where the method has any."""

    scores: Floats
    probabilities: Floats | None


def recency(rows: ChurnSet) -> Scored:
    """Rank by the days since the last purchase."""
    return Scored(rows.columns["recency_days"], None)


def recency_over_gap(rows: ChurnSet) -> Scored:
    """Rank by the days since the last purchase over the customer's own mean gap; without a gap, last."""
    return Scored(np.nan_to_num(rows.columns["recency_over_gap"], nan=0.0), None)


def rfm_logistic(train: ChurnSet, rows: ChurnSet) -> Scored:
    """Logistic regression on the logarithms of recency, frequency and monetary value."""
    model: Pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(_rfm(train), train.churned)
    probabilities: Floats = model.predict_proba(_rfm(rows))[:, 1]
    return Scored(probabilities, probabilities)


def _rfm(rows: ChurnSet) -> Floats:
    columns = rows.columns
    triple = (columns["recency_days"], columns["baskets_84d"], columns["amount_84d"])
    return np.log1p(np.maximum(np.column_stack(triple), 0.0))
