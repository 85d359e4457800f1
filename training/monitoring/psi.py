"""The population stability index: how far a distribution has moved, and how far it moves by chance."""

import numpy as np
from scipy.stats import chi2

from core.arrays import Floats

#: Bins of equal mass of the reference; missing values have one more.
BINS = 10
#: A share of this many rows is added to each bin, so that an empty one has a logarithm.
_PRIOR = 0.5


def psi(reference: Floats, now: Floats) -> tuple[float, int]:
    """Return the index of a column between two samples, and the number of bins that it is the sum of.

    Bins are deciles of the reference, or its values where it has no more of them; missing values are a bin of their
    own. The index is the sum over bins of (p - q) ln(p / q), of the shares p and q of both samples.

    Source: Siddiqi, Credit Risk Scorecards (2006).
    """
    known = reference[~np.isnan(reference)]
    if len(known) == 0:
        edges: Floats = np.zeros(0)
    else:
        values = np.unique(known)
        cuts = values[1:] if len(values) <= BINS else np.quantile(known, np.arange(1, BINS) / BINS)
        edges = np.unique(cuts)
    counts, others = _counts(reference, edges), _counts(now, edges)
    used = counts + others > 0
    shares, moved = _shares(counts[used]), _shares(others[used])
    return float(((shares - moved) * np.log(shares / moved)).sum()), int(used.sum())


def noise(bins: int, rows: int, others: int, alpha: float) -> float:
    """Return the index that two samples of one distribution exceed with the probability alpha.

    The index is then about (1/n + 1/m) times a chi-square variable with bins - 1 degrees of freedom.

    Source: Yurdakul, Statistical Properties of Population Stability Index (2018).
    """
    return float((1 / rows + 1 / others) * chi2.ppf(1 - alpha, max(1, bins - 1)))


def _counts(values: Floats, edges: Floats) -> Floats:
    missing = np.isnan(values)
    places = np.searchsorted(edges, values[~missing], side="right")
    counts: Floats = np.r_[np.bincount(places, minlength=len(edges) + 1), missing.sum()].astype("float64")
    return counts


def _shares(counts: Floats) -> Floats:
    shares: Floats = (counts + _PRIOR) / (counts + _PRIOR).sum()
    return shares
