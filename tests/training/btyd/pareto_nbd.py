"""Pareto/NBD, an oracle for tests alone: the likelihood as it is defined, summed over time without a closed form.

Source: Schmittlein, Morrison and Colombo, Counting Your Customers: Who Are They and What Will They Do Next?
(Management Science, 1987). Customers buy at a rate from Gamma(r, alpha) and leave at a rate from Gamma(s, beta).
"""

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln

from core.arrays import Floats

#: Nodes of the Gauss-Legendre rule for the time at which a customer who left did so.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)


def log_likelihood(parameters: Floats, repeats: Floats, last: Floats, age: Floats) -> Floats:
    """Return the log likelihood of each customer.

    Alive at `age`: the purchases, and no departure until then. Gone: the purchases, and a departure at any moment u
    between the last one and `age`, with no purchase between it and u.
    """
    r, alpha, s, beta = parameters
    bought = gammaln(r + repeats) - gammaln(r) + r * np.log(alpha)
    alive = s * (np.log(beta) - np.log(beta + age)) - (r + repeats) * np.log(alpha + age)
    half = (age - last) / 2
    at = last[:, None] + half[:, None] * (_NODES + 1)
    leaves = np.log(s) + s * np.log(beta) - (s + 1) * np.log(beta + at)
    quiet = -(r + repeats)[:, None] * np.log(alpha + at)
    gone = np.logaddexp.reduce(leaves + quiet + np.log(_WEIGHTS), axis=1) + np.log(np.maximum(half, 1e-300))
    found: Floats = bought + np.logaddexp(alive, gone)
    return found


def fit_pareto_nbd(repeats: Floats, last: Floats, age: Floats, customers: Floats) -> tuple[Floats, float]:
    """Return r, alpha, s and beta by maximum likelihood, and the log likelihood of all customers."""

    def loss(logs: Floats) -> float:
        return -float(customers @ log_likelihood(np.exp(logs), repeats, last, age)) / float(customers.sum())

    best = minimize(loss, x0=np.log([0.5, 10.0, 0.5, 10.0]), method="L-BFGS-B", options={"ftol": 1e-13})
    return np.exp(best.x), -float(best.fun) * float(customers.sum())
