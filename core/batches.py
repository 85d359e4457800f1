"""Long sequences, a part after the other."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

_Item = TypeVar("_Item")


def batches(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    """Yield the items in their order, `size` at once; the last batch may be shorter."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
