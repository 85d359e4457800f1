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
    more, less
        What a marketer would call it that the value is above, or below, what it is compared with; the title of the
        reason and its place in the playbook.
    habit
        A feature that is the customer's own habit, to compare with before similar customers. It belongs to the
        same theme, or says nothing that the theme's features do not.
    """

    feature: str
    unit: Unit
    sign: Sign
    more: str
    less: str
    habit: str | None = None


@dataclass(frozen=True)
class Theme:
    """A theme: the model inputs whose contributions it sums, and the facts it is told by, best first.

    A theme without facts is told by the text `plain.<theme>`.
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
        (Fact("recency_days", "days", 1, "long_silence", "recent_purchase", habit="gap_mean"),),
        frozenset({"recency_over_gap", "recency_over_p90"}),
    ),
    Theme(
        "frequency",
        (
            Fact("baskets_28d", "baskets", -1, "buys_more_often", "buys_less_often", habit="baskets_usual_28d"),
            Fact("purchase_days_84d", "days", -1, "buys_more_often", "buys_less_often"),
            Fact("baskets_84d", "baskets", -1, "buys_more_often", "buys_less_often"),
            Fact("gap_mean", "days", 1, "buys_less_often", "buys_more_often"),
        ),
        frozenset(
            {
                *("baskets_7d", "baskets_14d", "baskets_56d", "baskets_usual_28d", "baskets_trend"),
                *("gap_median", "gap_p90", "gap_trend"),
            }
        ),
    ),
    Theme(
        "rhythm",
        (Fact("gap_std", "days", 1, "irregular", "regular"),),
        frozenset({"weekday_concentration", "daypart_concentration"}),
    ),
    Theme(
        "spend",
        (
            Fact("amount_28d", "money", -1, "spends_more", "spends_less", habit="amount_usual_28d"),
            Fact("amount_84d", "money", -1, "spends_more", "spends_less"),
            Fact("basket_amount_84d", "money", -1, "spends_more", "spends_less"),
        ),
        frozenset(
            {
                *("amount_7d", "amount_14d", "amount_56d", "amount_usual_28d", "amount_trend"),
                *("basket_amount_mean", "basket_lines_84d"),
            }
        ),
    ),
    Theme(
        "variety",
        (
            Fact("categories_28d", "categories", -1, "broader_basket", "narrower_basket", habit="categories_usual_28d"),
            Fact("categories_84d", "categories", -1, "broader_basket", "narrower_basket"),
            Fact("products_84d", "products", -1, "broader_basket", "narrower_basket"),
            Fact("top_department_share_84d", "percent", 0, "one_department", "many_departments"),
        ),
        frozenset(
            {
                *("categories_usual_28d", "categories_kept_28d", "departments_84d"),
                *("department_concentration_84d", "top_category_share_84d"),
            }
        ),
    ),
    Theme(
        "loyalty",
        (
            Fact("tenure_days", "days", -1, "longer_standing", "newer_customer"),
            Fact("contracts_tenure_days", "days", -1, "longer_standing", "newer_customer"),
            Fact("baskets_total", "baskets", -1, "many_baskets", "few_baskets"),
        ),
        frozenset({"amount_total", "contracts_total"}),
    ),
    Theme(
        "discounts",
        (
            Fact("discount_share_84d", "percent", 0, "lives_on_discounts", "little_on_discount"),
            Fact("coupon_share_84d", "percent", 0, "uses_coupons", "few_coupons"),
        ),
        frozenset({"discounted_lines_share_84d"}),
    ),
    Theme("brands", (Fact("private_brand_share_84d", "percent", 0, "private_brands", "national_brands"),)),
    Theme(
        "campaigns",
        (
            Fact("answer_rate", "percent", -1, "answers_campaigns", "ignores_campaigns"),
            Fact("contacts_total", "campaigns", -1, "often_contacted", "rarely_contacted"),
        ),
        frozenset(
            {"contacts_84d", "days_since_contact", "redemptions_total", "redemptions_84d", "days_since_redemption"}
        ),
    ),
    Theme(
        "contract",
        (
            Fact("contract_cancelled", "flag", 1, "notice_given", "notice_given"),
            Fact("days_to_contract_end", "days", -1, "contract_runs_on", "contract_ends_soon"),
            Fact("contract_age_days", "days", 0, "older_contract", "younger_contract"),
        ),
    ),
    Theme(
        "price",
        (Fact("contract_price", "money", 1, "dearer_contract", "cheaper_contract"),),
        frozenset({"contract_price_change"}),
    ),
    Theme("season", (), frozenset({"season_sin", "season_cos"})),
)

THEME_OF: dict[str, Theme] = {feature: theme for theme in THEMES for feature in theme.features}
FINDINGS: frozenset[str] = frozenset(
    name for theme in THEMES for fact in theme.facts for name in (fact.more, fact.less)
)
