"""Filters that hold, in words; each can be taken away."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from serving.console.columns import ColumnWords
from serving.console.filters import Filters
from serving.console.visitors import Visitor


@dataclass(frozen=True)
class Chip:
    """A filter that holds, in words, and the address without it."""

    text: str
    address: str


def titles_of(visitor: Visitor) -> dict[str, str]:
    """Return the titles of segments by name, in the visitor's language."""
    defined = visitor.state.segments.definitions()
    return {name: one.titles.get(visitor.language, name) for name, (one, _) in defined.items()}


def chips_of(filters: Filters, write: ColumnWords, segments: Mapping[str, str]) -> list[Chip]:
    """Return the filters that hold, each once.

    Parameters
    ----------
    segments
        Titles by name.
    """
    say, wanted = write.words.say, filters.wanted
    chips = []
    if wanted.text:
        chips.append(Chip(say("customers.chip.search", text=wanted.text), filters.without("q").address()))
    if wanted.segment:
        title = segments.get(wanted.segment, wanted.segment)
        chips.append(Chip(say("customers.chip.segment", segment=title), filters.without("segment").address()))
    return [*chips, *_of_texts(filters, write), *_of_numbers(filters, write)]


def _of_texts(filters: Filters, write: ColumnWords) -> Iterator[Chip]:
    for name, texts in filters.texts.items():
        for text in texts:
            words = write.words.say("customers.chip.is", column=write.title(name), value=write.text(name, text))
            yield Chip(words, filters.without(name, text).address())


def _of_numbers(filters: Filters, write: ColumnWords) -> Iterator[Chip]:
    for name in dict.fromkeys((*filters.least, *filters.most)):
        ends = {"low": filters.least.get(name), "high": filters.most.get(name)}
        values = {end: write.number(name, number) for end, number in ends.items() if number is not None}
        key = "between" if len(values) > 1 else "from" if "low" in values else "to"
        words = write.words.say(f"customers.chip.{key}", column=write.title(name), **values)
        yield Chip(words, filters.without(name).address())
