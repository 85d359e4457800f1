"""What Encore answers: the same objects for the API, the command line and the exported lists."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from training.next_product.offers import Kind

AnyTier = Literal["high", "medium", "low", "inactive"]
Direction = Literal["raises", "lowers"]


class Answer(BaseModel):
    """Never changes after it was made."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ChurnDefinition(Answer):
    """What "churn" means in this answer."""

    kind: Literal["non_contractual", "contractual"] = Field(
        description="Churned: bought nothing in the horizon, or had a contract end in it that was not renewed"
    )
    horizon_days: int = Field(description="Length of the horizon", examples=[28])
    gap_days: int = Field(description="Days between the moment and the start of the horizon", examples=[0])
    activity_window_days: int | None = Field(
        description="Non-contractual: active are those who bought within this many days before", examples=[56]
    )
    grace_days: int | None = Field(
        description="Contractual: renewed if the next contract starts within this many days after the end",
        examples=[None],
    )


class Moments(Answer):
    """When an answer is from."""

    customer_id: str = Field(examples=["1"])
    as_of: datetime = Field(description="The moment the answer is for (UTC)")
    feature_timestamp: datetime = Field(description="The moment the features were computed for (UTC)")
    computed: Literal["now", "materialised"] = Field(
        "now",
        description="Computed for this request, or read from what was before; nothing has happened since then",
    )
    stale: bool = Field(
        False, description="The feature store is away: this is the last that was computed, and may be out of date"
    )


class Provenance(Moments):
    """Where an answer comes from."""

    churn_definition: ChurnDefinition


class RiskPart(Answer):
    """The risk that a customer churns."""

    risk: float | None = Field(
        description="Calibrated probability of churn; null for a customer who is not active", examples=[0.37]
    )
    tier: AnyTier = Field(examples=["medium"])


class Risk(Provenance, RiskPart):
    """The risk that a customer churns, and where it comes from."""

    model: str = Field(description="Name and version of the churn model", examples=["encore-churn/1"])
    model_grade: str | None = Field(description="How good the model is, A to D; see docs/churn.md", examples=["A"])


class Reason(Answer):
    """One theme's part in a risk."""

    theme: str = Field(examples=["silence"])
    finding: str | None = Field(
        description="What the comparison shows; null where the value stands alone", examples=["long_silence"]
    )
    title: str = Field(
        description="The finding, else the theme, in the reader's language", examples=["Long silence for this customer"]
    )
    direction: Direction
    share: float = Field(description="Share of the whole explanation, by absolute value, in [0, 1]", examples=[0.41])
    text: str = Field(
        examples=["Last purchase 23 days ago; this customer usually comes every 6 days. This raises the risk."]
    )
    values: dict[str, float | str | None] = Field(description="Features behind the reason with their raw values")
    actionable: bool = Field(description="Whether marketing can do something about it")
    action: str | None = Field(
        description="What the playbook suggests; only for what raises the risk",
        examples=["Get in touch now, with something they usually buy."],
    )


class Change(Answer):
    """One feature that would be different."""

    feature: str = Field(examples=["baskets_28d"])
    before: float | None
    after: float


class WhatIf(Answer):
    """The smallest realistic change with which the model puts a customer in a lower tier.

    It describes customers who are like that; it does not promise that a customer who changes will stay.
    """

    changes: list[Change]
    risk: float = Field(description="The model's risk after the change", examples=[0.18])
    tier: AnyTier
    text: str = Field(
        examples=["Customers like this who bought 2 more baskets this week have a risk of 18 % (low) instead of 37 %"]
    )


class ReasonsPart(Answer):
    """Why a risk is what it is, strongest reasons first."""

    base_risk: float = Field(
        description="Risk at the model's average log odds, where every explanation starts", examples=[0.11]
    )
    reasons: list[Reason] = Field(description="Themes that raise the risk")
    protections: list[Reason] = Field(description="Themes that lower the risk")
    untold_share: float = Field(
        description="Share of the explanation without a sentence: small themes, and those the model contradicts",
        examples=[0.04],
    )


