"""What is at stake with each customer, whichever action."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.arrays import Floats
from core.settings import Settings
from serving.decisions.policy import Policy
from serving.segments.population import Population
from training.customer_value.margins import Margins, margin_share, read_margins
from training.customer_value.settings import ValueSettings
from training.uplift.settings import UpliftSettings

#: The least probability of staying that a forecast is divided by.
_LEAST = 0.1


@dataclass(frozen=True)
class Terms:
    """What amounts are counted with.

    Attributes
    ----------
    value_days
        The forecast of the value model is of as many days.
    effect_days
        An effect is seen within as many days.
    kept_windows
        Of `Policy`.
    margin
        Share of every amount that is earned; None is the margin of each customer.
    margins
        Of order lines without a cost.
    """

    value_days: float
    effect_days: float
    kept_windows: float
    margin: float | None
    margins: Margins

    @classmethod
    def read(cls, settings: Settings, policy: Policy, population: Population) -> "Terms":
        """Take what is configured, and read the margins of categories where they count."""
        value = settings[ValueSettings]
        plain = Margins(1.0 if value.margin is None else value.margin, {})
        counts = policy.margin is None and bool(value.margins)
        margins = read_margins(settings, population.as_of) if counts else plain
        return cls(
            value.horizon_days, settings[UpliftSettings].horizon_days, policy.kept_windows, policy.margin, margins
        )


@dataclass(frozen=True)
class Stakes:
    """What is at stake. Aligned arrays, one entry a customer; NaN where it is not known.

    Attributes
    ----------
    risk
        Probability of leaving without a contact.
    base
        Probability of staying, or buying, without a contact: 1 - risk; of a customer whose churn is not asked about,
        that of an order within the days of an effect, 1 - exp(-orders), as orders come at random.
    amount
        Net amount that a customer who stays spends in a window.
    spend
        Net amount that a customer who stays spends within the days of an effect.
    basket
        The usual net amount of an order.
    margin
        Share of an amount that is earned.
    kept
        Margin of one kept customer.
    """

    risk: Floats
    base: Floats
    amount: Floats
    spend: Floats
    basket: Floats
    margin: Floats
    kept: Floats


def stakes_of(population: Population, terms: Terms, revenue: Floats | None) -> Stakes:
    """Return what is at stake, from the columns of the score table and of profiles.

    Parameters
    ----------
    revenue
        The revenue within the days of an effect that the uplift model expects of a customer who stays; None where
        there is no model.
    """
    rows = len(population.customers)
    risk, forecast, orders, total, baskets = (
        _column(population, name) for name in ("risk", "amount", "orders", "amount_total", "baskets_total")
    )
    share = min(1.0, terms.effect_days / terms.value_days)
    stays = np.maximum(1.0 - np.where(np.isnan(risk), 0.0, risk), _LEAST)
    expected = np.full(rows, np.nan) if revenue is None else np.maximum(revenue, 0.0)
    if_kept = np.maximum(forecast, 0.0) / stays
    amount = _first(if_kept, expected)
    spend = _first(expected, if_kept * share)
    with np.errstate(divide="ignore", invalid="ignore"):
        basket = np.where(baskets > 0, np.maximum(total, 0.0) / baskets, np.nan)
    margin = _margin(population, total, terms)
    return Stakes(
        risk=risk,
        base=_first(1.0 - risk, -np.expm1(-np.maximum(orders, 0.0) * share)),
        amount=amount,
        spend=spend,
        basket=_first(basket, spend),
        margin=margin,
        kept=amount * margin * terms.kept_windows,
    )


def _margin(population: Population, total: Floats, terms: Terms) -> Floats:
    """Return the share that is earned of each customer's amounts: none of one whose goods cost more than was paid."""
    rows = len(population.customers)
    if terms.margin is not None:
        return np.full(rows, terms.margin)
    known, cost = (_column(population, name) for name in ("margin_amount_known", "margin_cost"))
    uncosted = _uncosted(population.customers, terms.margins)
    return np.clip(margin_share(np.nan_to_num(total), known, cost, uncosted), 0.0, 1.0)


def _uncosted(customers: Sequence[str], margins: Margins) -> Floats:
    return margins.of(customers) if margins.own else np.full(len(customers), margins.typical)


def _column(population: Population, name: str) -> Floats:
    """Return a column of numbers; one that is not there is missing for everybody."""
    found = population.numbers.get(name)
    return np.full(len(population.customers), np.nan) if found is None else found


def _first(values: Floats, others: Floats) -> Floats:
    """Return values, and others where one is missing."""
    return np.where(np.isnan(values), others, values)
