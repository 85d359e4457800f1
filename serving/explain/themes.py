"""Groups of features that a marketer would name. Every input of the churn model belongs to one."""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

from features.views.profile import ATTRIBUTE
from serving.explain.wording import Unit

#: Whether a higher value goes with a higher risk (1) or a lower one (-1); 0 where it is not plain.
Sign = Literal[-1, 0, 1]


@dataclass(frozen=True)
class Habit:
    """The customer's own habit that a fact is compared with: a feature, and the findings above and below it."""

    feature: str
    more: str
    less: str


@dataclass(frozen=True)
class Fact:
    """A feature whose raw value can be shown, in the text `fact.<feature>`, and what it is compared with.

    A finding is what a marketer would call the comparison: the title of the reason and its place in the playbook.

    Attributes
    ----------
    habit
        The customer's own habit. Where it is known, nobody else is compared with.
    similar
        The findings above and below what similar customers have; None for what grows with time, which training
        snapshots cannot tell the usual of.
    below
        A value, and the finding below it, compared with nobody.
    """

    feature: str
    unit: Unit
    sign: Sign
    similar: tuple[str, str] | None = None
    habit: Habit | None = None
    below: tuple[float, str] | None = None

    @property
    def findings(self) -> tuple[str, ...]:
        """Everything that may be found."""
        own = (self.habit.more, self.habit.less) if self.habit else ()
        return (*(self.similar or ()), *own, *((self.below[1],) if self.below else ()))


@dataclass(frozen=True, eq=False)
class Theme:
    """A theme: the model inputs whose contributions it sums, and the facts it is explained by, best first.

    A theme without facts is explained by the text `plain.<theme>`.

    Attributes
    ----------
    attribute
        The input that is an attribute of the customer; explained by its value, and by how many customers with it left,
        or by what is usual where it is a number.
    """

    name: str
    facts: tuple[Fact, ...]
    others: frozenset[str] = frozenset()
    attribute: str | None = None

    @cached_property
    def features(self) -> frozenset[str]:
        """Every input that belongs to the theme."""
        return self.others | {fact.feature for fact in self.facts}


#: Of customers known for less than this no habit is known.
_NEW_DAYS = 56.0
#: A contract that ends within this ends soon.
_SOON_DAYS = 30.0
_OFTEN = ("more_frequent", "less_frequent")
_SPEND = ("bigger_spender", "smaller_spender")
_RANGE = ("wider_range", "narrower_range")

