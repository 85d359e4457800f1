"""Customer lifetime value: the present value of what a customer brings, less what acquiring the customer cost.

    CLV = sum over t of (R_t - RC_t) (1 + i)^-t - AC

with the margin R_t and the cost of retention RC_t of a period t, the discount rate i and the acquisition cost AC. The
definition is that of Gupta, Lehmann and Stuart (2004), Valuing Customers, Journal of Marketing Research 41(1), as
written in Gupta et al. (2006), Modeling Customer Lifetime Value, Journal of Service Research 9(2), 139-155: price less
direct cost, times the probability that the customer is still one. Costs of retention that are subtracted by period are
those of Berger and Nasr (1998), Customer Lifetime Value, Journal of Interactive Marketing 12(1), 17-30. Periods are
months, and money of a month counts as received at its end.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.arrays import Floats
from training.customer_value.money import Assumptions, Worth

#: Returns a number for each customer, for a month counted from 1.
Monthly = Callable[[int], Floats]
#: A lifetime ends where a month adds less than this share of an undiscounted month, for every customer.
_NEGLIGIBLE = 1e-6


@dataclass(frozen=True)
class History:
    """What customers brought so far. Aligned arrays, one entry a customer.

    Attributes
    ----------
    amount
        Net of returns and after discounts, in the currency of the data.
    margin
        Share of it that was earned; of `training.customer_value.margins.margin_share`.
    contacts
        Contacts so far; of which none are known, 0.
    acquisition
        What acquiring the customer cost.
    """

    amount: Floats
    margin: Floats
    contacts: Floats
    acquisition: Floats


@dataclass(frozen=True)
class Future:
    """What customers will bring. Aligned arrays, one entry a customer.

    Attributes
    ----------
    amount
        A month, while the customer stays as now; after discounts, in the currency of the data.
    contacts
        A month, while the customer stays.
    stays
        The share of a month's amount that is expected in month t = 1, 2, ...; it never rises.
    """

    amount: Floats
    contacts: Floats
    stays: Monthly


def annuity(stays: Monthly, rows: int, months: int, discount_rate: float) -> Floats:
    """Return the present value of 1 a month while customers stay: the sum over t of stays(t) (1 + i)^(-t / 12).

    The sum ends early where a month adds next to nothing for every customer, so that a lifetime takes as many months as
    it lasts.

    Parameters
    ----------
    stays
        Never rises with t.
    discount_rate
        A year.
    """
    total = np.zeros(rows)
    for month in range(1, months + 1):
        present = stays(month) * (1.0 + discount_rate) ** (-month / 12)
        total += present
        if rows and float(np.nanmax(present, initial=0.0)) < _NEGLIGIBLE:
            break
    return total


def clv(history: History, future: Future, assumptions: Assumptions) -> Worth:
    """Return what customers are worth.

    The margin of a month is the customer's margin times the expected amount. Amounts are after discounts, which are
    therefore taken off already and are no cost of retention. That cost is `retention_rate` of the margin, or else the
    contacts times what one costs. Acquisition was paid at the start: it is subtracted once, from the historic value.
    """
    rate, cost = assumptions.retention_rate, assumptions.contact_cost
    margin = history.margin
    earned, monthly = margin * history.amount, margin * future.amount
    kept_for = cost * history.contacts if rate is None else rate * earned
    kept_a_month = cost * future.contacts if rate is None else rate * monthly
    months = annuity(future.stays, len(margin), assumptions.months, assumptions.discount_rate)
    historic = earned - kept_for - history.acquisition
    predicted = (monthly - kept_a_month) * months
    return Worth(historic, predicted, historic + predicted, margin)
