"""Covariates, known before the assignment, as a regression can take them."""

import numpy as np

from core.arrays import Floats

#: Customers on each side for one covariate: slopes of fewer customers add more noise than they remove.
PER_COVARIATE = 20
#: Directions whose singular value is below this share of the largest one are collinear.
_COLLINEAR = 1e-9


def prepared(covariates: Floats, fewest: int) -> Floats:
    """Return uncorrelated columns that span what the covariates say.

    A missing value becomes the mean of its column, and an indicator of missing values is appended for each column that
    has some; the assignment is random, so this biases nothing (Zhao and Ding, To adjust or not to adjust? Estimating
    the average treatment effect in randomized experiments with missing covariates, JASA 2024). Constant columns are
    dropped, and so is what other columns say already. The first columns are the ones that stay where customers are few.

    Parameters
    ----------
    covariates
        Customers x columns, the most important first; NaN and infinities are missing values.
    fewest
        Customers of the smaller side; one covariate is used for every `PER_COVARIATE` of them.

    Returns
    -------
    Customers x at most as many columns, each with mean 0 and the same length; no column where nothing varies.
    """
    filled = _varying(_filled(covariates))[:, : fewest // PER_COVARIATE]
    if not filled.size:
        return np.zeros((len(covariates), 0))
    left, lengths, _ = np.linalg.svd(filled, full_matrices=False)
    columns: Floats = left[:, lengths > lengths[0] * _COLLINEAR]
    return columns


def _filled(covariates: Floats) -> Floats:
    """Replace missing values by the mean of their column, and append the indicators; empty columns are left out."""
    missing = ~np.isfinite(covariates)
    some = ~missing.all(axis=0)
    values, missing = np.where(missing, np.nan, covariates)[:, some], missing[:, some]
    if not values.size:
        return np.zeros((len(covariates), 0))
    means = np.nanmean(values, axis=0)
    indicators = missing[:, missing.any(axis=0)].astype("float64")
    return np.hstack([np.where(missing, means, values), indicators])


def _varying(columns: Floats) -> Floats:
    """Standardise, without the columns that are constant."""
    centred = columns - columns.mean(axis=0)
    spread = centred.std(axis=0)
    # a constant's deviations are rounding errors, in proportion to its size
    varies = spread > 1e-12 * np.maximum(np.abs(columns).max(axis=0), 1e-300) if len(columns) else spread > 0
    scaled: Floats = centred[:, varies] / spread[varies]
    return scaled
