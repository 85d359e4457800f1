"""Which few features a model of few customers is learned from."""

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import roc_auc_score

from core.arrays import Floats
from features.given import place_of
from training.churn.additive import Additive, ordered, rates
from training.churn.dataset import ChurnSet

#: Features that are chosen, at most.
MOST = 10
#: Times that the customers are split into halves.
_SPLITS = 4
#: Features whose ranks correlate by this much say the same.
_ALIKE = 0.9


def stable_features(train: ChurnSet, features: Sequence[str]) -> tuple[str, ...]:
    """Return up to ten features that rank alone, whichever half of the customers they are learned from.

    Each feature is learned from one half of the customers and measured on the other, four times either way; the lowest
    AUC counts. Features are taken from the highest down, those left out that rank as one that was taken. At least one
    is taken.

    Parameters
    ----------
    train
        Rows of training snapshots: neither validation nor test rows may decide.
    """
    halves = [
        np.array([place_of(f"half {number} {customer}") < 0.5 for customer in train.customers])
        for number in range(_SPLITS)
    ]
    pairs = [(train.rows(mask), train.rows(~mask)) for half in halves for mask in (half, ~half)]
    strength = {name: min(_ranks(one, other, name) for one, other in pairs) for name in features}
    ordered_names = sorted(features, key=lambda name: -strength[name])
    taken: dict[str, Floats] = {}
    for name in ordered_names:
        scores = _alone(train, name).scores(train)
        if taken and (len(taken) == MOST or strength[name] <= 0.5):
            break
        if not any(abs(_correlation(scores, other)) >= _ALIKE for other in taken.values()):
            taken[name] = scores
    return tuple(taken)


def _alone(rows: ChurnSet, name: str) -> Additive:
    """Return a model of one feature, the way round that ranks the rows."""
    if name in rows.categories:
        return rates(rows, name)
    rising = ordered(rows, name, 1)
    return rising if _area(rows, rising) >= 0.5 else ordered(rows, name, -1)


def _ranks(one: ChurnSet, other: ChurnSet, name: str) -> float:
    """Return the AUC on other customers of a feature that was learned from some; 0.5 where these do not have it."""
    known = one.columns[name][~np.isnan(one.columns[name])]
    return _area(other, _alone(one, name)) if len(known) and 0 < one.churned.sum() < len(one) else 0.5


def _area(rows: ChurnSet, model: Additive) -> float:
    one_outcome = not 0 < rows.churned.sum() < len(rows)
    return 0.5 if one_outcome else float(roc_auc_score(rows.churned, model.scores(rows)))


def _correlation(one: Floats, other: Floats) -> float:
    """Return Spearman's rank correlation; 0 where one of them is the same for all."""
    ranks = [np.unique(scores, return_inverse=True)[1].astype("float64") for scores in (one, other)]
    return float(np.corrcoef(ranks)[0, 1]) if all(rank.max() > 0 for rank in ranks) else 0.0
