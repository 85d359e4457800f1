"""Simulated shops as experiments, and what a list of customers to call is really worth."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.arrays import Floats, Ints
from tests.simulate_effects import COST, DISCOUNT, MARGIN, simulate
from training.uplift.action import ActionUplift
from training.uplift.experiment import Experiment, balanced
from training.uplift.folds import folds_of

#: What analysts see of a customer.
INPUTS = 11
#: Windows that a kept customer is worth.
WINDOWS = 3


@dataclass(frozen=True)
class Shop:
    """A shop of `tests.simulate_effects`."""

    customers: int
    seed: int
    share: float = 0.5
    effect: float = 1.0

    @cached_property
    def data(self) -> dict[str, np.ndarray]:
        """What was drawn, with the truth."""
        return simulate(self.customers, self.seed, self.share, self.effect)

    @cached_property
    def inputs(self) -> Floats:
        """what analysts know before the campaign."""
        return np.column_stack([np.asarray(self.data[name], dtype="float64") for name in list(self.data)[:INPUTS]])

    @cached_property
    def experiment(self) -> Experiment:
        """The campaign and what became of its customers."""
        called = self.data["called"]
        ids = np.array([f"S{number:06}" for number in range(self.customers)], dtype=object)
        propensity = np.where(called, self.share, 1 - self.share)
        campaigns = np.full(self.customers, "spring", dtype=object)
        return Experiment(
            action="call",
            places=np.arange(self.customers),
            customers=ids,
            treated=called,
            retained=self.data["stayed"].astype("float64"),
            revenue=self.data["revenue"],
            weights=balanced(campaigns, called, propensity),
        )

    @cached_property
    def folds(self) -> Ints:
        """The fold of each customer."""
        return folds_of(self.experiment.customers, 5)

    @property
    def true_lift(self) -> Floats:
        """What no analyst can see."""
        lift: Floats = self.data["p_call"] - self.data["p_holdout"]
        return lift

    def share_of_oracle(self, expected: Floats, budget: float = 0.2) -> float:
        """Return what calling the customers with the highest expected gain brings, over what an oracle's list brings.

        Nobody is called whose expected gain is not above 0.
        """
        most = int(budget * self.customers)
        chosen = np.argsort(-expected, kind="stable")[:most]
        best = np.sort(self.data["gain"])[::-1][:most]
        return float(self.data["gain"][chosen[expected[chosen] > 0]].sum() / best[best > 0].sum())


def expected_gain(answer: ActionUplift) -> Floats:
    """Return what calling each customer is expected to bring: margin kept, less the cost and the discount."""
    kept = MARGIN * WINDOWS * answer.revenue
    return answer.lift * kept - COST - DISCOUNT * answer.revenue * (answer.base + answer.lift)
