"""Explanations written by hand, for the tests of findings and reasons."""

from serving.explain.contributions import Attribute, Explained, Part
from serving.explain.reasons import Reason, write_reasons
from serving.explain.themes import THEME_OF, themes_of
from serving.explain.wording import Writer
from serving.settings import TextSettings
from training.evaluation.peers import Group

ENGLISH, CHINESE = (Writer(language, TextSettings(currency="USD")) for language in ("en", "zh"))
#: What is typical for others, and their middle half, half as much to twice as much.
TYPICAL = {
    **{"recency_days": 5.0, "baskets_28d": 4.0, "purchase_days_84d": 9.0, "gap_mean": 7.0, "gap_std": 4.0},
    **{"amount_28d": 100.0, "amount_84d": 300.0, "basket_amount_84d": 25.0, "categories_28d": 10.0},
    **{"answer_rate": 0.2, "campaigns_contacted": 2.0, "discount_share_84d": 0.1, "visits_28d": 5.0},
    **{"days_to_contract_end": 200.0, "contract_price": 40.0, "complaints_84d": 0.0, "categories_84d": 20.0},
}


def group(kind: str, **typical: float) -> Group:
    """Return customers to compare with, by what is typical for them."""
    usual = TYPICAL | typical
    return Group(kind, usual, {name: (value / 2, value * 2) for name, value in usual.items()})


def explained(values: dict[str, float], parts: dict[str, float], kind: str = "new", **effects: float) -> Explained:
    """An explanation with one contribution a theme, and the model's agreement with each unless said otherwise."""
    own = {name: parts.get(THEME_OF[name].name, 0.0) for name in values}
    themes = {theme: Part(part, effects.get(theme, part)) for theme, part in parts.items()}
    return Explained(values, own, group(kind), group("everyone"), themes)


def told(
    values: dict[str, float], parts: dict[str, float], kind: str = "new", writer: Writer = ENGLISH
) -> list[Reason]:
    """Return the reasons of a customer."""
    return write_reasons(explained(values, parts, kind), writer)


def text(values: dict[str, float], parts: dict[str, float], kind: str = "new", writer: Writer = ENGLISH) -> str:
    """Return title and text of the only reason of a customer."""
    (reason,) = told(values, parts, kind, writer)
    return f"{reason.title} | {reason.text}"


def less(baskets: float = 1.0) -> dict[str, float]:
    """Return a customer who buys less than usual in every way."""
    return {
        **{"baskets_28d": baskets, "baskets_usual_28d": 4.0, "gap_mean": 7.0, "gap_std": 7.0, "recency_days": 27.0},
        **{"amount_28d": 3.0 * baskets, "amount_usual_28d": 128.0},
        **{"categories_28d": baskets, "categories_usual_28d": 22.0},
    }


def attribute(name: str, value: str, left: float, of_all: float, part: float) -> Explained:
    """Return an explanation that rests on one attribute."""
    feature = f"attribute_{name}"
    return Explained(
        {feature: 0.0},
        {feature: part},
        group("everyone"),
        group("everyone"),
        {feature: Part(part, part)},
        {feature: Attribute(value, left, of_all)},
        themes_of((feature,)),
    )
