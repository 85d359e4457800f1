"""BG/NBD, a buy-till-you-die model: when a customer was last seen, seen from how often they used to come.

Source: Fader, Hardie and Lee, "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD Model
(Marketing Science, 2005). The tests check the fit against the estimates that paper publishes for CDNOW.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln

from core.arrays import Floats


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
        """Return the probability that each customer is still alive.

        Parameters
        ----------
        repeats
            Purchases after the first.
        last, age
            Time from the first purchase to the last one, and to now; in the unit the model was fitted in.
        """
        with np.errstate(divide="ignore", over="ignore"):
            odds = self.a / (self.b + repeats - 1) * ((self.alpha + age) / (self.alpha + last)) ** (self.r + repeats)
        return np.where(repeats > 0, 1 / (1 + odds), 1.0)

    def silent(self, repeats: Floats, last: Floats, age: Floats, horizon: float) -> Floats:
        """Return the probability that each customer buys nothing in the next `horizon`.

        Gone, or alive and not yet due: a living customer can leave only after a purchase, so that the rate alone
        decides on the first one, E[exp(-rate * horizon)] over Gamma(r + repeats, alpha + age).
        """
        alive = self.alive(repeats, last, age)
        waiting = ((self.alpha + age) / (self.alpha + age + horizon)) ** (self.r + repeats)
        return 1 - alive + alive * waiting


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
