"""What the value of a customer is: the horizon that is forecast, and the money that is behind an amount."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from core.settings import Days, Moment, Share
from features.services import VALUE_SERVICE, FeatureService, ModelSettings
from features.snapshots import Windows

#: A share from nothing to everything.
Part = Annotated[float, Field(ge=0, le=1)]
Money = Annotated[float, Field(ge=0, allow_inf_nan=False)]


#: A snapshot is learned from if order lines were bought within these days before it: not after years without any.
ACTIVE_DAYS = 56


class ValueSettings(ModelSettings):
    """The amount of [t, t + horizon) that is forecast, and what of it is earned.

    Amounts are net of returns, after discounts, in the currency of the data.
    """

    section: ClassVar[str] = "value"
    service: ClassVar[FeatureService] = VALUE_SERVICE

    horizon_days: Days = 91
    test_snapshots: tuple[Moment, ...] = Field(
        (), description="Empty: the last snapshots whose label windows are complete"
    )
    interval: Share = Field(0.8, description="Share of the customers whose amount lies in the interval that is stated")
    margin: Part | None = Field(
        None, description="Share of an amount that is earned, where no cost is known; None counts the whole amount"
    )
    margins: dict[str, Part] = Field(
        default_factory=dict, description="The same by category of products, before `margin`, after costs"
    )
    discount_rate: Annotated[float, Field(ge=0, lt=1)] = Field(0.1, description="A year; money later is worth less")
    retention_rate: Part | None = Field(
        None, description="Share of the margin that keeping customers costs; None is what contacts cost"
    )
    contact_cost: Money = Field(0.0, description="Of one contact, in the currency of the data")
    acquisition_cost: Money = Field(0.0, description="Of a customer whose channel has no cost of its own")
    acquisition_costs: dict[str, Money] = Field(
        default_factory=dict, description="By `acquisition_channel` of customers"
    )
    contract_price: Literal["month", "period"] = Field(
        "month", description="What the price of a contract pays: one month, or the whole contract period"
    )
    months: Literal[12, 24, 36] | Literal["lifetime"] = Field(
        12, description="How far the predicted value reaches; lifetime is the expected one, at most 20 years"
    )

    @model_validator(mode="after")
    def _one_cost_of_retention(self) -> "ValueSettings":
        if self.retention_rate is not None and self.contact_cost > 0:
            raise ValueError(
                "expected `retention_rate` or `contact_cost`, found both: each says what keeping customers costs; "
                "remove one"
            )
        return self

    @property
    def windows(self) -> Windows:
        """Every snapshot of the grid before the tests; a history too short for them leaves the other models alone."""
        return Windows(self.horizon_days, self.test_snapshots, needs_sales=True, optional=True, active_days=ACTIVE_DAYS)

    @property
    def learned(self) -> dict[str, Any]:
        """What a model depends on: the horizon, the tests, and the share of the intervals; not the money behind."""
        return self.model_dump(mode="json", include={"horizon_days", "test_snapshots", "interval"})
