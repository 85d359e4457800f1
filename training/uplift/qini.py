"""How much more is gained by contacting customers in an order than by contacting as many of them by lot.

The gain of the first share s of an order is the sum of the effects on these customers over the number of all customers.
Effects are `Experiment.scores`, so that gains are adjusted by propensities. The Qini coefficient is the area between
the gain over s from 0 to 1 and the straight line to the gain of everybody, which is that of an order by lot: 0 is no
better than by lot, and 0.01 is on average over all budgets 1 customer in 100 who is retained more.

Sources: Radcliffe (2007), "Using control groups to target on predicted lift", for the coefficient; Yadlowsky, Fleming,
Shah, Brunskill and Wager (2021), "Evaluating treatment prioritization rules via rank-weighted average treatment
effects", for doubly robust scores in it and the bootstrap of it.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from core.arrays import Floats, Ints
from training.evaluation.bootstrap import Estimate, times_drawn

#: Shares of the customers at which gains are shown beside the coefficient.
BUDGETS = (0.1, 0.2, 0.3, 0.5)
#: Bootstrap draws of customers behind the standard errors.
ROUNDS = 200
_SEED = 11

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Ranking:
    """Customers of an experiment in the order in which they would be contacted.

    Attributes
    ----------
    places
        The places of their rows in the set that customers are drawn of.
    scores
        Of each row, in the same order; see `Experiment.scores`.
    """

    places: Ints
    scores: Floats

    @classmethod
    def by(cls, values: Floats, scores: Floats, places: Ints) -> "Ranking":
        """Order customers by a value, the highest first; equal values stay in an order by lot."""
        lot = np.random.default_rng(_SEED).permutation(len(values))
        order = lot[np.argsort(-values[lot], kind="stable")]
        return cls(places[order], scores[order])

    def measure(self, counts: Ints) -> Floats:
        """Return the coefficient and what each budget gains over contacting as many by lot.

        Parameters
        ----------
        counts
            How many times each row of the set is there.
        """
        mine = counts[self.places]
        total = max(int(mine.sum()), 1)
        each = mine * self.scores / total
        reached, gained = np.cumsum(mine) / total, np.cumsum(each)
        area = ((gained - each / 2) * mine).sum() / total - gained[-1] / 2
        ends = np.minimum(np.searchsorted(reached, BUDGETS), len(gained) - 1)
        return np.array([area, *(gained[ends] - np.array(BUDGETS) * gained[-1])])

    def curve(self, points: int = 100) -> tuple[Floats, Floats]:
        """Return shares of the customers, and what contacting each share gains."""
        ends = np.linspace(0, len(self.scores), points + 1).round().astype("int64")
        gained = np.concatenate([[0.0], np.cumsum(self.scores)]) / max(len(self.scores), 1)
        return ends / max(len(self.scores), 1), gained[ends]


@dataclass(frozen=True)
class Measured(Generic[K]):
    """Rankings on the same draws of customers: by key the coefficient, then the gain at each of `BUDGETS`.

    Attributes
    ----------
    questions
        How many intervals are looked at together: 95 % is the probability that all of them hold (Bonferroni), which
        is the price of choosing the best of several.
    """

    points: Mapping[K, Floats]
    draws: Mapping[K, Floats]
    questions: int = 1

    def estimate(self, key: K, place: int = 0) -> Estimate:
        """Return a value with its interval; place 0 is the coefficient."""
        return self._interval(self.points[key][place], self.draws[key][:, place])

    def gain(self, key: K, over: K, place: int = 0) -> Estimate:
        """Return by how much one ranking exceeds another, paired draw by draw."""
        point = self.points[key][place] - self.points[over][place]
        return self._interval(point, self.draws[key][:, place] - self.draws[over][:, place])

    def _interval(self, point: float, draws: Floats) -> Estimate:
        # few draws have few in a far tail, while their standard deviation is known well
        reach = NormalDist().inv_cdf(1 - 0.025 / self.questions) * float(draws.std())
        return Estimate(float(point), float(point) - reach, float(point) + reach)


def measure(
    customers: npt.NDArray[np.object_], rankings: Mapping[K, Ranking], questions: int = 1, rounds: int = ROUNDS
) -> Measured[K]:
    """Measure rankings on the rows of a set, and on draws of its customers."""
    points = {key: one.measure(np.ones(len(customers), dtype="int64")) for key, one in rankings.items()}
    found: dict[K, list[Floats]] = {key: [] for key in rankings}
    for counts in _draws(customers, rounds):
        for key, one in rankings.items():
            found[key].append(one.measure(counts))
    return Measured(points, {key: np.array(values) for key, values in found.items()}, questions)


def _draws(customers: npt.NDArray[np.object_], rounds: int) -> Iterator[Ints]:
    for chunk in times_drawn(customers.astype(str), rounds):
        yield from chunk
