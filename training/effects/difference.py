"""The difference that a treatment makes, from randomised assignments, adjusted to what was known before."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from core.arrays import Floats, Ints, Rows
from training.effects.covariates import prepared

#: Intervals of a single comparison miss the truth in this share of experiments.
MISS = 0.05
#: A variance needs two customers on each side.
_LEAST = 2
#: Squared residuals that are rounding errors, as a share of the squared outcomes.
_ROUNDING = 1e-18
#: Directions of covariates that vary less on one side, as a share of both sides, are constant there but for rounding.
_CONSTANT = 1e-6


@dataclass(frozen=True)
class Effect:
    """A difference between treated customers and their controls, for each customer.

    Attributes
    ----------
    value, low, high
        The adjusted difference, with its 95 % interval; NaN where it cannot be said.
    standard_error
        Robust to unequal variances.
    p_value
        Two-sided, of no difference.
    control_mean
        The mean outcome of the controls, adjusted to the covariates of all; `control_mean + value` is that of the
        treated.
    customers, controls
        Treated and control customers that are compared.
    degrees
        Degrees of freedom of the interval.
    """

    value: float
    low: float
    high: float
    standard_error: float
    p_value: float
    control_mean: float
    customers: int
    controls: int
    degrees: float = math.inf

    @property
    def mean(self) -> float:
        """The mean outcome of the treated, adjusted to the covariates of all."""
        return self.control_mean + self.value

    @property
    def known(self) -> bool:
        """Whether the difference can be said."""
        return math.isfinite(self.value)

    def half_width(self, miss: float = MISS) -> float:
        """Return how far an interval reaches on each side that misses the truth in a share `miss` of experiments."""
        return float(stdtrit(self.degrees, 1 - miss / 2)) * self.standard_error


def effect(
    value: float, error: float, sizes: tuple[int, int], *, control_mean: float = math.nan, degrees: float = math.inf
) -> Effect:
    """Return a difference with its 95 % interval and p-value from its standard error.

    Parameters
    ----------
    sizes
        Treated and control customers.
    """
    reach = float(stdtrit(degrees, 1 - MISS / 2)) * error
    p_value = 2 * float(stdtr(degrees, -abs(value) / error))
    return Effect(value, value - reach, value + reach, error, p_value, control_mean, *sizes, degrees)


def unknown(customers: int, controls: int) -> Effect:
    """Return a difference that cannot be said."""
    none = math.nan
    return Effect(none, none, none, none, none, none, customers, controls, none)


@dataclass(frozen=True)
class _Side:
    """One side of a stratum: its mean at the covariates of both sides, how far that is chance, and its customers."""

    mean: float
    variance: float
    degrees: float
    customers: int


def adjusted_difference(
    outcome: Floats,
    treated: Rows,
    covariates: Floats,
    strata: Ints | None = None,
    propensity: Floats | None = None,
) -> Effect:
    """Compare treated customers with their controls, stratum by stratum.

    In a stratum the outcome is regressed on the centred covariates, treated and controls each for themselves, which is
    one regression with all interactions (Lin, Agnostic notes on regression adjustments to experimental data, Annals of
    Applied Statistics 2013): never less precise than the plain difference in large samples, whether or not the outcome
    is linear. CUPED (Deng and others, WSDM 2013) is its special case of one covariate, the outcome's own value before
    the experiment, with one slope for both sides; without covariates it is Welch's test. Standard errors are HC2
    (MacKinnon and White 1985), which are exact for two means; degrees of freedom are those of Welch and Satterthwaite.

    Strata are combined by their share of the treated: the result is the mean effect on customers like the treated.

    Parameters
    ----------
    outcome
        One entry a customer; a customer with NaN is left out.
    treated
        Treated customers, as a mask or as places; all others are controls.
    covariates
        Customers x covariates, of before the assignment, the most important first; none, where it has no column. See
        `prepared` for missing, constant and collinear ones, and for few customers.
    strata
        Groups inside which customers were drawn, such as the intended action. A stratum with fewer than two customers
        on either side is left out.
    propensity
        Probability of each customer's own side, in (0, 1]. Where probabilities differ inside a side of a stratum,
        customers are weighted by the inverse (Hájek); where one is NaN in a stratum, all are taken as equal.

    Returns
    -------
    Unknown where no stratum has both sides, or where all outcomes are alike.
    """
    count = len(outcome)
    mask = np.zeros(count, dtype=bool)
    mask[treated] = True
    groups = np.zeros(count, dtype="int64") if strata is None else strata
    weights = np.ones(count) if propensity is None else 1 / propensity
    known = np.isfinite(outcome)
    pairs = []
    for group in np.unique(groups[known]):
        rows = known & (groups == group)
        if min((rows & mask).sum(), (rows & ~mask).sum()) >= _LEAST:
            pairs.append(_sides(outcome[rows], mask[rows], covariates[rows], weights[rows]))
    if not pairs:
        return unknown(int((known & mask).sum()), int((known & ~mask).sum()))
    return _combined(pairs)


def _combined(pairs: Sequence[tuple[_Side, _Side]]) -> Effect:
    """Combine strata by their share of the treated."""
    treated = np.array([side.customers for side, _ in pairs])
    shares = treated / treated.sum()
    sizes = int(treated.sum()), sum(control.customers for _, control in pairs)
    variances = np.array([[side.variance for side in pair] for pair in pairs]) * shares[:, None] ** 2
    degrees = np.array([[side.degrees for side in pair] for pair in pairs])
    variance = float(variances.sum())
    if variance <= 0:
        return unknown(*sizes)
    means = shares @ np.array([[side.mean for side in pair] for pair in pairs])
    freedom = variance**2 / float((variances**2 / degrees).sum())
    return effect(float(means[0] - means[1]), math.sqrt(variance), sizes, control_mean=float(means[1]), degrees=freedom)


def _sides(outcome: Floats, treated: Rows, covariates: Floats, weights: Floats) -> tuple[_Side, _Side]:
    """Return the treated and the controls of one stratum."""
    fewest = min(int(treated.sum()), int((~treated).sum()))
    columns = prepared(covariates, fewest)
    own = _normalised(weights, treated)
    centre = own @ columns / len(own)
    spread = float(outcome.var(ddof=1))
    first, second = (_side(outcome[rows], columns[rows] - centre, own[rows], spread) for rows in (treated, ~treated))
    return first, second


def _normalised(weights: Floats, treated: Rows) -> Floats:
    """Return weights with mean 1 on either side, so that each side counts by its customers; 1 where one is missing."""
    if not np.isfinite(weights).all():
        return np.ones(len(weights))
    own: Floats = weights / np.where(treated, weights[treated].mean(), weights[~treated].mean())
    return own


def _side(outcome: Floats, columns: Floats, weights: Floats, spread: float) -> _Side:
    """Predict the mean outcome of one side where all covariates are 0, by weighted least squares.

    Parameters
    ----------
    columns
        Covariates less their mean over both sides.
    spread
        Variance of the outcomes of both sides. It takes the place of this side's own where its outcomes are all alike,
        as 20 controls without one order do not prove that no control ever orders.
    """
    share = weights / weights.sum()
    middle = share @ columns
    root = np.sqrt(weights)[:, None]
    # slopes of centred columns: one that is constant on this side has slope 0, and takes nothing of the mean
    left, lengths, right = np.linalg.svd((columns - middle) * root, full_matrices=False)
    varies = lengths > _CONSTANT
    left, inverse = left[:, varies], (right[varies].T / lengths[varies]) @ left[:, varies].T
    loads = share - (middle @ inverse) * root[:, 0]
    residual = outcome - share @ outcome - (columns - middle) @ (inverse @ (outcome * root[:, 0]))
    leverage = share + (left**2).sum(axis=1)
    free = len(outcome) - 1 - int(varies.sum())
    squares = residual**2
    if squares.sum() <= _ROUNDING * (outcome**2).sum():
        squares = np.full(len(outcome), spread * float(len(outcome) - 1) / len(outcome))
    variance = float((loads**2 * squares / np.maximum(1 - leverage, 1e-9)).sum())
    return _Side(float(loads @ outcome), variance, float(max(free, 1)), len(outcome))
