"""Sentences in the reader's language, from one catalogue file per language."""

import math
import tomllib
from functools import cache
from importlib import resources
from typing import Literal, get_args

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
Unit = Literal["days", "baskets", "categories", "products", "campaigns", "times", "money", "percent", "number", "flag"]
#: The noun of each counted unit, by the texts `unit.<noun>_one` and `unit.<noun>_many`.
_NOUNS: dict[Unit, str] = {
    "days": "day",
    "baskets": "basket",
    "categories": "category",
    "products": "product",
    "campaigns": "campaign",
    "times": "time",
}


@cache
def catalogue(language: Language) -> dict[str, str]:
    """Return the texts of a language by `section.key`."""
    content = tomllib.loads(
        (resources.files("serving.explain") / "texts" / f"{language}.toml").read_text(encoding="utf-8")
    )
    return {f"{section}.{key}": text for section, texts in content.items() for key, text in texts.items()}


def say(language: Language, key: str, **values: str) -> str:
    """Fill the text of a key."""
    return catalogue(language)[key].format(**values)


def amount(language: Language, value: float, unit: Unit) -> str:
    """Write a number with its unit as a reader would: whole days from ten on, money with cents."""
    if unit == "money":
        return f"{value:,.2f}"
    if unit == "percent":
        return f"{100 * value:.0f} %"
    number = f"{value:.0f}" if value >= 10 or math.isclose(value, round(value), abs_tol=0.05) else f"{value:.1f}"
    if unit not in _NOUNS:
        return number
    return say(language, f"unit.{_NOUNS[unit]}_{'one' if number == '1' else 'many'}", n=number)


def plain_number(value: float) -> str:
    """Write a number whose unit is unknown: up to two decimals, more where it is smaller than a hundredth."""
    if value and abs(value) < 0.01:
        return f"{value:.2g}"
    text = f"{value:,.2f}"
    return text.removesuffix(".00")


def preferred(accept_language: str | None) -> Language:
    """Choose the language that an Accept-Language header prefers; English where it names none of ours."""
    wanted: list[tuple[float, int, Language]] = []
    for place, item in enumerate((accept_language or "").split(",")):
        tag, _, weight = item.replace(" ", "").partition(";q=")
        language = next((ours for ours in LANGUAGES if tag.strip().lower().split("-")[0] == ours), None)
        if language is not None and _weight(weight) > 0:
            wanted.append((-_weight(weight), place, language))
    return min(wanted)[2] if wanted else "en"


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
