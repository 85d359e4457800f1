"""How values are computed: from orders by the value model, or from contracts by their price and renewal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from core.arrays import Floats
from serving.explain.value import ExplainableValue
from serving.parts.standing import Placed
from serving.scoring.deployment import Ground
from training.churn.model import ChurnModel
from training.customer_value.acquisition import read_channels
from training.customer_value.contracts import Terms, contract_amount, contract_stays, monthly_price, paid_so_far
from training.customer_value.margins import Margins, read_facts, read_margins
from training.customer_value.model import Forecast, ValueModel
from training.customer_value.money import MONTH_DAYS, Assumptions, Worth
from training.customer_value.retention import own_survival
from training.customer_value.settings import ValueSettings
from training.customer_value.start import with_purchases
from training.customer_value.worth import Costs, Risk, worth_of_buyers, worth_of_contracts
from training.evaluation.peers import usual_of


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
        The acquisition channel by customer; empty where channels have no costs of their own.
    """

    assumptions: Assumptions
    margins: Margins
    channels: Mapping[str, str]

    @classmethod
    def read(cls, ground: Ground, *, risk_known: bool) -> "Money":
        """Read `[value]`, and what the contract tables know of costs and channels."""
        settings, moment = ground.settings, ground.online.as_of
        value = settings[ValueSettings]
        facts = read_facts(settings, moment, risk_known=risk_known)
        channels = read_channels(settings) if value.acquisition_costs else {}
        return cls(Assumptions.of(value, facts), read_margins(settings, moment), channels)

    def costs(self, customers: Sequence[str]) -> Costs:
        """Return the costs of customers that no feature has."""
        channels = [self.channels.get(customer) for customer in customers]
        return Costs(self.margins.of(customers), self.assumptions.acquired_for(channels))


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
        forecast, risks = self._model.forecast(columns, rows), risks_of(self._churn, placed)
        known = with_purchases(columns, rows)
        own = own_survival(lambda months: self._model.start.expected_orders(known, months * MONTH_DAYS))
        worth = worth_of_buyers(
            columns,
            (forecast.amount, self.horizon_days),
            self._risk(risks),
            own,
            self.money.costs(placed.customers),
            self.money.assumptions,
        )
        return Values(forecast, risks, worth)

    def _risk(self, risks: Floats) -> Risk | None:
        return None if self._churn is None else Risk(risks, _days(self._churn, self.horizon_days))


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
        money, risk = self.money, Risk(risks_of(self._churn, placed), _days(self._churn, self.horizon_days))
        stays = contract_stays(terms, risk.values, risk.days)
        amount = contract_amount(monthly_price(terms, money.assumptions), stays, self.horizon_days)
        paid = np.array([self._paid.get(customer, 0.0) for customer in placed.customers])
        worth = worth_of_contracts(placed.columns, paid, risk, money.costs(placed.customers), money.assumptions)
        return Values(Forecast(amount, *[np.full(rows, np.nan)] * 9), risk.values, worth)


def _days(churn: ChurnModel, otherwise: int) -> float:
    """Return the days that a risk is of; the business's own labels do not say it."""
    return float(churn.definition.horizon_days or otherwise)


def risks_of(churn: ChurnModel | None, placed: Placed) -> Floats:
    """Return the churn risk of customers whose churn is asked about, NaN of the others."""
    rows = len(placed.customers)
    if churn is None or not rows:
        return np.full(rows, np.nan)
    columns = churn.columns([vector.values for vector in placed.vectors], placed.moments)
    return np.where(churn.definition.active(columns), churn.risk(churn.inputs(columns, rows)), np.nan)
