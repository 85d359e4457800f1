"""How many customers it takes to see an effect, and which effect a number of customers can show."""

import math

from scipy.special import ndtri

from training.effects.difference import MISS, Effect

#: An effect of the size in question is seen in this share of experiments.
POWER = 0.8
#: Numbers of customers from here on are no number that anybody can reach.
_NEVER = 10**9


def smallest_effect(
    deviation: float, customers: int, holdout: float, *, comparisons: int = 1, power: float = POWER
) -> float:
    """Return the smallest difference of means that an experiment shows with a probability of `power`.

    (z(1 - a/2) + z(power)) x deviation x sqrt(1/treated + 1/controls), with a = 5 % / comparisons.
    Source: Cohen, Statistical Power Analysis for the Behavioral Sciences, 1988, chapter 2, in large samples.

    Parameters
    ----------
    deviation
        Standard deviation of the outcome between customers; of a share p it is `sqrt(p (1 - p))`.
    customers
        Treated and controls together.
    holdout
        Share of the controls, inside (0, 1).

    Raises
    ------
    ValueError
        If there is no customer on one side.
    """
    controls = customers * holdout
    if not 0 < controls < customers:
        raise ValueError(f"expected customers on both sides, found {customers} customers and a holdout of {holdout}")
    return _reach(comparisons, power) * deviation * math.sqrt(1 / controls + 1 / (customers - controls))


def visible(found: Effect, *, comparisons: int = 1, power: float = POWER) -> float:
    """Return the smallest effect that an experiment with the standard error of this one shows."""
    return _reach(comparisons, power) * found.standard_error


def needed_more(found: Effect, *, comparisons: int = 1, power: float = POWER) -> int | None:
    """Return about how many more customers it takes to show the difference that was found, if it is real.

    Customers are added to both sides in their present proportion, so that the standard error falls with the root of
    their number. A difference that was found by chance is too large on average, so the number is rather too small.

    Returns
    -------
    0 where there are enough; None where no number that can be reached is enough, or the difference is not known.
    """
    if not found.known or found.value == 0:
        return None
    have = found.customers + found.controls
    needed = have * (visible(found, comparisons=comparisons, power=power) / found.value) ** 2
    return None if needed > _NEVER else max(0, math.ceil(needed - have))


def _reach(comparisons: int, power: float) -> float:
    return float(ndtri(1 - MISS / comparisons / 2) + ndtri(power))
