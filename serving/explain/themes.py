"""Groups of features that a marketer would name. Every input of the churn model belongs to one."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Literal

from features.views.profile import ATTRIBUTE
from serving.explain.wording import Unit

#: Whether a higher value goes with a higher risk (1) or a lower one (-1); 0 where it is not plain.
Sign = Literal[-1, 0, 1]
#: What an answer is about: the risk of leaving, that of not renewing a contract, or the value of a customer.
Subject = Literal["risk", "renewal", "value"]
Values = Mapping[str, float]


#: What a habit is of, which decides how much it varies: the gaps between purchases, or in 28 days the purchases, their
#: amounts, or uses.
Kind = Literal["gaps", "purchases", "amounts", "uses"]


@dataclass(frozen=True)
class Habit:
    """The customer's own habit that a fact is compared with: a feature, and the findings above and below it."""

    kind: Kind
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
    family
        Inputs that are made of the same value, such as its trend: the model may speak of it through them.
    needs
        Whether a customer's values are enough to speak of it.
    """

    feature: str
    unit: Unit
    sign: Sign
    similar: tuple[str, str] | None = None
    habit: Habit | None = None
    family: tuple[str, ...] = ()
    needs: Callable[[Values], bool] = lambda _: True

    @property
    def findings(self) -> tuple[str, ...]:
        """Everything that may be found."""
        return (*(self.similar or ()), *((self.habit.more, self.habit.less) if self.habit else ()))

    @property
    def of_purchases(self) -> bool:
        """Whether it is nothing where nothing was bought in 28 days."""
        return self.habit is not None and self.habit.kind == "amounts"


@dataclass(frozen=True)
class State:
    """What a customer is, such as new: a finding that needs no comparison, in the text `state.<finding>`.

    Attributes
    ----------
    sign
        Whether it goes with a higher risk (1) or a lower one (-1); 0 where the model decides.
    needs
        Features that must be known.
    holds
        Whether a customer with these values is it.
    shown
        Features that the text shows, with their units.
    of_renewals
        Whether it separates customers where all that are asked about have a contract that ends.
    """

    finding: str
    sign: Sign
    needs: tuple[str, ...]
    holds: Callable[[Values], bool]
    shown: Mapping[str, Unit] = field(default_factory=dict)
    of_renewals: bool = True


@dataclass(frozen=True, eq=False)
class Theme:
    """A theme: the model inputs whose contributions it sums, and the states and facts it is explained by, best first.

    Attributes
    ----------
    grouped_by
        The kind of similar customers that are alike in this very theme: it is compared with everyone instead.
    attribute
        The input that is an attribute of the customer; explained by its value, and by how many customers with it left,
        or by what is usual where it is a number.
    """

    name: str
    facts: tuple[Fact, ...]
    others: frozenset[str] = frozenset()
    states: tuple[State, ...] = ()
    grouped_by: str | None = None
    attribute: str | None = None

    @cached_property
    def features(self) -> frozenset[str]:
        """Every input that belongs to the theme."""
        return self.others | {fact.feature for fact in self.facts}

    @property
    def findings(self) -> tuple[str, ...]:
        """Everything that may be found."""
        return (
            *(finding for fact in self.facts for finding in fact.findings),
            *(state.finding for state in self.states),
        )


#: Customers known for less than this are new.
_NEW_DAYS = 56.0
#: Customers known for this long are so for years.
_LONG_DAYS = 365.0
#: A break of eight weeks is one for a customer who usually buys in two thirds of that at most.
_BREAK_DAYS, _LATE_GAPS = 56.0, 1.5
#: With fewer purchases there are fewer than three gaps.
_ENOUGH_PURCHASES = 4
#: A contract that ends within this ends soon.
_SOON_DAYS = 30.0
_OFTEN = ("more_frequent", "less_frequent")
_SPEND = ("bigger_spender", "smaller_spender")
_RANGE = ("wider_range", "narrower_range")


def _returned(values: Values) -> bool:
    """Tell whether a customer bought in the last 28 days, not in the 56 days before, which is late, and did before."""
    late = _LATE_GAPS * values["gap_mean"] < _BREAK_DAYS
    return late and 0 < values["baskets_28d"] == values["baskets_84d"] < values["baskets_total"]


def _has_rhythm(values: Values) -> bool:
    """Tell whether a customer's gaps can be called regular or not: there are three, and they differ by a day."""
    return not values.get("baskets_total", math.inf) < _ENOUGH_PURCHASES and values["gap_std"] >= 1


