"""Where customers stand: what separates scores, tiers, fields, stages and rungs from each other."""

from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from core.settings import Days, Part, Share
from features.services import VALUE_SERVICE, FeatureService, ModelSettings
from features.snapshots import Windows

Cycles = Annotated[float, Field(gt=0, le=100)]
_Number = Annotated[float, Field(allow_inf_nan=False)]
#: Four limits make five scores.
Limits = Annotated[tuple[_Number, ...], Field(min_length=4, max_length=4)]


class FixedCuts(Part):
    """Limits between RFM scores that stay the same whatever the population; each list ascends.

    A customer whose value equals a limit has the score below it: the better one for recency, the lower one for
    frequency and money.
    """

    recency_days: Limits = Field(description="Days since the last purchase; up to the first limit is a 5")
    orders: Limits = Field(description="Number of orders; up to the first limit is a 1")
    amount: Limits = Field(description="Net amount in the currency of the data; up to the first limit is a 1")

    @model_validator(mode="after")
    def _ascending(self) -> "FixedCuts":
        for name in type(self).model_fields:
            limits = getattr(self, name)
            if list(limits) != sorted(limits):
                raise ValueError(f"expected ascending limits in {name}, found {list(limits)}")
        return self


class TierShares(Part):
    """Shares of the customers in the upper tiers of the value pyramid; all other customers are basic."""

    diamond: Share = 0.02
    platinum: Share = 0.05
    gold: Share = 0.13
    regular: Share = 0.25

    @model_validator(mode="after")
    def _leaves_some(self) -> "TierShares":
        total = sum(self.as_tuple())
        if total >= 1:
            raise ValueError(f"expected shares of the upper tiers that sum to less than 1, found {total:g}")
        return self

    def as_tuple(self) -> tuple[float, ...]:
        """Return the shares, the highest tier first."""
        return self.diamond, self.platinum, self.gold, self.regular


class StageSettings(Part):
    """Lifecycle stages, by the customer's own rhythm: the days that usually lie between two days with a purchase."""

    prior_gaps: Annotated[float, Field(gt=0, le=50)] = Field(
        2, description="The population's typical gap counts as much as this number of the customer's own gaps"
    )
    typical_gap_days: Annotated[float, Field(gt=0)] = Field(
        28, description="The typical gap where no customer of the population has bought twice"
    )
    new_purchase_days: Annotated[int, Field(ge=2)] = Field(
        3, description="A customer with fewer days with a purchase is new"
    )
    declining_cycles: Cycles = Field(2, description="Rhythms without a purchase after which a customer is declining")
    declining_days: Days = Field(14, description="And at least as many days")
    lapsed_cycles: Cycles = Field(3, description="Rhythms without a purchase after which a customer has lapsed")
    lapsed_days: Days = Field(28, description="And at least as many days; also after the end of a contract")
    lost_cycles: Cycles = Field(6, description="Rhythms without a purchase after which a customer is lost")
    lost_days: Days = Field(84, description="And at least as many days; also after the end of a contract")
    clear_change: Annotated[float, Field(ge=0)] = Field(
        0.25, description="A rate of spending is clearly higher if it is more than this share above the one before"
    )
    clear_errors: Annotated[float, Field(ge=0)] = Field(
        2, description="And by more than this number of standard errors, so that chance alone is no trend"
    )
    new_contract_days: Days = Field(91, description="Days after its start in which a first contract makes a new one")

    @model_validator(mode="after")
    def _one_after_the_other(self) -> "StageSettings":
        cycles = (self.declining_cycles, self.lapsed_cycles, self.lost_cycles)
        days = (self.declining_days, self.lapsed_days, self.lost_days)
        for name, limits in (("cycles", cycles), ("days", days)):
            if not limits[0] <= limits[1] <= limits[2]:
                raise ValueError(
                    f"expected declining_{name} <= lapsed_{name} <= lost_{name}, found {', '.join(map(str, limits))}"
                )
        return self


class ClusterSettings(Part):
    """Clusters of customers with similar behaviour."""

    columns: tuple[str, ...] = Field(
        (
            "gap_mean",
            "basket_amount_mean",
            "basket_lines_84d",
            "amount_84d",
            "categories_84d",
            "discount_share_84d",
            "private_brand_share_84d",
            "weekday_concentration",
            "daypart_concentration",
        ),
        description="What is similar; columns that the data do not have are left out",
    )
    least: Annotated[int, Field(ge=2)] = Field(2, description="Number of clusters, at least")
    most: Annotated[int, Field(ge=2, le=30)] = Field(8, description="Number of clusters, at most")
    stable: Share = Field(
        0.8, description="Mean adjusted Rand index from which on a number is stable; by more than chance of the draws"
    )
    found_again: Share = Field(
        0.75, description="And mean Jaccard index of every cluster with the most similar one of a draw"
    )
    draws: Annotated[int, Field(ge=5, le=500)] = Field(20, description="Bootstrap draws for each number of clusters")
    sample: Annotated[int, Field(ge=100)] = Field(20_000, description="Customers to find the clusters by, at most")
    kept: Annotated[float, Field(ge=0, le=1)] = Field(
        0.8, description="Share of the customers who keep their label, at least, unless clusters are more stable"
    )
    seed: int = 1

    @model_validator(mode="after")
    def _some(self) -> "ClusterSettings":
        if self.least > self.most:
            raise ValueError(f"expected least <= most, found {self.least} and {self.most}")
        return self


class SegmentSettings(ModelSettings):
    """Scores, tiers, fields, stages and rungs that customers are placed in, and the clusters that are found."""

    section: ClassVar[str] = "segments"
    service: ClassVar[FeatureService] = VALUE_SERVICE

    rfm_cuts: FixedCuts | None = Field(None, description="None learns the limits: a fifth of the customers each")
    tiers: TierShares = TierShares()
    high_share: Share = Field(
        0.3, description="Value matrix: share of the customers whose current, or potential, value is high"
    )
    stages: StageSettings = StageSettings()
    clusters: ClusterSettings = ClusterSettings()
    several_categories: Annotated[int, Field(ge=2)] = Field(
        3, description="Categories bought from that are several, on the relationship ladder"
    )
    advocate_rating: Annotated[float, Field(ge=0, le=10)] = Field(
        9, description="A last rating from which on a customer is an advocate; 9 and 10 are promoters of NPS"
    )

    @property
    def windows(self) -> Windows:
        """Customers as they are now: nothing is predicted. Their rhythm and baskets are those of order lines."""
        return Windows(0, needs_sales=True, unlabelled=True, active_days=56)

    @property
    def learned(self) -> dict[str, Any]:
        """What a model depends on: the clusters, and the rhythm where nobody has bought twice; not what is a rule."""
        return {
            "clusters": self.clusters.model_dump(mode="json"),
            "typical_gap_days": self.stages.typical_gap_days,
        }
