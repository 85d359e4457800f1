"""What a next product is, and what a better tier of one is."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from core.settings import Days, Moment, Part
from features.contract.ids import AskedId
from features.services import FeatureService, ModelSettings
from features.snapshots import Windows


class UpsellSettings(Part):
    """What a better tier is. But for a list of upgrades, the type is one that the customer buys regularly."""

    rule: Literal["unit_price", "brand_tier", "price_band", "upgrades"] = Field(
        "unit_price",
        description="More expensive per unit, a higher brand tier, a higher third of the type's prices, or a list",
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
    upgrades: dict[AskedId, tuple[AskedId, ...]] = Field(
        default_factory=dict, description="upgrades: what can be offered instead of a product, by ids"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "UpsellSettings":
        if self.min_step >= self.max_step:
            raise ValueError(f"expected min_step below max_step, found {self.min_step} and {self.max_step}")
        if (self.rule == "upgrades") != bool(self.upgrades):
            raise ValueError('expected `upgrades` with rule = "upgrades", and none with any other rule')
        return self


class NextProductSettings(ModelSettings):
    """What a customer buys in [t, t + horizon), and what may be offered."""

    section: ClassVar[str] = "next_product"
    service: ClassVar[FeatureService] = FeatureService(
        "next_product_v1",
        groups=frozenset({"purchases"}),
        views=frozenset({"customer_activity", "customer_profile"}),
    )

    activity_window_days: Days = 56
    horizon_days: Days = 14
    test_snapshots: tuple[Moment, ...] = ()
    training_snapshots: Annotated[int, Field(ge=1, le=26)] = 5
    min_baskets: Annotated[int, Field(ge=1)] = Field(5, description="Baskets a product needs to be offered")
    arrival_days: Days = Field(56, description="A product introduced since then needs no baskets to be offered")
    upsell: UpsellSettings = UpsellSettings()

    @property
    def windows(self) -> Windows:
        """Some snapshots before the tests, one horizon apart; none where nothing is sold."""
        return Windows(
            self.horizon_days,
            self.test_snapshots,
            steps=self.training_snapshots,
            needs_sales=True,
            active_days=self.activity_window_days,
        )
