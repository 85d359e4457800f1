"""Groups of features that a marketer would name. Every input of the churn model belongs to one."""

from dataclasses import dataclass

from serving.wording import Unit


@dataclass(frozen=True)
class Theme:
    """A theme and how it is told.

    Attributes
    ----------
    features
        The model inputs whose contributions it sums.
    shown
        The feature whose raw value is told.
    unit
        How that value is written.
    habit
        A feature that is the customer's own habit, to compare with; None compares with similar customers.
    """

    name: str
    features: frozenset[str]
    shown: str
    unit: Unit
    habit: str | None = None


def _theme(name: str, shown: str, unit: Unit, *others: str, habit: str | None = None) -> Theme:
    return Theme(name, frozenset({shown, *others}), shown, unit, habit)


THEMES: tuple[Theme, ...] = (
    _theme("silence", "recency_days", "days", "recency_over_gap", "recency_over_p90", habit="gap_mean"),
    _theme(
        "frequency",
        "purchase_days_84d",
        "days",
        *(f"baskets_{days}d" for days in (7, 14, 28, 56, 84)),
        "gap_trend",
    ),
    _theme("rhythm", "gap_mean", "days", "gap_median", "gap_std", "gap_p90"),
    _theme("spend", "amount_84d", "money", *(f"amount_{days}d" for days in (7, 14, 28, 56))),
    _theme("basket", "basket_amount_84d", "money", "basket_amount_mean", "basket_products_84d"),
    _theme("loyalty", "baskets_total", "baskets", "tenure_days", "amount_total"),
    _theme("variety", "categories_84d", "number", "products_84d", "departments_84d"),
    _theme(
        "concentration",
        "top_department_share_84d",
        "percent",
        "department_concentration_84d",
        "top_category_share_84d",
    ),
    _theme("discounts", "discount_share_84d", "percent", "coupon_share_84d"),
    _theme("brands", "private_brand_share_84d", "percent"),
    _theme(
        "campaigns",
        "answer_rate",
        "percent",
        "contacts_total",
        "contacts_84d",
        "redemptions_total",
        "redemptions_84d",
        "days_since_redemption",
    ),
)

THEME_OF: dict[str, Theme] = {feature: theme for theme in THEMES for feature in theme.features}