class WhatIfPart(Answer):
    """What would change a risk."""

    what_if: WhatIf | None = Field(
        description="What would move the customer a tier down; null where that is the lowest, or nothing small does"
    )


class Explanation(Risk, ReasonsPart, WhatIfPart):
    """A risk with its reasons, and what would change it."""


class OfferAnswer(Answer):
    """One offer with its reason."""

    product_id: str = Field(examples=["1029743"])
    name: str = Field(examples=["FLUID MILK WHITE ONLY, 1 GA"])
    type: str = Field(examples=["FLUID MILK WHITE ONLY"])
    kind: Kind
    probability: float | None = Field(
        description="Calibrated probability that the customer buys the product within `horizon_days`, without being "
        "offered it; null for a customer who has not bought in the activity window",
        examples=[0.23],
    )
    path: str = Field(description="What the offer rests on", examples=["own_cycle"])
    text: str = Field(examples=["Bought in 10 baskets, every 17 days on average; last 18 days ago"])
    evidence: dict[str, bool | int | float | str] = Field(description="The facts the text is told from")


class TypeOfferAnswer(Answer):
    """A product type that the customer never bought, with its reason."""

    type: str = Field(examples=["BABY FOOD"])
    product_id: str = Field(description="Its most popular product", examples=["1029743"])
    name: str
    path: str = Field(description="What the offer rests on", examples=["type_together"])
    text: str = Field(
        examples=["Customers who buy DIAPERS buy this 3.1 times as often as usual (40 of 2,469 bought both)"]
    )
    evidence: dict[str, bool | int | float | str] = Field(description="The facts the text is told from")


class Experiment(Answer):
    """Which list of an experiment the customer got."""

    name: str = Field(examples=["spring"])
    arm: Literal["champion", "challenger", "baseline"]


class OfferSource(Answer):
    """Where offers come from."""

    horizon_days: int = Field(description="Days that probabilities are for", examples=[14])
    model: str = Field(description="Name and version of the next-product model", examples=["encore-next-product/1"])
    model_grade: str | None = Field(description="How good the model is, A to D; see docs/offers.md", examples=["A"])
    experiment: Experiment | None = Field(None, description="Null where no experiment runs")
    withheld: Literal["consent"] | None = Field(
        None, description="Why there are no offers: the customer did not agree to marketing, see docs/offers.md"
    )


class OfferList(OfferSource):
    """Offers, best first."""

    kind: Kind = Field(description="The list that was asked for; each offer is labelled with what it is")
    offers: list[OfferAnswer]


class Offers(Provenance, OfferList):
    """Offers for a customer, best first."""


class TypeOfferList(OfferSource):
    """Product types that the customer never bought, best first."""

    types: list[TypeOfferAnswer]


class TypeOffers(Provenance, TypeOfferList):
    """Product types that the customer never bought, best first."""


class GuestOffers(OfferList):
    """Offers for somebody who is not known, best first."""

    as_of: datetime = Field(description="The moment the answer is for (UTC)")


class ProfilePart(Answer):
    """What is known of a customer."""

    profile: dict[str, float | str | None] = Field(
        description="Features by name: counts, amounts in the data's currency, ages in days, shares in [0, 1]; null "
        "where something is not known",
        examples=[{"recency_days": 3.2, "baskets_28d": 4, "amount_84d": 210.5, "top_department": "GROCERY"}],
    )


class Score(Moments):
    """One customer of a bulk answer; parts that were not asked for, or that are absent, are null."""

    missing: list[str] = Field(
        default_factory=list, description="Parts that cannot be told of this customer while the feature store is away"
    )
    model: str | None = Field(
        None, description="Of a stale answer the churn version that computed it", examples=["encore-churn/1"]
    )
    risk: float | None = None
    tier: AnyTier | None = None
    base_risk: float | None = None
    reasons: list[Reason] | None = None
    protections: list[Reason] | None = None
    untold_share: float | None = None
    what_if: WhatIf | None = None
    offers: OfferList | None = None
    profile: dict[str, float | str | None] | None = None
