"""An additive model: each feature adds something of its own to the log odds, so that its part is plain to see."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np

from core.arrays import Floats, matrix
from training.churn.dataset import ChurnSet

#: What a value that few rows have is drawn to: the rate of all rows, as if this many more had it.
_PRIOR = 10.0
#: Inverse strength of the penalty, on features of unit variance.
_PENALTY = 0.1


@dataclass(frozen=True)
class Term:
    """What one feature adds.

    Attributes
    ----------
    weight
        What one unit of the logarithm of a number adds.
    values
        What each value adds instead, for a feature whose numbers are names: codes of an attribute, prices of plans.
    missing
        What a missing or unknown value adds.
    usual
        What it adds on average of the training rows.
    """

    feature: str
    weight: float = 0.0
    values: Mapping[float, float] | None = None
    missing: float = 0.0
    usual: float = 0.0

    def added(self, column: Floats) -> Floats:
        """Return what the values of a column add."""
        if self.values is None:
            added = self.weight * logarithm(column)
        else:
            added = np.full(len(column), np.nan)
            for value, adds in self.values.items():
                added[column == value] = adds
        filled: Floats = np.where(np.isnan(added), self.missing, added)
        return filled


@dataclass(frozen=True)
class Additive:
    """A sum of terms, one a feature, in the order of its inputs."""

    terms: tuple[Term, ...]
    intercept: float = 0.0

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the inputs."""
        return tuple(term.feature for term in self.terms)

    def margin(self, inputs: Floats) -> Floats:
        """Return the sum of each row, the raw log odds."""
        sums: Floats = self.contributions(inputs).sum(axis=1)
        return sums

    def contributions(self, inputs: Floats) -> Floats:
        """Return what each feature adds to the average row, rows x (features + 1); the last column is that row's sum.

        These are the Shapley values of an additive model. Source: Lundberg and Lee, A Unified Approach to Interpreting
        Model Predictions (NIPS 2017), corollary 1.
        """
        base = self.intercept + sum(term.usual for term in self.terms)
        parts = [term.added(inputs[:, place]) - term.usual for place, term in enumerate(self.terms)]
        return np.column_stack([*parts, np.full(len(inputs), base)])

    def scores(self, rows: ChurnSet) -> Floats:
        """Return the margin of each row of a set."""
        return self.margin(matrix(rows.columns, self.features, len(rows)))

    @classmethod
    def read(cls, meta: Mapping[str, Any]) -> Self:
        """Read what `dataclasses.asdict` and JSON made of one; JSON has texts for numbers that are keys."""
        terms = []
        for term in meta["terms"]:
            values = term["values"]
            named = None if values is None else {float(value): adds for value, adds in values.items()}
            terms.append(Term(**{**term, "values": named}))
        return cls(tuple(terms), meta["intercept"])


def logarithm(values: Floats) -> Floats:
    """Return logarithms that keep the order of numbers, those below zero too: sign(x) log(1 + |x|)."""
    logs: Floats = np.sign(values) * np.log1p(np.abs(values))
    return logs


def rates(train: ChurnSet, feature: str) -> Additive:
    """Return a model of one feature: the log odds of churn of the training rows with each of its values."""
    column, every = train.columns[feature], float(train.churned.mean())
    values = {}
    for value in np.unique(column[~np.isnan(column)]).tolist():
        churned = train.churned[column == value]
        values[value] = _log_odds((float(churned.sum()) + _PRIOR * every) / (len(churned) + _PRIOR))
    return _sum([Term(feature, values=values, missing=_log_odds(every))], 0.0, train)


def ordered(train: ChurnSet, feature: str, direction: Literal[-1, 1], missing: float = np.nan) -> Additive:
    """Return a model of one feature that ranks by a number, or by its opposite.

    Parameters
    ----------
    missing
        The number that a missing one counts as; by default the median of the training rows.
    """
    known = np.nan_to_num(missing, nan=float(np.nanmedian(train.columns[feature])))
    weight = float(direction)
    counts_as = weight * float(logarithm(np.array([known]))[0])
    return _sum([Term(feature, weight=weight, missing=counts_as)], 0.0, train)


def fit_additive(train: ChurnSet, features: Sequence[str]) -> Additive:
    """Fit logistic regression on the logarithms of numbers, and on each value of attributes that are none.

    A missing number counts as the median of the training rows, a missing attribute as none of its values.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - only training needs it

    inputs, owners = [], []
    medians = {}
    for name in features:
        column = train.columns[name]
        if name in train.categories:
            columns = [(column == place).astype("float64") for place in range(len(train.categories[name]))]
        else:
            logs = logarithm(column)
            medians[name] = float(np.nanmedian(logs))
            columns = [np.nan_to_num(logs, nan=medians[name])]
        inputs += columns
        owners += [name] * len(columns)
    stacked = np.column_stack(inputs)
    means, spreads = stacked.mean(axis=0), stacked.std(axis=0)
    spreads[spreads == 0] = 1.0
    fitted = LogisticRegression(C=_PENALTY, max_iter=2000).fit((stacked - means) / spreads, train.churned)
    weights = fitted.coef_[0] / spreads
    terms = []
    for name in features:
        own = weights[[owner == name for owner in owners]].tolist()
        if name in train.categories:
            terms.append(Term(name, values={float(place): adds for place, adds in enumerate(own)}))
        else:
            terms.append(Term(name, weight=own[0], missing=own[0] * medians[name]))
    return _sum(terms, float(fitted.intercept_[0] - weights @ means), train)


def _sum(terms: Sequence[Term], intercept: float, train: ChurnSet) -> Additive:
    """Return a model with what each term adds on average of the training rows."""
    usual = [float(term.added(train.columns[term.feature]).mean()) for term in terms]
    return Additive(tuple(replace(term, usual=adds) for term, adds in zip(terms, usual, strict=True)), intercept)


def _log_odds(rate: float) -> float:
    return math.log(rate / (1 - rate))
