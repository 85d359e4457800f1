"""Filters that hold, in words; each can be taken away."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from serving.console.filters import Filters
from serving.explain.fields import Fields


@dataclass(frozen=True)
class Chip:
    """A filter that holds, in words, and the address without it."""

    text: str
    address: str


def chips_of(filters: Filters, fields: Fields, segments: Mapping[str, str]) -> list[Chip]:
    """Return the filters that hold, each once.

    Parameters
    ----------
    segments
        Titles by name.
    """
    say, wanted = fields.writer.say, filters.wanted
    chips = []
    if wanted.text:
        chips.append(Chip(say("customers.chip.search", text=wanted.text), filters.without("q").address()))
    if wanted.segment:
        title = segments.get(wanted.segment, wanted.segment)
        chips.append(Chip(say("customers.chip.segment", segment=title), filters.without("segment").address()))
    return [*chips, *_of_texts(filters, fields), *_of_numbers(filters, fields)]


def _of_texts(filters: Filters, fields: Fields) -> Iterator[Chip]:
    for name, texts in filters.texts.items():
        for text in texts:
            words = fields.writer.say("customers.chip.is", column=fields.heading(name), value=fields.label(name, text))
            yield Chip(words, filters.without(name, text).address())


def _of_numbers(filters: Filters, fields: Fields) -> Iterator[Chip]:
    for name in dict.fromkeys((*filters.least, *filters.most)):
        ends = {"low": filters.least.get(name), "high": filters.most.get(name)}
        values = {end: fields.number(name, number) for end, number in ends.items() if number is not None}
        key = "between" if len(values) > 1 else "from" if "low" in values else "to"
        words = fields.writer.say(f"customers.chip.{key}", column=fields.heading(name), **values)
        yield Chip(words, filters.without(name).address())
