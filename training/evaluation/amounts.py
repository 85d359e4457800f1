"""How good forecasts of amounts are: how far off, how well they rank, and whether their sizes can be believed."""

from collections.abc import Iterator, Mapping
from itertools import chain

import numpy as np
import numpy.typing as npt

from core.arrays import Floats, Ints
from training.evaluation.bootstrap import ROUNDS, Draws, Estimate, estimate, stacked, times_drawn

#: Mean absolute error; rank correlation; normalised Gini; sum of the forecasts over what was; error over deciles.
METRICS = ("mae", "spearman", "gini", "total", "decile_error")
#: What an evaluation shows, and the accuracy, which decides between versions.
ACCURACY = "accuracy"
#: The error of sizes, which takes the place that the calibration error of probabilities has.
DECILE_ERROR = "decile_error"
DECILES = 10


def measure(truth: Floats, forecast: Floats) -> dict[str, float]:
    """Return every metric of `METRICS`, and the accuracy; a ratio to what was spent is 0 where nothing was.

    - `mae`: the mean distance of forecast and truth, in the currency of the data.
    - `spearman`: the correlation of their ranks, equal values sharing theirs; 0 where all are equal.
    - `gini`: how well the forecast ranks money, 1 as the truth itself would, 0 as chance does: the area between the
      Lorenz curve of the truth, in the order of the forecast with the highest first, and the diagonal, over the same
      area in the order of the truth.
    - `total`: the sum of the forecasts over the sum of the truth.
    - `decile_error`: the sum over deciles of |mean forecast - mean truth|, over the sum of their mean truths. It is to
      amounts what the calibration error is to probabilities: 0.04 is 4 % off on average over deciles.
    - `accuracy`: 1 less the sum of all errors over the sum of what was spent: the mean absolute error without its
      currency, and better where it is higher.
    """
    return _Ordered(truth, forecast).measure(np.ones(len(truth), dtype="int64"))


def lorenz(truth: Floats, forecast: Floats) -> Floats:
    """Return the share of the truth that the rows with the highest forecasts have together, row by row."""
    ranked = np.cumsum(truth[np.argsort(-forecast, kind="stable")])
    shares: Floats = ranked / ranked[-1] if len(ranked) and ranked[-1] > 0 else np.zeros(len(ranked))
    return shares


def deciles(forecast: Floats) -> list[Ints]:
    """Return the rows of each tenth by the forecast, lowest first; of equal forecasts the first row comes first."""
    return _tenths(np.argsort(forecast, kind="stable"))


def _tenths(rows: Ints) -> list[Ints]:
    return [part for part in np.array_split(rows, DECILES) if len(part)]


def bootstrap(
    truth: Floats, methods: Mapping[str, Floats], customers: npt.NDArray[np.object_], rounds: int = ROUNDS
) -> Draws:
    """Measure the forecasts of methods on the same resamplings of whole customers, seeded.

    Draws of the error over deciles lie above it where customers are few: chance is a distance, too, as it is in every
    calibration error.
    """
    ordered = {name: _Ordered(truth, forecast) for name, forecast in methods.items()}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in methods}
    for times in _draws(customers, rounds):
        for name, one in ordered.items():
            found[name].append(one.measure(times))
    points = {name: measure(truth, forecast) for name, forecast in methods.items()}
    return Draws(points, {name: stacked(drawn) for name, drawn in found.items()})


def _draws(customers: npt.NDArray[np.object_], rounds: int) -> Iterator[Ints]:
    """Yield how many times each row is in each draw."""
    return chain.from_iterable(times_drawn(customers, rounds))


class _Ordered:
    """A forecast that is sorted once, and measured where row i counts `times[i]` times.

    Sorting each draw on its own takes ten times as long where customers are many.
    """

    def __init__(self, truth: Floats, forecast: Floats) -> None:
        self._truth, self._forecast = truth, forecast
        self._error = np.abs(forecast - truth)
        self._best = np.argsort(-truth, kind="stable")
        self._highest = np.argsort(-forecast, kind="stable")
        self._lowest = np.argsort(forecast, kind="stable")
        self._values = [np.unique(one, return_inverse=True)[1] for one in (forecast, truth)]

    def measure(self, times: Ints) -> dict[str, float]:
        """Return every metric of the rows, each as many times as it counts."""
        count, spent = float(times.sum()), float(times @ self._truth)
        error = float(times @ self._error)
        best = self._area(self._best, times)
        return {
            "mae": error / count,
            "spearman": self._spearman(times),
            "gini": self._area(self._highest, times) / best if best > 0 else 0.0,
            "total": float(times @ self._forecast) / spent if spent > 0 else 0.0,
            "decile_error": self._decile_error(times),
            ACCURACY: 1 - error / spent if spent > 0 else 0.0,
        }

    def _area(self, order: Ints, times: Ints) -> float:
        """Return the mean of the cumulated shares of the truth, less that of chance."""
        counts, truth = times[order], self._truth[order]
        after = np.cumsum(counts * truth)
        # the copies of a row follow each other: the first adds the truth once, the last one as often as it counts
        held = counts * (after - counts * truth) + truth * counts * (counts + 1) / 2
        return float(held.sum()) / float(after[-1]) / float(counts.sum()) - 0.5 if after[-1] > 0 else 0.0

    def _spearman(self, times: Ints) -> float:
        ranks = [_ranks(values, times) for values in self._values]
        first, second = (one - float(times @ one) / float(times.sum()) for one in ranks)
        scale = float(np.sqrt((times @ first**2) * (times @ second**2)))
        return float(times @ (first * second)) / scale if scale > 0 else 0.0

    def _decile_error(self, times: Ints) -> float:
        parts = _tenths(np.repeat(self._lowest, times[self._lowest]))
        means = np.array([(self._forecast[part].mean(), self._truth[part].mean()) for part in parts])
        spent = float(means[:, 1].sum())
        return float(np.abs(means[:, 0] - means[:, 1]).sum()) / spent if spent > 0 else 0.0


def _ranks(values: Ints, times: Ints) -> Floats:
    """Return the mean rank of each row among all copies, equal values sharing theirs."""
    counts = np.bincount(values, weights=times)
    ranks: Floats = (np.cumsum(counts) - counts / 2 + 0.5)[values]
    return ranks


def drawn_estimate(
    value: Floats, customers: npt.NDArray[np.object_], *, median: bool = False, rounds: int = ROUNDS
) -> Estimate:
    """Return the mean, or the median, of a value of each row with its interval from draws of customers."""
    middle = np.median if median else np.mean
    found = [float(middle(np.repeat(value, times))) for times in _draws(customers, rounds)]
    return estimate(float(middle(value)), np.array(found))
