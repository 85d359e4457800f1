"""What the value of a customer is counted with: the assumptions, each with where it comes from, and the result."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from core.arrays import Floats
from training.customer_value.settings import ValueSettings

#: Days of a mean month, 365.25 / 12.
MONTH_DAYS = 30.4375
#: The longest lifetime that is counted: 20 years.
MOST_MONTHS = 240
#: Where an assumption comes from: from the data, from `[value]`, or from nobody.
Source = Literal["data", "settings", "assumed"]


@dataclass(frozen=True)
class Facts:
    """What the data know about money.

    Attributes
    ----------
    cost_known
        Share of the net amount of all order lines whose cost is known, from 0 to 1.
    contacts_known
        Whether the data have contacts with customers.
    channels_known
        Share of the customers whose acquisition channel is known.
    risk_known
        Whether a churn model's risks are there.
    contracts
        Whether amounts are those of contracts, as there are no order lines.
    """

    cost_known: float = 0.0
    contacts_known: bool = False
    channels_known: float = 0.0
    risk_known: bool = False
    contracts: bool = False

    @property
    def retention(self) -> str:
        """What says how long customers stay: renewals, purchases, or churn and then purchases."""
        if self.contracts:
            return "renewals"
        return "churn_then_purchases" if self.risk_known else "purchases"


@dataclass(frozen=True)
class Assumption:
    """One number that a value is counted with."""

    key: str
    value: float | str
    source: Source


@dataclass(frozen=True)
class Assumptions:
    """What the value of customers is counted with: `[value]`, and what the data know.

    Attributes
    ----------
    margin
        Share of an amount that is earned where neither a cost nor a margin of its category is known.
    margins
        The same by category.
    discount_rate
        A year.
    retention_rate
        Share of the margin that keeping customers costs; None where it is what contacts cost.
    contact_cost
        Of one contact.
    acquisition_cost, acquisition_costs
        Of a customer, and by acquisition channel.
    months
        How far the predicted value reaches.
    contract_price
        What the price of a contract pays: a month, or the whole contract period.
    """

    margin: float = 1.0
    margins: Mapping[str, float] = field(default_factory=dict)
    discount_rate: float = 0.1
    retention_rate: float | None = None
    contact_cost: float = 0.0
    acquisition_cost: float = 0.0
    acquisition_costs: Mapping[str, float] = field(default_factory=dict)
    months: int = 12
    lifetime: bool = False
    contract_price: Literal["month", "period"] = "month"
    facts: Facts = Facts()
    configured: frozenset[str] = frozenset()

    @classmethod
    def of(cls, settings: ValueSettings, facts: Facts = Facts()) -> "Assumptions":
        """Take what is configured, and what the data know."""
        lifetime = settings.months == "lifetime"
        return cls(
            margin=1.0 if settings.margin is None else settings.margin,
            margins=settings.margins,
            discount_rate=settings.discount_rate,
            retention_rate=settings.retention_rate,
            contact_cost=settings.contact_cost,
            acquisition_cost=settings.acquisition_cost,
            acquisition_costs=settings.acquisition_costs,
            months=MOST_MONTHS if settings.months == "lifetime" else settings.months,
            lifetime=lifetime,
            contract_price=settings.contract_price,
            facts=facts,
            configured=_configured(settings),
        )

    def named(self) -> list[Assumption]:
        """Return every assumption that a value depends on, with where it comes from.

        Costs are in it where any is known, and the margin where any is not: products without a cost say what is
        assumed of them.
        """
        facts = self.facts
        found = [Assumption("cost_known", facts.cost_known, "data")]
        if facts.cost_known < 1:
            found += [Assumption(f"margins.{name}", share, "settings") for name, share in sorted(self.margins.items())]
            found.append(self._named("margin", self.margin))
        found.append(self._named("discount_rate", self.discount_rate))
        if self.retention_rate is not None:
            found.append(self._named("retention_rate", self.retention_rate))
        else:
            found.append(self._named("contact_cost", self.contact_cost))
            found.append(Assumption("contacts", "counted" if facts.contacts_known else "none", "data"))
        channels = sorted(self.acquisition_costs.items())
        found += [Assumption(f"acquisition_costs.{name}", cost, "settings") for name, cost in channels]
        found.append(self._named("acquisition_cost", self.acquisition_cost))
        found.append(self._named("months", "lifetime" if self.lifetime else float(self.months)))
        if facts.contracts:
            found.append(self._named("contract_price", self.contract_price))
        found.append(Assumption("retention", facts.retention, "data"))
        return found

    def _named(self, key: str, value: float | str) -> Assumption:
        return Assumption(key, value, "settings" if key in self.configured else "assumed")

    def acquired_for(self, channels: list[str | None]) -> Floats:
        """Return what acquiring each customer cost, by the acquisition channel; an unknown one has no cost of its own.

        Parameters
        ----------
        channels
            One entry a customer; None where it is not known.
        """
        own = self.acquisition_costs
        costs = [self.acquisition_cost if name is None else own.get(name, self.acquisition_cost) for name in channels]
        return np.array(costs, dtype="float64")


@dataclass(frozen=True)
class Worth:
    """What customers are worth, in the currency of the data. Aligned arrays, one entry a customer.

    Attributes
    ----------
    historic
        Margin earned so far, less what retention and acquisition cost.
    predicted
        Present value of the margin to come, less what retention will cost.
    total
        Both. Acquisition is in it once.
    margin
        Share of an amount that is earned.
    """

    historic: Floats
    predicted: Floats
    total: Floats
    margin: Floats


def _configured(settings: ValueSettings) -> frozenset[str]:
    """Return the keys that have another value than the default.

    Which keys a file names is not known: settings are read with their defaults filled in.
    """
    fields = type(settings).model_fields.items()
    return frozenset(
        name for name, field in fields if getattr(settings, name) != field.get_default(call_default_factory=True)
    )
