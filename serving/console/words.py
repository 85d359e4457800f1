"""What pages say, in the reader's language: the texts of the console, and dates beside the numbers of a writer."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cache, cached_property
from importlib import resources

from babel.dates import format_date, format_skeleton

from serving.explain.language import LANGUAGES, Language, read_texts
from serving.explain.names import load_names
from serving.explain.wording import Writer
from serving.settings import TextSettings

#: One folder a language, one file a page; the key of a text is `<file>.<name>`.
TEXTS = resources.files("serving.console") / "texts"


@cache
def _texts(language: Language) -> Mapping[str, str]:
    return read_texts(TEXTS / language, prefixed=True)


class Words(Writer):
    """Writes pages in one language; moments are shown in UTC."""

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """The texts of answers and of pages by key, with the words of this trade."""
        own = {key: self._in_trade(text) for key, text in _texts(self.language).items()}
        return {**super().texts, **own}

    def date(self, moment: datetime | date) -> str:
        """Write a day."""
        return str(format_date(moment, "medium", locale=self._locale))

    def last_day(self, end: datetime) -> str:
        """Write the last day of what is over at a moment, which at midnight is the day before."""
        return self.date(end - timedelta(microseconds=1))

    def moment(self, moment: datetime) -> str:
        """Write a day with hour and minute."""
        return f"{self.date(moment)} {format_skeleton('Hm', moment, locale=self._locale)}"

    def span(self, time: timedelta) -> str:
        """Write a duration in days, months or years."""
        return self.amount(time.total_seconds() / 86_400, "span")

    def signed(self, text: str, value: float) -> str:
        """Write a change with its sign: a plus where it is positive; a written number has a minus already."""
        return f"+{text}" if value > 0 else text

    def change(self, value: float) -> str:
        """Write a change of an amount of money."""
        return self.signed(self.amount(value, "money"), value)


def make_words(style: TextSettings) -> dict[Language, Words]:
    """Return what writes pages, by language.

    Raises
    ------
    ConfigError
        If the file of display names cannot be read.
    """
    names = load_names(style.names)
    return {language: Words(language, style, names[language]) for language in LANGUAGES}
