"""How far a measured value may be chance: bootstrap intervals, and gains that are measured pair by pair."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from core.arrays import Floats, Ints

#: Bootstrap draws behind every interval.
ROUNDS = 200
_SEED = 7
#: Draws that are in memory at the same time.
_CHUNK = 20


@dataclass(frozen=True)
class Estimate:
    """A metric with the ends of its bootstrap 95 % interval."""

    value: float
    low: float
    high: float


def draws(count: int, rounds: int = ROUNDS) -> Iterator[Ints]:
    """Yield places of `count` customers, drawn with replacement; the draws are the same at every call."""
    rng = np.random.default_rng(_SEED)
    for _ in range(rounds):
        yield rng.integers(0, count, count)


def times_drawn(groups: npt.NDArray[np.object_], rounds: int = ROUNDS) -> Iterator[Ints]:
    """Yield how many times each row is in draws of whole groups (customers), draws x rows, a chunk of draws at a time.

    A customer with rows at several snapshots is drawn with all of them or not at all.
    """
    codes = np.unique(groups, return_inverse=True)[1]
    count = int(codes.max()) + 1
    drawn = draws(count, rounds)
    while chunk := list(islice(drawn, _CHUNK)):
        yield np.array([np.bincount(places, minlength=count)[codes] for places in chunk])


def stacked(parts: Sequence[Mapping[str, float | Floats]]) -> dict[str, Floats]:
    """Return the values of each metric one after the other, of measurements that each have all metrics."""
    return {metric: np.hstack([part[metric] for part in parts]) for metric in parts[0]}


def estimate(value: float, drawn: Floats) -> Estimate:
    """Return a value with the interval that its draws give; without any draw the interval is the value."""
    if not len(drawn):
        return Estimate(value, value, value)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(value, float(low), float(high))


def relative_gain(values: Floats, others: Floats) -> Estimate:
    """Return by which share the mean of one array exceeds that of another, paired by customer.

    Both are measured on the same draws of customers.
    """
    places = np.stack(list(draws(len(values))))
    shares = values[places].mean(axis=1) / np.maximum(others[places].mean(axis=1), 1e-12) - 1
    return estimate(float(values.mean() / max(others.mean(), 1e-12) - 1), shares)


@dataclass(frozen=True)
class Draws:
    """Methods measured on the same bootstrap draws: metric values by method and metric, one per draw."""

    points: dict[str, dict[str, float]]
    values: dict[str, dict[str, Floats]]

    def estimates(self) -> dict[str, dict[str, Estimate]]:
        """Return every metric with its interval."""
        return {
            method: {name: estimate(point, self.values[method][name]) for name, point in metrics.items()}
            for method, metrics in self.points.items()
        }

    def as_json(self) -> dict[str, dict[str, dict[str, float]]]:
        """Return every metric with its interval as plain numbers, by method and metric."""
        return {
            method: {metric: asdict(one) for metric, one in metrics.items()}
            for method, metrics in self.estimates().items()
        }

    def gain(self, metric: str, method: str, over: str) -> Estimate:
        """Return by how much one method exceeds another, paired draw by draw."""
        point = self.points[method][metric] - self.points[over][metric]
        return estimate(point, self.values[method][metric] - self.values[over][metric])
