"""BG/NBD, a buy-till-you-die model: when a customer was last seen, seen from how often they used to come.

Source: Fader, Hardie and Lee, "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD Model
(Marketing Science, 2005). The tests check the fit against the estimates that paper publishes for CDNOW.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln, hyp2f1

from core.arrays import Floats

#: Nearer to a pole of the formula than this its limit is taken a little beside the pole; both sides meet there.
_POLE = 1e-6


@dataclass(frozen=True)
class BgNbd:
    """A fitted BG/NBD model.

    While alive, a customer buys at a rate drawn from Gamma(r, alpha); after each purchase they leave with a
    probability drawn from Beta(a, b).
    """

    r: float
    alpha: float
    a: float
    b: float

    def alive(self, repeats: Floats, last: Floats, age: Floats) -> Floats:
        """Return the probability that each customer is still alive; NaN where the history is missing.

        Parameters
        ----------
        repeats
            Purchases after the first.
        last, age
            Time from the first purchase to the last one, and to now; in the unit the model was fitted in.
        """
        with np.errstate(divide="ignore", over="ignore"):
            odds = self.a / (self.b + repeats - 1) * ((self.alpha + age) / (self.alpha + last)) ** (self.r + repeats)
            return np.where(repeats == 0, 1.0, 1 / (1 + odds))

    def silent(self, repeats: Floats, last: Floats, age: Floats, horizon: float) -> Floats:
        """Return the probability that each customer buys nothing in the next `horizon`.

        Gone, or alive and not yet due: a living customer can leave only after a purchase, so that the rate alone
        decides on the first one, E[exp(-rate * horizon)] over Gamma(r + repeats, alpha + age).
        """
        alive = self.alive(repeats, last, age)
        waiting = ((self.alpha + age) / (self.alpha + age + horizon)) ** (self.r + repeats)
        return 1 - alive + alive * waiting

    def expected(self, repeats: Floats, last: Floats, age: Floats, horizon: float) -> Floats:
        """Return the expected number of purchases of each customer in the next `horizon`, given their history.

        Equation 10 of the paper, with its hypergeometric function transformed by Euler's formula
        2F1(u, v; w; z) = (1 - z)^(w - u - v) 2F1(w - u, w - v; w; z) (Abramowitz and Stegun, 15.3.3): the powers that
        grow with the number of purchases cancel, so that it stays finite for customers with many.

        Returns
        -------
        From 0 to what a customer buys who never leaves; NaN where the history is missing.
        """
        alive = self.alive(repeats, last, age)
        a = self.a if abs(self.a - 1) > _POLE else 1 + _POLE
        third = a + self.b + repeats - 1
        third = np.where(np.abs(third) > _POLE, third, _POLE)
        stays = (self.alpha + age) / (self.alpha + age + horizon)
        with np.errstate(all="ignore"):
            series = stays ** (a - 1) * hyp2f1(a + self.b - 1 - self.r, a - 1, third, 1 - stays)
            found = alive * third / (a - 1) * (1 - series)
        # without leaving, and without an end of time: it is less than both, and near to one where the series overflows
        most = alive * (self.r + repeats) / (self.alpha + age) * horizon
        most = np.minimum(most, alive * third / (a - 1)) if a > 1 else most
        return np.clip(np.where(np.isfinite(found), found, most), 0, most)

    def median_wait(self, repeats: Floats, age: Floats) -> Floats:
        """Return the time in which half of the living customers with a history have bought again.

        The rate of a living customer is drawn from Gamma(r + repeats, alpha + age): the time to the next purchase is
        Lomax distributed.
        """
        return (self.alpha + age) * (2 ** (1 / (self.r + repeats)) - 1)


def fit_bg_nbd(repeats: Floats, last: Floats, age: Floats) -> BgNbd:
    """Fit by maximum likelihood; the unit of `last` and `age` is free, weeks are usual."""

    def loss(logs: Floats) -> float:
        return -_log_likelihood(BgNbd(*np.exp(logs).tolist()), repeats, last, age)

    best = minimize(loss, x0=np.zeros(4), method="L-BFGS-B", bounds=[(-10.0, 10.0)] * 4)
    return BgNbd(*(float(value) for value in np.exp(best.x)))


def _log_likelihood(model: BgNbd, repeats: Floats, last: Floats, age: Floats) -> float:
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    rate = gammaln(r + repeats) - gammaln(r) + r * np.log(alpha)
    stays = gammaln(a + b) + gammaln(b + repeats) - gammaln(b) - gammaln(a + b + repeats)
    alive = -(r + repeats) * np.log(alpha + age)
    gone = np.log(a) - np.log(np.maximum(b + repeats - 1, 1e-12)) - (r + repeats) * np.log(alpha + last)
    either = np.where(repeats > 0, np.logaddexp(alive, gone), alive)
    return float(np.mean(rate + stays + either))
