"""Intervals by what forecasts were off by: conformal, with residuals that grow with the size of the forecast."""

from dataclasses import dataclass

import numpy as np

from core.arrays import Floats

#: Rows of a group of similar forecasts, at least, and groups, at most.
_LEAST, _GROUPS = 50, 12


@dataclass(frozen=True)
class Ratios:
    """How far the truth was below and above a forecast, as factors of it, by the size of the forecast.

    Attributes
    ----------
    sizes
        The median forecast of each group, ascending; factors between two of them are interpolated by the logarithm.
    low, high
        The factors of each group.
    """

    sizes: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def bounds(self, forecast: Floats) -> tuple[Floats, Floats]:
        """Return the ends of the interval of each forecast, which lies inside; NaN where there is no forecast."""
        size, known = np.log(np.maximum(forecast, 1e-12)), np.log(self.sizes)
        low = forecast * np.interp(size, known, self.low)
        high = forecast * np.interp(size, known, self.high)
        return np.minimum(low, forecast), np.maximum(high, forecast)


def fit_ratios(forecast: Floats, truth: Floats, share: float) -> Ratios:
    """Choose factors so that a share of the truths lies inside, in each group of forecasts of similar size.

    As many lie above the interval as below it. Where more than that share of the truths is 0, the interval starts at 0
    and all that is outside lies above.

    Source: split conformal prediction with normalised residuals (Lei and others, Distribution-Free Predictive Inference
    for Regression, JASA 2018), with the quantiles of n residuals taken at ceil((n + 1) q) / n.

    Parameters
    ----------
    forecast
        Above 0, of rows that the forecaster did not learn from.
    share
        Such as 0.8.
    """
    groups = np.array_split(np.argsort(forecast, kind="stable"), max(1, min(_GROUPS, len(forecast) // _LEAST)))
    found = [(float(np.median(forecast[rows])), *_factors(truth[rows] / forecast[rows], share)) for rows in groups]
    sizes, low, high = zip(*found, strict=True)
    return Ratios(tuple(sizes), tuple(low), tuple(high))


def _factors(ratios: Floats, share: float) -> tuple[float, float]:
    outside = 1 - share
    starts_at_nothing = float((ratios <= 0).mean()) > outside / 2
    below = 0.0 if starts_at_nothing else outside / 2
    above = share if starts_at_nothing else 1 - outside / 2
    ordered, count = np.sort(ratios), len(ratios)
    # rounded first, so that a tenth of 20 is 2 and not a little less
    first = int(np.floor(round((count + 1) * below, 9))) - 1
    last = int(np.ceil(round((count + 1) * above, 9))) - 1
    low = 0.0 if starts_at_nothing else float(ordered[max(first, 0)])
    return low, float(ordered[min(last, count - 1)])
