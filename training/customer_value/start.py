"""What is expected of a customer without learning from features: buy-till-you-die models mixed with what is recent."""

from dataclasses import dataclass

import numpy as np

from core.arrays import Columns, Floats
from training.btyd.bg_nbd import BgNbd, fit_bg_nbd
from training.btyd.gamma_gamma import GammaGamma, fit_gamma_gamma

#: Buy-till-you-die models count in weeks, in which their parameters have sizes that a fit finds quickly.
WEEK = 7.0
#: The days that recent amounts and orders are of.
RECENT_DAYS = 84.0
#: Days that are added before the logarithm is taken, so that an order within the hour is no outlier.
SHIFT_DAYS = 0.5
#: What a date of the next order is also read from: not a feature, but what the start knows of the rhythm.
OVERDUE, ALIVE = "overdue", "alive"
#: What the starts of amounts, orders and the next order read.
START_COLUMNS = (
    "baskets_total",
    "amount_total",
    "tenure_days",
    "recency_days",
    "amount_84d",
    "baskets_84d",
    "gap_mean",
)
#: No forecast is lower: what is boosted on top is a factor, and a factor of nothing stays nothing.
LEAST_AMOUNT, LEAST_ORDERS = 0.01, 1e-4


@dataclass(frozen=True)
class Start:
    """The forecast that trees correct, fitted to the customers of one snapshot.

    Attributes
    ----------
    horizon_days
        The forecast is of [t, t + horizon).
    rate
        How often customers buy, and for how long; in weeks.
    spend
        What they spend at a purchase.
    """

    horizon_days: int
    rate: BgNbd
    spend: GammaGamma

    def alive(self, columns: Columns) -> Floats:
        """Return the probability that each customer will ever buy again."""
        return self.rate.alive(*purchases_of(columns))

    def returns(self, columns: Columns) -> Floats:
        """Return the probability that each customer buys within the horizon."""
        return 1 - self.rate.silent(*purchases_of(columns), self.horizon_days / WEEK)

    def expected_orders(self, columns: Columns, days: float | None = None) -> Floats:
        """Return the orders that BG/NBD expects within a number of days; None is the horizon."""
        return self.rate.expected(*purchases_of(columns), (self.horizon_days if days is None else days) / WEEK)

    def expected_amount(self, columns: Columns) -> Floats:
        """Return the amount that BG/NBD x Gamma-Gamma expects within the horizon."""
        orders = columns["baskets_total"]
        average = columns["amount_total"] / np.maximum(orders, 1)
        return self.expected_orders(columns) * self.spend.mean(orders, average)

    def orders(self, columns: Columns) -> Floats:
        """Return the start of the number of orders: what is expected, mixed with the recent number."""
        recent = recent_orders(columns, self.horizon_days)
        return _mixed(self.expected_orders(columns), recent, LEAST_ORDERS)

    def amount(self, columns: Columns) -> Floats:
        """Return the start of the amount: what is expected, mixed with the recent amount."""
        recent = recent_amount(columns, self.horizon_days)
        return _mixed(self.expected_amount(columns), recent, LEAST_AMOUNT)

    def wait(self, columns: Columns) -> Floats:
        """Return the days in which half of the living customers with a history have ordered again."""
        repeats, _, age = purchases_of(columns)
        return WEEK * self.rate.median_wait(repeats, age)


def with_purchases(columns: Columns, rows: int) -> Columns:
    """Return columns that have everything that a start reads; missing in every row where they lack it."""
    absent = np.full(rows, np.nan)
    return {**dict.fromkeys(START_COLUMNS, absent), **columns}


def next_start(start: Start, columns: Columns) -> Floats:
    """Return the start of the days until the next order, with `SHIFT_DAYS` added."""
    days: Floats = np.minimum(start.wait(columns), start.horizon_days) + SHIFT_DAYS
    return days


def rhythm(start: Start, columns: Columns) -> Columns:
    """Return columns with those that say where a customer is in the own rhythm.

    `overdue` is the time since the last order over the customer's mean gap; `alive` as in `Forecast`.
    """
    gap = np.where(columns["gap_mean"] > 0, columns["gap_mean"], np.nan)
    return {**columns, OVERDUE: columns["recency_days"] / gap, ALIVE: start.alive(columns)}


def recent_amount(columns: Columns, horizon_days: int) -> Floats:
    """Return the amount of the last 84 days, brought to the horizon; 0 where there is none."""
    return np.nan_to_num(columns["amount_84d"]) * horizon_days / RECENT_DAYS


def recent_orders(columns: Columns, horizon_days: int) -> Floats:
    """Return the orders of the last 84 days, brought to the horizon; 0 where there are none."""
    return np.nan_to_num(columns["baskets_84d"]) * horizon_days / RECENT_DAYS


def purchases_of(columns: Columns) -> tuple[Floats, Floats, Floats]:
    """Return what BG/NBD reads: purchases after the first, and the weeks from it to the last one and to now.

    NaN for customers without a purchase.
    """
    orders = columns["baskets_total"]
    repeats = np.where(orders >= 1, orders - 1, np.nan)
    age = columns["tenure_days"] / WEEK
    return repeats, np.maximum(age - columns["recency_days"] / WEEK, 0.0), age


def fit_start(columns: Columns, horizon_days: int) -> Start:
    """Fit both models to customers with a purchase, at one snapshot.

    Raises
    ------
    ValueError
        If no customer has bought for an amount above 0.
    """
    orders = columns["baskets_total"]
    average = np.nan_to_num(columns["amount_total"] / np.maximum(orders, 1))
    return Start(horizon_days, fit_bg_nbd(*purchases_of(columns)), fit_gamma_gamma(orders, average))


def _mixed(expected: Floats, recent: Floats, least: float) -> Floats:
    """Return the geometric mean of what is expected and of its arithmetic mean with what is recent.

    Nothing recent halves what is expected under the root, and does not make it nothing: the history speaks too.
    """
    expected = np.maximum(expected, least)
    both = np.maximum((expected + recent) / 2, least)
    mixed: Floats = np.sqrt(expected * both)
    return mixed
