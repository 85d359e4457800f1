"""How values are computed: from orders by the value model, or from contracts by their price and renewal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np

from core.arrays import Columns, Floats
from serving.explain.value import ExplainableValue
from serving.parts.standing import Placed
from serving.scoring.deployment import Ground
from training.churn.model import ChurnModel
from training.customer_value.acquisition import read_channels
from training.customer_value.clv import Future, History, Monthly, clv
from training.customer_value.contracts import Terms, contract_amount, contract_stays, monthly_price, paid_so_far
from training.customer_value.margins import Margins, margin_share, read_facts, read_margins
from training.customer_value.model import Forecast, ValueModel, with_purchases
from training.customer_value.money import MONTH_DAYS, Assumptions, Worth
from training.customer_value.retention import after_forecast, monthly, own_survival, survival
from training.customer_value.settings import ValueSettings
from training.evaluation.peers import usual_of
from training.segments.names import column

#: Contacts of these days say how many there are in a month.
_CONTACT_DAYS = 84


@dataclass(frozen=True)
class Values:
    """What customers are worth. Aligned arrays, one entry a customer; NaN where nothing is known.

    Attributes
    ----------
    risk
        Of churn; NaN where it is not asked about, or there is no churn model.
    """

    forecast: Forecast
    risk: Floats
    worth: Worth

    @cached_property
    def at_risk(self) -> Floats:
        """The risk times the amount that is forecast, in the currency of the data."""
        at_risk: Floats = self.risk * self.forecast.amount
        return at_risk


@dataclass(frozen=True)
class Money:
    """What an amount is worth, as it was known when features were materialised.

    Attributes
    ----------
    channels
        The acquisition channel of each customer whose channel has a cost of its own.
    """

    assumptions: Assumptions
    margins: Margins = field(default_factory=lambda: Margins(1.0, {}))
    channels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, ground: Ground, *, risk_known: bool) -> "Money":
        """Read `[value]`, and what the contract tables know of costs and channels."""
        settings, moment = ground.settings, ground.online.as_of
        value = settings[ValueSettings]
        facts = read_facts(settings, moment, risk_known=risk_known)
        channels = read_channels(settings, value.acquisition_costs)
        return cls(Assumptions.of(value, facts), read_margins(settings, moment), channels)

    def history(self, placed: Placed, amount: Floats) -> History:
        """Return what customers brought so far, of the amounts that they paid."""
        rows, columns = len(placed.customers), placed.columns
        known, cost = (column(columns, name, rows) for name in ("margin_amount_known", "margin_cost"))
        return History(
            amount,
            margin_share(amount, known, cost, self.margins.of(placed.customers)),
            np.nan_to_num(column(columns, "contacts_total", rows)),
            self.assumptions.acquired_for([self.channels.get(customer) for customer in placed.customers]),
        )


class Valuer(Protocol):
    """Computes values.

    Attributes
    ----------
    money
        What an amount is worth.
    horizon_days
        The forecast is of [t, t + horizon).
    interval
        Share of the customers whose truth lies within the interval of a forecast; None where there are no intervals.
    explainable
        The model, as reasons need it; None where a formula answers.
    """

    money: Money

    @property
    def horizon_days(self) -> int: ...  # noqa: D102 - see the attributes of the class

    @property
    def interval(self) -> float | None: ...  # noqa: D102

    @property
    def explainable(self) -> ExplainableValue | None: ...  # noqa: D102

    def values(self, placed: Placed) -> Values:
        """Return what customers are worth."""
        ...


class OrderValuer:
    """Values of customers who order: the forecast of the value model, and retention by the risks of the churn model.

    Parameters
    ----------
    everyone
        All customers, by whom it is known what is usual.
    """

    def __init__(self, model: ValueModel, churn: ChurnModel | None, money: Money, everyone: Placed) -> None:
        self.money = money
        self.horizon_days = model.horizon_days
        self.interval: float | None = model.interval
        self.explainable: ExplainableValue | None = ExplainableValue(model, usual_of(everyone.columns))
        self._model, self._churn = model, churn

    def values(self, placed: Placed) -> Values:
        """Return what customers are worth."""
        columns, rows = placed.columns, len(placed.customers)
        forecast = self._model.forecast(columns, rows)
        risk = risks_of(self._churn, placed)
        amount = np.nan_to_num(column(columns, "amount_total", rows))
        future = Future(
            monthly(forecast.amount, self.horizon_days),
            _contacts_a_month(columns, rows),
            after_forecast(self._survival(columns, risk), self.horizon_days),
        )
        return Values(forecast, risk, clv(self.money.history(placed, amount), future, self.money.assumptions))

    def _survival(self, columns: Columns, risk: Floats) -> Monthly:
        rows = len(risk)
        known = with_purchases(columns, rows)
        own = own_survival(lambda months: self._model.start.expected_orders(known, months * MONTH_DAYS))
        if self._churn is None:
            return survival(None, self.horizon_days, own, rows)
        return survival(risk, float(self._churn.definition.horizon_days or self.horizon_days), own, rows)


class ContractValuer:
    """Values of customers with contracts and without orders: what contracts pay until they end or are not renewed."""

    explainable: ExplainableValue | None = None
    interval: float | None = None

    def __init__(self, churn: ChurnModel, ground: Ground, money: Money) -> None:
        self.money = money
        self.horizon_days = ground.settings[ValueSettings].horizon_days
        self._churn = churn
        self._paid = paid_so_far(ground.settings, ground.online.as_of)

    def values(self, placed: Placed) -> Values:
        """Return what customers are worth."""
        rows, terms = len(placed.customers), Terms.of(placed.columns, len(placed.customers))
        risk = risks_of(self._churn, placed)
        price = monthly_price(terms, self.money.assumptions)
        stays = contract_stays(terms, risk, float(self._churn.definition.horizon_days or self.horizon_days))
        amount = contract_amount(price, stays, self.horizon_days)
        unknown = np.full(rows, np.nan)
        forecast = Forecast(amount, *[unknown] * 9)
        paid = np.array([self._paid.get(customer, 0.0) for customer in placed.customers])
        future = Future(price, _contacts_a_month(placed.columns, rows), stays)
        return Values(forecast, risk, clv(self.money.history(placed, paid), future, self.money.assumptions))


def risks_of(churn: ChurnModel | None, placed: Placed) -> Floats:
    """Return the churn risk of customers whose churn is asked about, NaN of the others."""
    rows = len(placed.customers)
    if churn is None or not rows:
        return np.full(rows, np.nan)
    columns = churn.columns([vector.values for vector in placed.vectors], placed.moments)
    return np.where(churn.definition.active(columns), churn.risk(churn.inputs(columns, rows)), np.nan)


def _contacts_a_month(columns: Columns, rows: int) -> Floats:
    return np.nan_to_num(column(columns, "contacts_84d", rows)) * (MONTH_DAYS / _CONTACT_DAYS)