THEMES: tuple[Theme, ...] = (
    Theme(
        "silence",
        (
            Fact(
                *("recency_days", "days", 1, ("longer_silence", "shorter_silence")),
                habit=Habit("gap_mean", "long_silence", "within_rhythm"),
            ),
        ),
        frozenset({"recency_over_gap", "recency_over_p90"}),
    ),
    Theme(
        "frequency",
        (
            Fact(
                *("baskets_28d", "baskets", -1, _OFTEN),
                habit=Habit("baskets_usual_28d", "buys_more_often", "buys_less_often"),
            ),
            Fact("purchase_days_84d", "days", -1, _OFTEN),
            Fact("baskets_84d", "baskets", -1, _OFTEN),
            Fact("gap_mean", "days", 1, ("less_frequent", "more_frequent")),
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
        (Fact("gap_std", "days", 1, ("less_regular", "more_regular")),),
        frozenset({"weekday_concentration", "daypart_concentration"}),
    ),
    Theme(
        "spend",
        (
            Fact(*("amount_28d", "money", -1, _SPEND), habit=Habit("amount_usual_28d", "spends_more", "spends_less")),
            Fact("amount_84d", "money", -1, _SPEND),
            Fact("basket_amount_84d", "money", -1, _SPEND),
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
            Fact(
                *("categories_28d", "categories", -1, _RANGE),
                habit=Habit("categories_usual_28d", "broader_basket", "narrower_basket"),
            ),
            Fact("categories_84d", "categories", -1, _RANGE),
            Fact("products_84d", "products", -1, _RANGE),
            Fact("top_department_share_84d", "percent", 0, ("one_department", "many_departments")),
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
            Fact("tenure_days", "days", -1, below=(_NEW_DAYS, "new_customer")),
            Fact("contracts_tenure_days", "days", -1, below=(_NEW_DAYS, "new_customer")),
            Fact("baskets_total", "baskets", -1),
        ),
        frozenset({"amount_total", "contracts_total"}),
    ),
    Theme(
        "discounts",
        (
            Fact("discount_share_84d", "percent", 0, ("lives_on_discounts", "little_on_discount")),
            Fact("coupon_share_84d", "percent", 0, ("more_coupons", "fewer_coupons")),
        ),
        frozenset({"discounted_lines_share_84d"}),
    ),
    Theme(
        "usage",
        (
            Fact(
                *("visits_28d", "times", -1, ("uses_more", "uses_less")),
                habit=Habit("visits_usual_28d", "uses_more_than_usual", "uses_less_than_usual"),
            ),
            Fact("days_since_visit", "days", 1, ("longer_unused", "shorter_unused")),
            Fact("visits_84d", "times", -1, ("uses_more", "uses_less")),
        ),
        frozenset({"visits_usual_28d", "visits_trend", "visit_value_28d", "clicks_84d"}),
    ),
    Theme(
        "service",
        (
            Fact("complaints_84d", "times", 1, ("complains_more", "complains_less")),
            Fact("service_requests_84d", "times", 1, ("asks_more", "asks_less")),
            Fact("nps_latest", "number", -1, ("rates_higher", "rates_lower")),
        ),
    ),
    Theme(
        "returns",
        (Fact("returns_84d", "times", 0, ("returns_more", "returns_less")),),
        frozenset({"returned_amount_84d"}),
    ),
    Theme("brands", (Fact("private_brand_share_84d", "percent", 0, ("more_private", "less_private")),)),
    Theme(
        "campaigns",
        (
            Fact("answer_rate", "percent", -1, ("answers_campaigns", "ignores_campaigns")),
            Fact("campaigns_contacted", "campaigns", -1),
            Fact("contacts_total", "times", -1),
        ),
        frozenset(
            {"contacts_84d", "days_since_contact", "redemptions_total", "redemptions_84d", "days_since_redemption"}
        ),
    ),
    Theme(
        "contract",
        (
            Fact("contract_cancelled", "flag", 1, ("notice_given", "notice_given")),
            Fact("days_to_contract_end", "days", -1, below=(_SOON_DAYS, "contract_ends_soon")),
            Fact("contract_age_days", "days", 0),
        ),
    ),
    Theme(
        "price",
        (Fact("contract_price", "money", 1, ("expensive_contract", "cheaper_contract")),),
        frozenset({"contract_price_change"}),
    ),
    Theme("season", (), frozenset({"season_sin", "season_cos"})),
)

THEME_OF: dict[str, Theme] = {feature: theme for theme in THEMES for feature in theme.features}
#: What is found of an attribute: customers with this value left more, or less, often than all.
ATTRIBUTE_FINDINGS = ("leaves_more", "leaves_less")
#: What is found of an attribute that is a number: it is above, or below, what is usual.
NUMBER_FINDINGS = ("number_above", "number_below")
FINDINGS = frozenset(
    [
        *(finding for theme in THEMES for fact in theme.facts for finding in fact.findings),
        *ATTRIBUTE_FINDINGS,
        *NUMBER_FINDINGS,
    ]
)


@cache
def themes_of(features: tuple[str, ...]) -> tuple[Theme, ...]:
    """Return the themes of a model's inputs: those that every model may have, and one for each attribute."""
    attributes = [name for name in features if name.startswith(ATTRIBUTE)]
    return (*THEMES, *(Theme(name, (), frozenset({name}), attribute=name) for name in attributes))
