"""The difference that a treatment makes, from randomised assignments."""

import math
from dataclasses import dataclass

from core.arrays import Floats, Ints, Rows


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


def adjusted_difference(
    outcome: Floats,
    treated: Rows,
    covariates: Floats,
    strata: Ints | None = None,
    propensity: Floats | None = None,
) -> Effect:
    """Compare treated customers with their controls."""
    raise NotImplementedError
