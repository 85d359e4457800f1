"""Gamma-Gamma, a model of what a customer spends at a purchase: the own mean, drawn to that of all where it is of few.

Source: Fader and Hardie, The Gamma-Gamma Model of Monetary Value (2013), http://www.brucehardie.com/notes/025. The
tests check the fit against the estimates that the note publishes for CDNOW.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln

from core.arrays import Floats

#: The fit starts from each of these shapes p and q: the likelihood has a long ridge.
_STARTS = ((1.0, 3.0), (6.0, 4.0), (0.3, 2.0))
#: With a shape q of 1 or less the mean over customers does not exist.
_LEAST_Q = 1.05
_BOUNDS = ((-7.0, 9.0), (float(np.log(_LEAST_Q)), 9.0), (-12.0, 12.0))


@dataclass(frozen=True)
class GammaGamma:
    """A fitted Gamma-Gamma model.

    The amounts of a customer's purchases are drawn from Gamma(p, v), and v of each customer from Gamma(q, scale).
    """

    p: float
    q: float
    scale: float

    @property
    def population_mean(self) -> float:
        """The mean amount of a purchase over all customers."""
        return self.p * self.scale / (self.q - 1)

    def mean(self, purchases: Floats, average: Floats) -> Floats:
        """Return the expected amount of a purchase of each customer.

        Equation 5 of the note: the mean of all customers and the customer's own one, weighted by q - 1 and p times the
        number of purchases.

        Parameters
        ----------
        purchases
            How many purchases the average is of; with 0 it does not count.
        average
            The customer's mean amount of a purchase.
        """
        own = np.where(purchases > 0, purchases * average, 0.0)
        known = np.where(np.isnan(purchases), np.nan, own)
        return self.p * (self.scale + known) / (self.p * purchases + self.q - 1)


def fit_gamma_gamma(purchases: Floats, average: Floats) -> GammaGamma:
    """Fit by maximum likelihood; customers without a purchase, or with an average of 0 or less, are left out.

    Raises
    ------
    ValueError
        If no customer is left.
    """
    kept = (purchases > 0) & (average > 0)
    if not kept.any():
        raise ValueError("expected customers with purchases of an amount above 0, found none")
    count, mean = purchases[kept], average[kept]
    unit = float(mean.mean())

    def loss(logs: Floats) -> float:
        return -_log_likelihood(GammaGamma(*np.exp(logs).tolist()), count, mean / unit)

    starts = [np.log([p, q, max(q - 1, 0.1) / p]) for p, q in _STARTS]
    found = [minimize(loss, x0=start, method="L-BFGS-B", bounds=_BOUNDS) for start in starts]
    p, q, scale = np.exp(min(found, key=lambda one: float(one.fun)).x).tolist()
    return GammaGamma(p, q, scale * unit)


def _log_likelihood(model: GammaGamma, count: Floats, mean: Floats) -> float:
    p, q, scale = model.p, model.q, model.scale
    shapes = gammaln(p * count + q) - gammaln(p * count) - gammaln(q)
    powers = q * np.log(scale) + (p * count - 1) * np.log(mean) + p * count * np.log(count)
    return float(np.mean(shapes + powers - (p * count + q) * np.log(scale + count * mean)))
