"""What customers are worth, from their features: the one place that puts the parts of the money together."""

from dataclasses import dataclass

import numpy as np

from core.arrays import Columns, Floats
from training.customer_value.clv import Future, History, Monthly, clv
from training.customer_value.contracts import Terms, contract_stays, monthly_price
from training.customer_value.margins import margin_share
from training.customer_value.money import MONTH_DAYS, Assumptions, Worth
from training.customer_value.retention import after_forecast, monthly, survival

#: The window of the feature `contacts_84d`.
_WINDOW = 84


@dataclass(frozen=True)
class Risk:
    """The churn model's risk of each customer, NaN for one without, and the days that it is of."""

    values: Floats
    days: float


@dataclass(frozen=True)
class Costs:
    """Costs of each customer that no feature has. Aligned arrays.

    Attributes
    ----------
    uncosted
        The margin of lines without a cost; of `training.customer_value.margins.Margins`.
    acquisition
        Of `Assumptions.acquired_for`.
    """

    uncosted: Floats
    acquisition: Floats


def worth_of_buyers(
    columns: Columns,
    forecast: tuple[Floats, float],
    risk: Risk | None,
    own: Monthly | None,
    costs: Costs,
    assumptions: Assumptions,
) -> Worth:
    """Return what customers who buy are worth.

    Parameters
    ----------
    columns
        Features, with ages: `amount_total`, `contacts_total`, `contacts_84d`, `margin_amount_known`, `margin_cost`;
        those that are not there, or missing, count as nothing.
    forecast
        The amount that is expected of each customer, and the days that it is of.
    risk
        None where there is no churn model.
    own
        The purchase model's survival, of `training.customer_value.retention.own_survival`; None where there is none.
    """
    amount, days = forecast
    rows = len(amount)
    survives = survival(None if risk is None else risk.values, days if risk is None else risk.days, own, rows)
    history = _history(columns, _of(columns, "amount_total", rows), costs)
    future = Future(monthly(amount, days), _contacts_a_month(columns, rows), after_forecast(survives, days))
    return clv(history, future, assumptions)


def worth_of_contracts(columns: Columns, paid: Floats, risk: Risk, costs: Costs, assumptions: Assumptions) -> Worth:
    """Return what customers with contracts are worth where there are no order lines.

    Parameters
    ----------
    columns
        Features of `customer_subscription` with days in the place of moments, and contacts.
    paid
        What the contracts of each customer came to, of `training.customer_value.contracts.paid_so_far`.
    """
    rows = len(paid)
    terms = Terms.of(columns, rows)
    stays = contract_stays(terms, risk.values, risk.days)
    future = Future(monthly_price(terms, assumptions), _contacts_a_month(columns, rows), stays)
    return clv(_history(columns, paid, costs), future, assumptions)


def _history(columns: Columns, amount: Floats, costs: Costs) -> History:
    rows = len(amount)
    known, cost = (_of(columns, name, rows) for name in ("margin_amount_known", "margin_cost"))
    margin = margin_share(amount, known, cost, costs.uncosted)
    return History(amount, margin, _of(columns, "contacts_total", rows), costs.acquisition)


def _contacts_a_month(columns: Columns, rows: int) -> Floats:
    return _of(columns, "contacts_84d", rows) * (MONTH_DAYS / _WINDOW)


def _of(columns: Columns, name: str, rows: int) -> Floats:
    return np.nan_to_num(columns.get(name, np.zeros(rows)))
