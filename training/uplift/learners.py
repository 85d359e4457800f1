"""Learners of an effect on small LightGBM trees: S, T, X and DR.

Every part is grown without some folds of customers, and answers for these alone while it is measured. The parts of a
learner are averaged when it answers for others, which steadies the effect as bagging does.

Sources: S, T and X are the meta-learners of Künzel, Sekhon, Bickel and Yu (2019); DR is Kennedy (2020).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import lightgbm as lgb
import numpy as np

from core.arrays import Floats, Ints

Learner = Literal["T", "S", "X", "DR"]
LEARNERS: tuple[Learner, ...] = get_args(Learner)
#: What the parts of an ensemble answer.
Formula = Literal["mean", "T", "S", "X"]
Boosters = tuple[lgb.Booster, ...]
#: Up to this many rows are scored by one thread: more would take longer to start.
_FEW = 2_000


def _mean(boosters: Boosters, inputs: Floats) -> Floats:
    """Return what one booster predicts."""
    return _predicted(boosters[0], inputs)


def _t(boosters: Boosters, inputs: Floats) -> Floats:
    """Return the difference of two models, one of each arm: controls, treated."""
    controls, treated = boosters
    return _predicted(treated, inputs) - _predicted(controls, inputs)


def _s(boosters: Boosters, inputs: Floats) -> Floats:
    """Return the difference that the arm makes to one model, whose last input it is."""
    without = np.column_stack([inputs, np.zeros(len(inputs))])
    with_action = np.column_stack([inputs, np.ones(len(inputs))])
    return _predicted(boosters[0], with_action) - _predicted(boosters[0], without)


def _x(boosters: Boosters, inputs: Floats) -> Floats:
    """Return the mean of the effects that were imputed for controls and for treated customers."""
    of_controls, of_treated = boosters
    both: Floats = (_predicted(of_controls, inputs) + _predicted(of_treated, inputs)) / 2
    return both


_FORMULAS: Mapping[Formula, Callable[[Boosters, Floats], Floats]] = {"mean": _mean, "T": _t, "S": _s, "X": _x}
FORMULA: Mapping[Learner, Formula] = {"T": "T", "S": "S", "X": "X", "DR": "mean"}


def _predicted(booster: lgb.Booster, inputs: Floats) -> Floats:
    if not len(inputs):
        return np.zeros(0)
    return np.asarray(booster.predict(inputs, num_threads=1 if len(inputs) <= _FEW else 0), dtype="float64")


@dataclass(frozen=True)
class Part:
    """Trees that were grown without some folds of customers."""

    without: tuple[int, ...]
    boosters: Boosters


@dataclass(frozen=True)
class Ensemble:
    """Parts whose answers are averaged."""

    formula: Formula
    parts: tuple[Part, ...]

    def predict(self, inputs: Floats) -> Floats:
        """Return the mean of all parts, for customers whom none of them learned from."""
        return self._mean(self.parts, inputs)

    def unseen(self, inputs: Floats, folds: Ints) -> Floats:
        """Return the mean of the parts that were grown without the fold of each row."""
        found = np.zeros(len(inputs))
        for fold in np.unique(folds).tolist():
            mine = folds == fold
            found[mine] = self._mean(tuple(part for part in self.parts if fold in part.without), inputs[mine])
        return found

    def _mean(self, parts: tuple[Part, ...], inputs: Floats) -> Floats:
        answers = np.zeros(len(inputs))
        for part in parts:
            answers += _FORMULAS[self.formula](part.boosters, inputs)
        return answers / len(parts)
