"""How good risks should turn out to be, before anybody knows: estimated from the calibrated risks alone.

Confidence-based performance estimation: a customer with a risk of 0.3 counts as three tenths of a churner. Right as far
as the risks are calibrated among those who are asked about; a change of what makes customers leave is not seen.

Source: Białek, Kuberski, Perrakis and Bifet, Estimating Model Performance Under Covariate Shift Without Labels (2024),
arXiv 2401.08348; and the documentation of NannyML.
"""

from collections.abc import Iterator

import numpy as np

from core.arrays import Floats
from training.evaluation.bootstrap import ROUNDS, Estimate, estimate

_SEED = 7
#: Numbers that are in memory at the same time.
_NUMBERS = 2_000_000


def estimated(risks: Floats, rounds: int = ROUNDS) -> dict[str, Estimate]:
    """Return the expected AUC, churn rate and lift at 10 % of risks, each with a 95 % interval.

    The interval is that of labels drawn from the risks, for customers drawn with replacement.
    """
    ranked = -np.sort(-risks)
    hits, misses = ranked[np.newaxis], 1 - ranked[np.newaxis]
    points = _measure(ranked, hits, misses)
    drawn = [_measure(ranked, *one) for one in _draws(ranked, rounds)]
    values = {name: np.concatenate([part[name] for part in drawn]) for name in points}
    kept = {name: one[np.isfinite(one)] for name, one in values.items()}
    return {name: estimate(float(point[0]), kept[name]) for name, point in points.items() if np.isfinite(point[0])}


def _draws(ranked: Floats, rounds: int) -> Iterator[tuple[Floats, Floats]]:
    """Yield how often each row was drawn as a churner and as one who stays, draws x rows, some draws at a time."""
    rng = np.random.default_rng(_SEED)
    count = len(ranked)
    step = max(1, _NUMBERS // count)
    for first in range(0, rounds, step):
        size = min(step, rounds - first)
        times = rng.multinomial(count, np.full(count, 1 / count), size=size).astype("float64")
        churned = rng.random((size, count)) < ranked
        yield times * churned, times * ~churned


def _measure(ranked: Floats, hits: Floats, misses: Floats) -> dict[str, Floats]:
    """Return AUC, churn rate and lift of rows in the order of falling risks, by draw.

    Parameters
    ----------
    hits, misses
        Weight of each row as a churner and as one who stays, draws x rows.
    """
    starts = np.flatnonzero(np.r_[True, np.diff(ranked) != 0])  # of runs of equal risks
    grouped_hits, grouped_misses = np.add.reduceat(hits, starts, axis=1), np.add.reduceat(misses, starts, axis=1)
    above = np.cumsum(grouped_hits, axis=1)
    pairs = (grouped_misses * (above - grouped_hits / 2)).sum(axis=1)
    # nobody is compared with themselves
    same = (hits * misses).sum(axis=1)
    positives, negatives = hits.sum(axis=1), misses.sum(axis=1)
    top = max(1, round(0.1 * len(ranked)))
    rate = positives / (positives + negatives)
    with np.errstate(invalid="ignore", divide="ignore"):
        at_top = hits[:, :top].sum(axis=1) / (hits[:, :top].sum(axis=1) + misses[:, :top].sum(axis=1))
        return {
            "roc_auc": (pairs - same / 2) / (positives * negatives - same),
            "churn_rate": rate,
            "lift_at_10": at_top / rate,
        }
