"""What is learned: the clock, the customers, churn, and the next product."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from core.settings.fields import Days, Moment, Section, Share


class TimeSettings(Section):
    """The clock and the snapshots. All intervals are half-open."""

    as_of: Literal["data_end", "now"] | Moment = Field(
        "data_end",
        description="The moment features are built for: midnight after the last event, the last midnight, or a date",
    )
    snapshot_spacing_days: Days = 7
    min_history_days: Days = Field(84, description="No snapshot earlier than this after the first event")
    history_days: Days = Field(365, description="How far back a customer's purchase history reaches")


class CustomerSettings(Section):
    """What is used of the table of customers."""

    attributes: tuple[str, ...] = Field(
        (), description="Columns of `customers` by which one without purchases is offered what others like them buy"
    )
    learned_from: Annotated[int, Field(ge=100)] = Field(
        50_000, description="Customers that models learn from, drawn by a hash where there are more; all are scored"
    )
    inputs: tuple[str, ...] = Field((), description="Columns of `customers` that the churn model reads, as categories")
    never: tuple[str, ...] = Field((), description="Columns of `customers` that no model reads and no reason names")

    @property
    def kept(self) -> tuple[str, ...]:
        """The columns that features are made of."""
        return tuple(dict.fromkeys((*self.attributes, *self.inputs)))

    @model_validator(mode="after")
    def _never_is_never(self) -> "CustomerSettings":
        if both := [name for name in self.kept if name.lower() in {other.lower() for other in self.never}]:
            raise ValueError(f"{both[0]!r} is named in `never`, and in `attributes` or `inputs` too")
        return self


class ChurnSettings(Section):
    """What churn is, how risk is cut into tiers, and which snapshots measure it.

    Non-contractual: active in the window before t, and no purchase in [t + gap, t + gap + horizon).
    Contractual: a contract runs at t, and one ends in [t + gap, t + gap + horizon) that is not renewed within
    the grace period after its end.
    """

    kind: Literal["non_contractual", "contractual"] = "non_contractual"
    activity_window_days: Days = Field(56, description="Non-contractual only")
    horizon_days: Days = 28
    grace_days: Days = Field(14, description="Contractual only: a renewal starts before the end plus this")
    gap_days: Annotated[int, Field(ge=0, le=365)] = 0
    test_snapshots: tuple[Moment, ...] = Field(
        (), description="Empty: the last snapshots whose label windows are complete"
    )
    validation_snapshots: Annotated[int, Field(ge=1, le=12)] = Field(
        3, description="Snapshots before the tests, for early stopping and calibration"
    )
    slices: tuple[str, ...] = Field((), description="Columns of `customers` to report results by; never inputs")
    tiers: Literal["threshold", "share"] = Field("threshold", description="Cut tiers by risk, or by share of customers")
    high_risk: Share = Field(0.5, description="Risk from which a customer is high")
    medium_risk: Share = 0.2
    high_share: Share = Field(0.05, description="Share of active customers a team can contact at once")
    medium_share: Share = Field(0.15, description="Share of active customers that comes next")

    @property
    def label_days(self) -> int:
        """Days after a snapshot until its labels are known."""
        return self.gap_days + self.horizon_days + (self.grace_days if self.kind == "contractual" else 0)

    @property
    def learned(self) -> dict[str, Any]:
        """What a model depends on: everything but how it is reported and cut into tiers."""
        told = {"slices", "tiers", "high_risk", "medium_risk", "high_share", "medium_share"}
        return self.model_dump(mode="json", exclude=told)

    @model_validator(mode="after")
    def _tiers_in_order(self) -> "ChurnSettings":
        if self.medium_risk >= self.high_risk:
            raise ValueError(f"expected medium_risk below high_risk, found {self.medium_risk} and {self.high_risk}")
        if self.high_share + self.medium_share > 1:
            raise ValueError(
                f"expected high_share and medium_share to be at most 1 together, found {self.high_share} and "
                f"{self.medium_share}"
            )
        return self


class UpsellSettings(Section):
    """What a better tier is. But for a list of upgrades, the type is one that the customer buys regularly."""

    rule: Literal["unit_price", "brand_tier", "price_band", "upgrades"] = Field(
        "unit_price", description="Dearer per unit, a higher brand tier, a higher third of the type's prices, or a list"
    )
    min_step: Annotated[float, Field(gt=1)] = Field(
        1.2, description="unit_price: price per unit over the customer's median in the type, at least"
    )
    max_step: Annotated[float, Field(gt=1)] = Field(
        3.0, description="At most; less where customers of that price habit have accepted less"
    )
    brand_tiers: tuple[str, ...] = Field(
        ("private", "national"), description="brand_tier: values of products.brand_tier, the lowest first"
    )
    upgrades: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="upgrades: what can be offered instead of a product, by ids"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "UpsellSettings":
        if self.min_step >= self.max_step:
            raise ValueError(f"expected min_step below max_step, found {self.min_step} and {self.max_step}")
        if (self.rule == "upgrades") != bool(self.upgrades):
            raise ValueError('expected `upgrades` with rule = "upgrades", and none with any other rule')
        return self


class NextProductSettings(Section):
    """What a customer buys in [t, t + horizon), and what may be offered."""

    activity_window_days: Days = 56
    horizon_days: Days = 14
    test_snapshots: tuple[Moment, ...] = ()
    training_snapshots: Annotated[int, Field(ge=1, le=26)] = 5
    min_baskets: Annotated[int, Field(ge=1)] = Field(5, description="Baskets a product needs to be offered")
    arrival_days: Days = Field(56, description="A product introduced since then needs no baskets to be offered")
    upsell: UpsellSettings = UpsellSettings()
