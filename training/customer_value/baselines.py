"""The rules and the simpler model that the champion has to beat in the same run."""

from collections.abc import Mapping

import numpy as np

from core.arrays import Columns, Floats
from training.customer_value.dataset import ValueSet
from training.customer_value.start import Start, recent_amount, with_purchases

#: Days of a month, a twelfth of a year.
MONTH = 365.25 / 12
#: A rate is of a week at least, so that a first purchase an hour ago is none every hour.
_LEAST_DAYS = 7.0
#: Rules need no model; the grade compares with the best of them.
RULES = ("recent_spend", "rate", "dynamics")


def baselines(train: ValueSet, rows: ValueSet, start: Start) -> dict[str, Floats]:
    """Return the forecast of every baseline for the rows, by name.

    `recent_spend` brings the amount of the last 84 days to the horizon; `rate` the amount since the first purchase, of
    at least a week; `bg_nbd_gamma_gamma` is what the start expects without what is recent. `dynamics` is the baseline
    that Microsoft documents for Dynamics 365 Customer Insights: mean amount a month of the active window, times
    months, times the retention rate of all customers
    (https://learn.microsoft.com/dynamics365/customer-insights/predict-customer-lifetime-value). Read as: the window is
    the customer's whole history, of at least a month; the retention rate is the share of the customers of the newest
    training snapshot who bought within the horizon.

    Parameters
    ----------
    start
        Fitted at the newest training snapshot.
    """
    columns, horizon = with_purchases(rows.columns, len(rows)), start.horizon_days
    spent, days = np.nan_to_num(columns["amount_total"]), columns["tenure_days"]
    retained = float((train.newest.orders > 0).mean())
    return {
        "recent_spend": recent_amount(columns, horizon),
        "rate": spent / np.maximum(days, _LEAST_DAYS) * horizon,
        "bg_nbd_gamma_gamma": start.expected_amount(columns),
        "dynamics": spent / np.maximum(days / MONTH, 1.0) * (horizon / MONTH) * retained,
    }


def next_baselines(train: ValueSet, columns: Columns) -> Mapping[str, Floats]:
    """Return the days until the next order by rules that do not know whether a customer is alive.

    `last_plus_mean_gap`: the last purchase and the customer's mean gap; today where that has passed. `own_rate`: as if
    everybody came at the own rate for ever, the time in which half of those with a mean gap have come, ln 2 times the
    gap. A customer of one purchase has the median of the gaps at the newest training snapshot.
    """
    usual = float(np.nanmedian(np.append(train.newest.columns.get("gap_mean", np.array([np.nan])), _LEAST_DAYS)))
    gap = np.where(columns["gap_mean"] > 0, columns["gap_mean"], usual)
    return {
        "last_plus_mean_gap": np.maximum(gap - columns["recency_days"], 0.0),
        "own_rate": np.log(2) * gap,
    }
