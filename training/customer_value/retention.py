"""How long customers stay: the churn model's risk over its horizon, then the purchase model's own survival."""

from collections.abc import Callable
from functools import cache

import numpy as np

from core.arrays import Floats
from training.customer_value.clv import Monthly
from training.customer_value.money import MONTH_DAYS

#: Returns the expected orders of each customer in a number of months from now on.
Expected = Callable[[int], Floats]


def own_survival(expected: Expected) -> Monthly:
    """Return the orders of month t over those of the first month, by the expectation of a purchase model.

    With BG/NBD that is how fast customers drop out: a customer who stays orders at a rate that does not change (Fader,
    Hardie and Lee 2005, Counting Your Customers the Easy Way, Marketing Science 24(2), equation 10). It never rises;
    0 where the first month expects nothing.
    """
    expected = cache(expected)
    first = np.asarray(expected(1), dtype="float64")
    known = first > 0

    def survival(month: int) -> Floats:
        orders = expected(month) - (expected(month - 1) if month > 1 else 0.0)
        return np.where(known, np.clip(orders / np.where(known, first, 1.0), 0.0, 1.0), 0.0)

    return survival


def survival(risk: Floats | None, horizon_days: float, own: Monthly | None, rows: int) -> Monthly:
    """Return the probability that a customer is still one at the end of month t.

    Within the horizon of the churn model it is (1 - risk)^(days / horizon): the hazard is constant there. The risk is
    not repeated after it, since customers who did not buy for a few weeks may come again; from then on it falls as the
    purchase model's own survival does. Without own survival the risk is repeated; without a risk the own one counts
    alone; without both everybody stays.

    Parameters
    ----------
    risk
        Of each customer, from 0 to 1; a customer without one (NaN) has the own survival alone. None: there is no model.
    horizon_days
        That the risk is of, above 0.
    """
    kept = np.ones(rows) if risk is None else 1.0 - np.nan_to_num(risk, nan=0.0)
    horizon = horizon_days / MONTH_DAYS
    whole = int(np.ceil(horizon))
    # the own survival at the end of the horizon, which is where it takes over
    base = _at(own, whole, rows) if risk is not None else np.ones(rows)
    unknown = np.isnan(risk) if risk is not None else np.zeros(rows, dtype=bool)

    def stays(month: int) -> Floats:
        after: Floats = kept ** (min(month, horizon) / horizon if own is not None else month / horizon)
        if own is None:
            return after
        later = own(month)
        if risk is None:
            return later
        falls = np.minimum(np.where(base > 0, later / np.where(base > 0, base, 1.0), 0.0), 1.0)
        return np.where(unknown, later, after * falls)

    return stays


def _at(own: Monthly | None, month: int, rows: int) -> Floats:
    return np.ones(rows) if own is None else own(month)


def after_forecast(survives: Monthly, horizon_days: float) -> Monthly:
    """Return the share of the forecast's monthly amount that is expected in month t.

    The forecast knows already who may leave within its horizon: those months have the forecast's mean, a share of 1,
    and no risk is taken off a second time. A later month has the mean survival in it over the mean survival within the
    horizon. Customers are more at its start than at its end: the higher the risk, the more of the forecast is of
    customers who are gone after it. Survival is linear within a month, and 1 now.

    Parameters
    ----------
    survives
        The probability that a customer is still one at the end of month t.
    horizon_days
        Of the forecast.
    """
    survives, covered = cache(survives), max(1, round(horizon_days / MONTH_DAYS))
    start = np.ones_like(survives(1))

    def within_month(month: int) -> Floats:
        before = start if month == 1 else survives(month - 1)
        return (before + survives(month)) / 2

    # above 0, since everybody is a customer now
    within = np.mean([within_month(month) for month in range(1, covered + 1)], axis=0)

    def stays(month: int) -> Floats:
        return start if month <= covered else np.minimum(within_month(month) / within, 1.0)

    return stays


def monthly(forecast: Floats, horizon_days: float) -> Floats:
    """Return the amount of a mean month of a forecast over [t, t + horizon)."""
    return forecast * (MONTH_DAYS / horizon_days)
