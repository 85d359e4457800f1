"""Charts of pages, as texts and numbers: `charts.js` draws them, and a table behind each says the same."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import orjson

#: How numbers of an axis are written by the browser.
Format = Literal["number", "money", "percent"]


@dataclass(frozen=True, kw_only=True)
class Series:
    """One value for each category.

    Attributes
    ----------
    values
        None is a gap.
    texts
        The same in the reader's language, for the table and the pointer.
    low, high
        Ends of the interval of each value; empty where there are none.
    """

    name: str
    values: Sequence[float | None]
    texts: Sequence[str]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Values over categories: bars, stacked bars, or lines.

    Attributes
    ----------
    key
        Names the chart within its page.
    unit
        What the values are, such as "customers"; it is written at the axis.
    across
        What the categories are; it heads the first column of the table.
    scale
        Whether the axis of values may begin above 0: for lines that differ by little.
    links
        Address of each category, which a click or its row of the table follows; empty where there are none.
    """

    key: str
    title: str
    unit: str
    across: str
    categories: Sequence[str]
    series: Sequence[Series]
    kind: Literal["bars", "rows", "line"] = "bars"
    stacked: bool = False
    format: Format = "number"
    scale: bool = False
    links: Sequence[str] = ()

    @property
    def json(self) -> str:
        """What the browser draws."""
        return orjson.dumps(asdict(self)).decode()

    @property
    def head(self) -> list[str]:
        """The head of the table."""
        return [self.across, *(one.name for one in self.series)]

    @property
    def rows(self) -> list[list[str]]:
        """The rows of the table: a category, and the text of each series."""
        return [
            [category, *(one.texts[place] for one in self.series)] for place, category in enumerate(self.categories)
        ]


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Counts that go from the names on the left to the names on the right.

    Attributes
    ----------
    moves
        From, to, value and its text.
    """

    key: str
    title: str
    unit: str
    left: str
    right: str
    moves: Sequence[tuple[str, str, float, str]]
    kind: Literal["flow"] = field(default="flow", init=False)

    @property
    def json(self) -> str:
        """What the browser draws."""
        content: Mapping[str, Any] = asdict(self)
        return orjson.dumps(content).decode()

    @property
    def head(self) -> list[str]:
        """The head of the table."""
        return [self.left, self.right, self.unit]

    @property
    def rows(self) -> list[list[str]]:
        """The rows of the table."""
        return [[start, end, text] for start, end, _, text in self.moves]


Picture = Chart | Flow
