"""How Encore writes to a reader: texts, numbers, money, spans of time and names, in the reader's language.

Signs of numbers, percent and currencies and the forms of the plural are those of Unicode's CLDR, through Babel.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from babel import Locale
from babel.numbers import format_currency, format_decimal, format_percent

from serving.explain.language import LANGUAGES, Language, catalogue
from serving.explain.names import Names, load_names
from serving.settings import TextSettings

#: `ago`, `span` and `every` are of days, for a moment, a duration and a rhythm; `price` is money with its cents.
Unit = Literal[
    "ago",
    "span",
    "every",
    "days",
    "purchases",
    "categories",
    "products",
    "times",
    "uses",
    "contacts",
    "complaints",
    "requests",
    "returns",
    "money",
    "price",
    "percent",
    "number",
]
#: The noun of each counted unit, by the texts `unit.<noun>`.
_NOUNS: dict[Unit, str] = {
    "days": "day",
    "purchases": "purchase",
    "categories": "category",
    "products": "product",
    "times": "time",
    "uses": "use",
    "contacts": "contact",
    "complaints": "complaint",
    "requests": "request",
    "returns": "return",
}
COUNTED = frozenset(_NOUNS)
#: No text is to be longer than this, in characters.
LONGEST = 140
#: Up to the first number of days a span is in days; longer ones are in months, and from two years on in years.
_IN_DAYS, _IN_MONTHS = 60, 730
_MONTH, _YEAR = 365.25 / 12, 365.25
#: From this amount on money is written without cents.
_WHOLE = 10.0
#: A usual number in 28 days below this is written as a rhythm, such as one in 93 days.
_RARE, _HABIT_DAYS = 0.95, 28.0
_IDEOGRAPH = re.compile("[\u3400-\u9fff]")
#: A word of the trade in a text, such as `<purchase>`.
_TERM = re.compile(r"<(\w+)>")


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Put values into a text; between two ideographs there is no space, which one has beside digits and letters."""
    for name, value in values.items():
        if _IDEOGRAPH.match(value[:1]):
            text = re.sub(rf"({_IDEOGRAPH.pattern}) \{{{name}\}}", rf"\1{{{name}}}", text)
        if _IDEOGRAPH.match(value[-1:]):
            text = re.sub(rf"\{{{name}\}} ({_IDEOGRAPH.pattern})", rf"{{{name}}}\1", text)
    return text.format(**values)


