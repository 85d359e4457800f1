"""What was valued a moment ago, for somebody who tries one budget after another."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

_T = TypeVar("_T")


@dataclass
class _Entry(Generic[_T]):
    made: float
    value: _T


class Remembered(Generic[_T]):
    """Keeps the last few results for a short time. Safe for threads: what two ask for at once is made once.

    Parameters
    ----------
    seconds
        After which a result is made again.
    most
        Results that are kept.
    clock
        Seconds from any moment on.
    """

    def __init__(self, seconds: float, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._most, self._clock = seconds, most, clock
        self._kept: OrderedDict[Hashable, _Entry[_T]] = OrderedDict()
        self._making = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """Return the result of a key; one that is missing or old is made, by one thread at a time."""
        found = self._kept.get(key)
        if found is None or self._is_old(found):
            with self._making:
                found = self._kept.get(key)  # another thread may have made it meanwhile
                if found is None or self._is_old(found):
                    found = self._keep(key, make())
        return found.value

    def _keep(self, key: Hashable, value: _T) -> _Entry[_T]:
        for old in [one for one, entry in list(self._kept.items()) if one == key or self._is_old(entry)]:
            del self._kept[old]
        entry = self._kept[key] = _Entry(self._clock(), value)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return entry

    def _is_old(self, entry: _Entry[_T]) -> bool:
        return self._clock() - entry.made >= self._seconds
