"""What contracts bring: their price, as long as they run and are renewed. For data without order lines."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from core.arrays import Columns, Floats
from core.settings import Settings, StoreSettings
from core.sql import engine, relation, timestamp
from features.contract.tables import table_path
from training.customer_value.clv import Monthly
from training.customer_value.money import MONTH_DAYS, Assumptions
from training.customer_value.settings import ValueSettings


@dataclass(frozen=True)
class Terms:
    """The contracts that customers have. Aligned arrays, one entry a customer.

    Attributes
    ----------
    price
        Of a month or of the contract period, as `value.contract_price` says; NaN where it is not known, or no contract
        runs.
    age_days
        Since the start.
    end_days
        Until the end; below 0 where it is over, NaN where it runs on.
    cancelled
        Whether notice was given.
    """

    price: Floats
    age_days: Floats
    end_days: Floats
    cancelled: Floats

    @classmethod
    def of(cls, columns: Columns, rows: int) -> "Terms":
        """Take the features of the view `customer_subscription`, with moments as days."""
        missing = np.full(rows, np.nan)
        names = ("contract_price", "contract_age_days", "days_to_contract_end", "contract_cancelled")
        return cls(*(columns.get(name, missing) for name in names))


def monthly_price(terms: Terms, assumptions: Assumptions) -> Floats:
    """Return what a contract brings in a mean month; 0 without a price.

    The price is that of a month, or, with `contract_price = "period"`, of the contract period: it is divided by the
    period's months. A contract that runs on has no period, and its price is that of a month.
    """
    months = np.ones(len(terms.price))
    if assumptions.contract_price == "period":
        known = np.isfinite(terms.end_days) & np.isfinite(terms.age_days)
        months = np.where(known, _period(terms) / MONTH_DAYS, 1.0)
    return np.nan_to_num(terms.price / months)


def contract_stays(terms: Terms, risk: Floats, horizon_days: float) -> Monthly:
    """Return the share of month t = 1, 2, ... that a contract is expected to run.

    A contract with an end runs until it, with notice or without. Then it is renewed with the probability 1 - risk, for
    as long as it ran before, and again after that: of the k-th renewal (1 - risk)^k is expected. One that was
    cancelled, or is over, is not renewed. A contract that runs on ends with the hazard of the risk over its horizon; it
    is at its end where notice was given. A customer without a risk (NaN) has the mean risk of the others. Without any
    risk, what comes after an end, and a contract that runs on, cannot be said (NaN).

    Parameters
    ----------
    risk
        Of the churn model, from 0 to 1.
    horizon_days
        That the risk is of.
    """
    # a mean of nothing is nothing
    mean = float(np.mean(risk[np.isfinite(risk)])) if np.isfinite(risk).any() else np.nan
    kept = 1.0 - np.where(np.isfinite(risk), risk, mean)
    kept = np.where(np.nan_to_num(terms.cancelled) > 0, 0.0, kept)
    running = np.isfinite(terms.price) | np.isfinite(terms.age_days)
    until_end = np.maximum(terms.end_days, 0.0)
    period = _period(terms)
    open_ended = np.isnan(terms.end_days)
    over = terms.end_days < 0

    def stays(month: int) -> Floats:
        first, last = (month - 1) * MONTH_DAYS, month * MONTH_DAYS
        paid = np.clip(until_end - first, 0.0, MONTH_DAYS)
        renewed = _renewed(np.maximum(last - until_end, 0.0), period, kept)
        renewed = renewed - _renewed(np.maximum(first - until_end, 0.0), period, kept)
        # a month before the end is paid whatever the risk is
        fixed = (paid + np.where(last > until_end, renewed, 0.0)) / MONTH_DAYS
        share = np.where(open_ended, kept ** (last / horizon_days), np.where(over, 0.0, fixed))
        return np.where(running, share, 0.0)

    return stays


def contract_amount(price: Floats, stays: Monthly, horizon_days: float) -> Floats:
    """Return what contracts are expected to pay in [t, t + horizon); of a month in part the part.

    Parameters
    ----------
    price
        Of a mean month.
    stays
        Of `contract_stays`.
    """
    months = horizon_days / MONTH_DAYS
    paid = np.zeros(len(price))
    for month in range(1, int(np.ceil(months)) + 1):
        paid += price * stays(month) * min(1.0, months - month + 1)
    return paid


def _period(terms: Terms) -> Floats:
    """Return how long contracts run from start to end, in days, at least one; NaN where they run on."""
    return np.maximum(terms.age_days + terms.end_days, 1.0)


def _renewed(days: Floats, period: Floats, kept: Floats) -> Floats:
    """Return how many of a number of days after an end are expected to be in a renewal.

    With whole periods n = floor(days / period) it is the sum of period x kept^k for k = 1 to n, and of the days left
    times kept^(n + 1).
    """
    length = np.where(np.isfinite(period), period, 1.0)
    whole = np.floor(days / length)
    part = days - whole * length
    # the sum of a geometric series, which has another form where every contract is renewed
    certain = kept >= 1.0
    base = np.where(certain, 0.0, kept)
    series = np.where(certain, whole, base * (1.0 - base**whole) / (1.0 - base))
    expected: Floats = length * series + part * kept ** (whole + 1.0)
    return expected


def paid_so_far(settings: Settings, as_of: datetime) -> dict[str, float]:
    """Return what each customer's contracts came to before a moment, by customer.

    With a monthly price it is the price times the months from the start to the end, or to the moment; with a price of
    the contract period, the price of each that started. Contracts without a price count for nothing.
    """
    path = relation(table_path(settings[StoreSettings], "subscriptions"))
    moment = f"({timestamp(as_of)} AT TIME ZONE 'UTC')"
    until = f"least(coalesce(end_timestamp, {moment}), {moment})"
    months = f"(epoch_us({until}) - epoch_us(start_timestamp)) / 86400e6 / {MONTH_DAYS}"
    if settings[ValueSettings].contract_price == "period":
        months = f"CASE WHEN end_timestamp IS NULL THEN {months} ELSE 1 END"
    query = (
        f"SELECT customer_id, sum(price * {months}) FROM {path} "
        f"WHERE start_timestamp < {moment} AND created_timestamp <= {moment} AND price IS NOT NULL GROUP BY customer_id"
    )
    with engine(settings) as con:
        return {str(customer): float(paid) for customer, paid in con.execute(query).fetchall()}
