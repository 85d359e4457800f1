"""Groups of features that a marketer would name. Every input of the churn model belongs to one."""

from dataclasses import dataclass
from typing import Literal

from serving.wording import Unit

#: Whether a higher value goes with a higher risk (1) or a lower one (-1); 0 where it is not plain.
Sign = Literal[-1, 0, 1]


@dataclass(frozen=True)
class Fact:
    """A feature whose raw value can be told, by the text `fact.<feature>`.

    Attributes
    ----------
    habit
        A feature that is the customer's own habit, to compare with before the typical customer.
    """

    feature: str
    unit: Unit
    sign: Sign
    habit: str | None = None


@dataclass(frozen=True)
class Theme:
    """A theme: the model inputs whose contributions it sums, and the facts it is told by, best first.

    The first fact that is an input of the model and known of the customer is told.
    """

    name: str
    facts: tuple[Fact, ...]
    others: frozenset[str] = frozenset()

    @property
    def features(self) -> frozenset[str]:
        """Every input that belongs to the theme."""
        return self.others | {fact.feature for fact in self.facts}


THEMES: tuple[Theme, ...] = (
    Theme(
        "silence",
        (Fact("recency_days", "days", 1, habit="gap_mean"),),
        frozenset({"recency_over_gap", "recency_over_p90"}),
    ),
    Theme(
        "frequency",
        (Fact("purchase_days_84d", "days", -1), Fact("baskets_84d", "baskets", -1)),
        frozenset({"baskets_7d", "baskets_14d", "baskets_28d", "baskets_56d", "gap_trend"}),
    ),
    Theme("rhythm", (Fact("gap_mean", "days", 1),), frozenset({"gap_median", "gap_std", "gap_p90"})),
    Theme(
        "spend",
        (Fact("amount_84d", "money", -1),),
        frozenset({"amount_7d", "amount_14d", "amount_28d", "amount_56d"}),
    ),
    Theme("basket", (Fact("basket_amount_84d", "money", -1),), frozenset({"basket_amount_mean", "basket_lines_84d"})),
    Theme(
        "loyalty", (Fact("baskets_total", "baskets", -1), Fact("tenure_days", "days", -1)), frozenset({"amount_total"})
    ),
    Theme(
        "variety",
        (Fact("categories_84d", "number", -1), Fact("products_84d", "number", -1)),
        frozenset({"departments_84d"}),
    ),
    Theme(
        "concentration",
        (Fact("top_department_share_84d", "percent", 0), Fact("top_category_share_84d", "percent", 0)),
        frozenset({"department_concentration_84d"}),
    ),
    Theme("discounts", (Fact("discount_share_84d", "percent", 0), Fact("coupon_share_84d", "percent", 0))),
    Theme("brands", (Fact("private_brand_share_84d", "percent", 0),)),
    Theme(
        "campaigns",
        (Fact("answer_rate", "percent", -1), Fact("contacts_total", "number", -1)),
        frozenset({"contacts_84d", "redemptions_total", "redemptions_84d", "days_since_redemption"}),
    ),
)

THEME_OF: dict[str, Theme] = {feature: theme for theme in THEMES for feature in theme.features}