_LOYALTY = (
    State(
        *("first_purchase", 0, ("tenure_days", "baskets_total")),
        lambda values: values["baskets_total"] <= 1 and values["tenure_days"] < _NEW_DAYS,
        {"tenure_days": "ago"},
    ),
    State(
        *("new_customer", 0, ("tenure_days", "baskets_total")),
        lambda values: values["tenure_days"] < _NEW_DAYS,
        {"tenure_days": "ago", "baskets_total": "purchases"},
    ),
    State(
        *("returning", 0, ("baskets_28d", "baskets_84d", "baskets_total", "gap_mean")),
        _returned,
        {"baskets_28d": "purchases"},
    ),
    State(
        *("one_purchase", 1, ("tenure_days", "baskets_total")),
        lambda values: values["baskets_total"] <= 1,
        {"tenure_days": "ago"},
    ),
    State(
        *("long_standing", -1, ("tenure_days", "baskets_total")),
        lambda values: values["tenure_days"] >= _LONG_DAYS,
        {"tenure_days": "span", "baskets_total": "purchases"},
    ),
    State(
        *("long_contract", -1, ("contracts_tenure_days", "contracts_total")),
        lambda values: values["contracts_total"] > 1 and values["contracts_tenure_days"] >= _LONG_DAYS,
        {"contracts_tenure_days": "span"},
    ),
    State(
        *("first_contract", 0, ("contracts_tenure_days", "contracts_total")),
        lambda values: values["contracts_total"] <= 1,
        {"contracts_tenure_days": "ago"},
    ),
)

