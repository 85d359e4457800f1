"""Long work in parts, and how it reports its progress without knowing who watches."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

#: Called with the share done, in [0, 1], and a few words on the current work.
Report = Callable[[float, str], None]

_Item = TypeVar("_Item")


def silent(share: float, doing: str) -> None:
    """Report to nobody."""


def part_of(report: Report, start: float, end: float) -> Report:
    """Return a report whose [0, 1] is the part [start, end] of `report`."""
    return lambda share, doing: report(start + (end - start) * share, doing)


def track(report: Report, items: Sequence[_Item], doing: Callable[[_Item], str]) -> Iterator[_Item]:
    """Yield the items, reporting each before it is worked on."""
    for done, item in enumerate(items):
        report(done / len(items), doing(item))
        yield item


def batches(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    """Yield the items in their order, `size` at once; the last batch may be shorter."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