@dataclass(frozen=True)
class Writer:
    """Writes in one language, with the words, the currency and the names of the business.

    Attributes
    ----------
    names
        Display names of products, types, attributes and their values.
    """

    language: Language
    style: TextSettings = field(default_factory=TextSettings)
    names: Names = field(default_factory=Names)

    def say(self, key: str, **values: str) -> str:
        """Fill the text of a key."""
        return _filled(self.texts[key], values)

    def fill(self, text: str, **values: str) -> str:
        """Fill a text that is in no catalogue, or was taken from one."""
        return _filled(self._in_trade(text), values)

    def has(self, key: str) -> bool:
        """Tell whether there is a text of a key."""
        return key in self.texts

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """The texts by key, with the words of this trade."""
        return {key: self._in_trade(text) for key, text in catalogue(self.language).texts.items()}

    def plural(self, key: str, count: float, **values: str) -> str:
        """Fill the text of a key and a count, in the form of the plural that the language has for the count."""
        number = self.number(count)
        if number == "0" and self.has(f"{key}.none"):
            return self.say(f"{key}.none", **values)
        return self.say(f"{key}.{self._locale.plural_form(round(count))}", n=number, **values)

    def amount(self, value: float, unit: Unit) -> str:
        """Write a value with its unit as a reader would say it."""
        if unit in _NOUNS:
            return self.plural(f"unit.{_NOUNS[unit]}", value)
        return self._plain_units[unit](value)

    @cached_property
    def _plain_units(self) -> Mapping[Unit, Callable[[float], str]]:
        """How values without a noun are written."""
        return {
            "ago": self._ago,
            "span": self._span,
            "every": self._every,
            "money": lambda value: self.money(value, cents=abs(value) < _WHOLE and not f"{value:.2f}".endswith(".00")),
            "price": lambda value: self.money(value, cents=True),
            "percent": self.percent,
            "number": self.plain,
        }

    def usual(self, value: float, unit: Unit) -> str:
        """Write what is usual in 28 days, behind the text of what it is compared with: counts without their noun.

        What happens less than once is written as a rhythm.
        """
        if unit not in _NOUNS:
            return self.amount(value, unit)
        if unit in {"purchases", "uses"} and 0 < value < _RARE:
            return self.say("when.rare", span=self._span(_HABIT_DAYS / value))
        return self.bare(value, unit)

    def bare(self, value: float, unit: Unit) -> str:
        """Write a value whose noun was just named."""
        noun = _NOUNS.get(unit)
        return self.amount(value, unit) if noun is None else self.say(f"bare.{noun}", n=self.number(value))

    def percent(self, share: float) -> str:
        """Write a share in whole percent; one that would be rounded to 0 or to 100 as below 1 or above 99."""
        if 0 < share <= 0.005:
            return self.say("number.below", n=format_percent(0.01, locale=self._locale))
        if 0.995 <= share < 1:
            return self.say("number.above", n=format_percent(0.99, locale=self._locale))
        return format_percent(share, locale=self._locale)

    def number(self, value: float) -> str:
        """Write a whole number."""
        return str(format_decimal(round(value), locale=self._locale))

    def plain(self, value: float) -> str:
        """Write a number whose unit is unknown: up to two decimals, more where it is smaller than a hundredth."""
        if value and abs(value) < 0.01:
            return f"{value:.2g}"
        return str(format_decimal(value, "#,##0.##", locale=self._locale))

    def factor(self, value: float) -> str:
        """Write a factor with one decimal, such as 3.1."""
        return str(format_decimal(round(value, 1), "#,##0.#", locale=self._locale))

    def money(self, value: float, *, cents: bool) -> str:
        """Write an amount in the currency of the settings; without one the number alone."""
        currency = self.style.currency
        if currency is None:
            return str(format_decimal(value, "#,##0.00" if cents else "#,##0", locale=self._locale))
        pattern = self.style.currency_format or self._locale.currency_formats["standard"].pattern
        if not cents:
            pattern = re.sub(r"\.0+", "", pattern)
        return str(format_currency(value, currency, pattern, locale=self._locale, currency_digits=cents))

    def quoted(self, name: str) -> str:
        """Write a name within a sentence."""
        return self.say("quote", name=name)

    def sentence(self, text: str) -> str:
        """Begin a sentence with a capital letter."""
        return text[:1].upper() + text[1:]

    def _in_trade(self, text: str) -> str:
        """Put in the words of the trade."""
        words, trade = catalogue(self.language).texts, f"trade.{self.style.purchase}."
        return _TERM.sub(lambda term: words[trade + term[1]], text)

    @cached_property
    def _locale(self) -> Locale:
        return catalogue(self.language).locale

    def _ago(self, days: float) -> str:
        whole = math.floor(days)
        if whole <= 1:
            return self.say("when.today" if whole < 1 else "when.yesterday")
        return self.say("when.ago", span=self._span(whole))

    def _every(self, days: float) -> str:
        return self.say("when.every_day") if round(days) <= 1 else self.say("when.every", span=self._span(days))

    def _span(self, days: float) -> str:
        whole = round(days)
        if whole <= _IN_DAYS:
            return self.plural("unit.day", whole)
        if days < _IN_MONTHS:
            return self.plural("unit.month", days / _MONTH)
        return self.plural("unit.year", days / _YEAR)


def shortened(text: str, room: int) -> str:
    """Cut a text that has more characters than there is room for."""
    return text if len(text) <= room else f"{text[: room - 1].rstrip(' ,/&')}…"


def make_writers(style: TextSettings) -> dict[Language, Writer]:
    """Return a writer for each language.

    Raises
    ------
    ConfigError
        If the file of display names cannot be read.
    """
    names = load_names(style.names)
    return {language: Writer(language, style, names[language]) for language in LANGUAGES}