THEMES: tuple[Theme, ...] = (
    Theme(
        "silence",
        (
            Fact(
                *("recency_days", "ago", 1, ("longer_silence", "shorter_silence")),
                habit=Habit("gaps", "gap_mean", "long_silence", "within_rhythm"),
                family=("recency_over_gap", "recency_over_p90"),
            ),
        ),
        frozenset({"recency_over_gap", "recency_over_p90"}),
    ),
    Theme(
        "frequency",
        (
            Fact(
                *("baskets_28d", "purchases", -1, _OFTEN),
                habit=Habit("purchases", "baskets_usual_28d", "buys_more_often", "buys_less_often"),
                family=("baskets_trend",),
            ),
            Fact("purchase_days_84d", "days", -1, _OFTEN),
            Fact("baskets_84d", "purchases", -1, _OFTEN),
            Fact("gap_mean", "span", 1, ("less_frequent", "more_frequent")),
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
        (Fact("gap_std", "span", 1, ("less_regular", "more_regular"), needs=_has_rhythm),),
        frozenset({"weekday_concentration", "daypart_concentration"}),
    ),
    Theme(
        "spend",
        (
            Fact(
                *("amount_28d", "money", -1, _SPEND),
                habit=Habit("amounts", "amount_usual_28d", "spends_more", "spends_less"),
                family=("amount_trend",),
            ),
            Fact("amount_84d", "money", -1, _SPEND),
            Fact("basket_amount_84d", "money", -1, _SPEND),
        ),
        frozenset(
            {
                *("amount_7d", "amount_14d", "amount_56d", "amount_usual_28d", "amount_trend"),
                *("basket_amount_mean", "basket_lines_84d"),
            }
        ),
        grouped_by="amount_usual_28d",
    ),
    Theme(
        "variety",
        (
            Fact(
                *("categories_28d", "categories", -1, _RANGE),
                habit=Habit("amounts", "categories_usual_28d", "broader_basket", "narrower_basket"),
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
        (),
        frozenset({"tenure_days", "contracts_tenure_days", "baskets_total", "amount_total", "contracts_total"}),
        states=_LOYALTY,
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
                *("visits_28d", "uses", -1, ("uses_more", "uses_less")),
                habit=Habit("uses", "visits_usual_28d", "uses_more_than_usual", "uses_less_than_usual"),
                family=("visits_trend",),
            ),
            Fact("days_since_visit", "ago", 1, ("longer_unused", "shorter_unused")),
            Fact("visits_84d", "uses", -1, ("uses_more", "uses_less")),
        ),
        frozenset({"visits_usual_28d", "visits_trend", "visit_value_28d", "clicks_84d"}),
    ),
    Theme(
        "service",
        (
            Fact("complaints_84d", "complaints", 1, ("complains_more", "complains_less")),
            Fact("service_requests_84d", "requests", 1, ("asks_more", "asks_less")),
            Fact("nps_latest", "number", -1, ("rates_higher", "rates_lower")),
        ),
    ),
    Theme(
        "returns",
        (Fact("returns_84d", "returns", 0, ("returns_more", "returns_less")),),
        frozenset({"returned_amount_84d"}),
    ),
    Theme("brands", (Fact("private_brand_share_84d", "percent", 0, ("more_private", "less_private")),)),
    Theme(
        "campaigns",
        (
            Fact("answer_rate", "percent", -1, ("answers_campaigns", "ignores_campaigns")),
            Fact("contacts_84d", "contacts", -1, ("contacted_more", "contacted_less")),
        ),
        frozenset(
            {
                "campaigns_contacted",
                "contacts_total",
                "days_since_contact",
                "redemptions_total",
                "redemptions_84d",
                "days_since_redemption",
            }
        ),
        states=(
            State("never_contacted", 0, ("campaigns_contacted",), lambda values: values["campaigns_contacted"] == 0),
        ),
    ),
    Theme(
        "contract",
        (
            Fact("days_to_contract_end", "span", -1, ("ends_later", "ends_sooner")),
            Fact("contract_age_days", "ago", 0, ("older_contract", "younger_contract")),
        ),
        frozenset({"contract_cancelled"}),
        states=(
            State("notice_given", 1, ("contract_cancelled",), lambda values: values["contract_cancelled"] > 0),
            State(
                *("contract_ends_soon", 1, ("days_to_contract_end",)),
                lambda values: 0 <= values["days_to_contract_end"] < _SOON_DAYS,
                {"days_to_contract_end": "span"},
                of_renewals=False,
            ),
        ),
    ),
    Theme(
        "price",
        (Fact("contract_price", "money", 1, ("expensive_contract", "cheaper_contract")),),
        frozenset({"contract_price_change"}),
        grouped_by="contract_price",
    ),
    Theme("season", (), frozenset({"season_sin", "season_cos"})),
)
#: Themes that say one thing where their findings are habits that changed the same way; in the order of the sentence.
BUYING = ("frequency", "spend", "variety")
BUYING_FINDINGS = ("buys_more", "buys_less")

THEME_OF: dict[str, Theme] = {feature: theme for theme in THEMES for feature in theme.features}
#: What is found where the customer's habit holds, and that is linked to a lower risk.
AS_USUAL = "as_usual"
#: What is found of an attribute: customers with this value left more, or less, often than all.
ATTRIBUTE_FINDINGS = ("leaves_more", "leaves_less")
#: What is found of an attribute that is a number: it is above, or below, what is usual.
NUMBER_FINDINGS = ("number_above", "number_below")
FINDINGS = frozenset(
    [
        *(finding for theme in THEMES for finding in theme.findings),
        *BUYING_FINDINGS,
        AS_USUAL,
        *ATTRIBUTE_FINDINGS,
        *NUMBER_FINDINGS,
    ]
)


#: What a value is forecast from is how often and how much a customer has bought in all, which is loyalty to a risk.
_NEW = tuple(state for state in _LOYALTY if state.finding in {"first_purchase", "new_customer", "one_purchase"})
_OF_VALUE = {"frequency": {"baskets_total", "tenure_days"}, "spend": {"amount_total"}}


def _themes_of_value() -> tuple[Theme, ...]:
    moved = frozenset().union(*_OF_VALUE.values())
    themes = []
    for theme in THEMES:
        others = (theme.others - moved) | _OF_VALUE.get(theme.name, set())
        # those states tell how many purchases there were
        states = _NEW if theme.name == "frequency" else () if theme.name == "loyalty" else theme.states
        themes.append(replace(theme, others=frozenset(others), states=states))
    return tuple(themes)


@cache
def themes_of(features: tuple[str, ...], subject: Subject = "risk") -> tuple[Theme, ...]:
    """Return the themes of a model's inputs: those that every model may have, and one for each attribute."""
    attributes = [name for name in features if name.startswith(ATTRIBUTE)]
    themes = _themes_of_value() if subject == "value" else THEMES
    return (*themes, *(Theme(name, (), frozenset({name}), attribute=name) for name in attributes))
