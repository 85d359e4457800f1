"""Intervals that stay valid however often, and whenever, somebody looks.

Source: asymptotic confidence sequences, Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Time-uniform central limit
theory and asymptotic confidence sequences (arXiv 2103.06476, Annals of Statistics 2024), theorem 2.2. After t customers
with standard deviation s, for the tuning parameter r, the interval that misses the truth at any look with at most the
probability a is

    mean ± s sqrt(2 (t r² + 1) / (t² r²) x log(sqrt(t r² + 1) / a))

With u = t r², and s / sqrt(t) as the standard error e, this is ± e sqrt((1 + 1/u) x log((u + 1) / a²)). It is narrowest
at t* customers where v = u + 1 solves v - log v = 1 - 2 log a, that is r² = (-W(-a² / exp(1)) - 1) / t* with the lower
branch W of Lambert's function. Here t* is the planned number of customers.
"""

import math

from scipy.special import lambertw

from training.effects.difference import MISS, Effect


def half_width(effect: Effect, seen: int, planned: int, miss: float = MISS) -> float:
    """Return how far a sequentially valid interval reaches on each side; never less than one of fixed size.

    Parameters
    ----------
    seen
        Customers whose outcome is known; planned customers at most.
    miss
        The probability that the interval misses the truth at any look.
    """
    time = _time(seen, planned)
    reach = math.sqrt((1 + 1 / time) * math.log((time + 1) / miss**2)) * effect.standard_error
    return max(reach, effect.half_width(miss))


def p_value(effect: Effect, seen: int, planned: int) -> float:
    """Return the smallest probability of a miss at which the sequentially valid interval does not include 0."""
    time = _time(seen, planned)
    score = effect.value / effect.standard_error
    valid = math.sqrt(time + 1) * math.exp(-(score**2) / 2 * time / (time + 1))
    return min(1.0, max(valid, effect.p_value))


def _time(seen: int, planned: int) -> float:
    """Return u = t r², with r for intervals of 95 % that are narrowest at the planned number of customers.

    The r is the same for every level, so that p-values and intervals agree.
    """
    best = -float(lambertw(-(MISS**2) / math.e, -1).real) - 1
    return best * max(seen, 1) / max(planned, seen, 1)
