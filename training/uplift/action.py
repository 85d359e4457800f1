"""What was learned about one action, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.arrays import Floats, Ints
from training.evaluation.bootstrap import Estimate
from training.uplift.learners import Ensemble, Learner
from training.uplift.tenths import Tenths


@dataclass(frozen=True)
class ActionUplift:
    """What an action does to customers, aligned with those who are asked about.

    Attributes
    ----------
    base
        Probability of being retained without a contact.
    lift
        What the action adds to it; below 0 where it drives customers away. Base and lift together are in [0, 1].
    low, high
        95 % interval of the effect on customers like these: those in the same tenth of predicted lift.
    revenue
        Expected revenue of the window of a customer who is retained, before any discount; NaN where nothing is sold.
    """

    base: Floats
    lift: Floats
    low: Floats
    high: Floats
    revenue: Floats


@dataclass(frozen=True)
class ActionModel:
    """The chosen learner of an action, with what is expected without it.

    Attributes
    ----------
    folds
        How many folds of customers its parts were grown without.
    qini
        The coefficient of every learner that was tried, by cross-validation.
    tenths
        Of the customers that it learned from, each by parts that did not see them.
    accepted
        Whether its ranking gains more than one by lot; else nothing of it is answered.
    """

    action: str
    learner: Learner
    folds: int
    base: Ensemble
    lift: Ensemble
    revenue: Ensemble | None
    qini: Mapping[Learner, Estimate]
    tenths: Tenths
    accepted: bool = True

    def predict(self, inputs: Floats) -> ActionUplift:
        """Answer for customers by all parts."""
        revenue = self.revenue.predict(inputs) if self.revenue else np.full(len(inputs), np.nan)
        return self._answer(self.base.predict(inputs), self.lift.predict(inputs), revenue)

    def unseen(self, inputs: Floats, folds: Ints) -> ActionUplift:
        """Answer for each customer by the parts that did not learn from the customer's fold."""
        revenue = self.revenue.unseen(inputs, folds) if self.revenue else np.full(len(inputs), np.nan)
        return self._answer(self.base.unseen(inputs, folds), self.lift.unseen(inputs, folds), revenue)

    def _answer(self, base: Floats, lift: Floats, revenue: Floats) -> ActionUplift:
        lift = np.clip(lift, -base, 1 - base)
        return ActionUplift(base, lift, *self.tenths.bounds(lift), revenue)
