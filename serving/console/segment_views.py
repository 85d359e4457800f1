"""What the page of segments shows of all customers: counts with their shares, addresses and pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from serving.console.charts import Flow
from serving.console.words import Words
from serving.overview.summary import Counted, Summary
from serving.segments.store import SegmentSize
from training.segments.movements import NO_LONGER, NOT_YET, Movements
from training.segments.rfm import GRID

#: Movements of groups that are listed, the most frequent ones.
_MOST_MOVES = 10
#: Shades of the grid, besides that of a cell with nobody.
_SHADES = 5
#: Width and height of a trend, in units of its own.
_WIDE, _HIGH = 100, 24
#: The value matrix, by potential and by value so far: the first row is high potential, the first column low value.
MATRIX = (("grow", "invest"), ("serve", "keep"))


@dataclass(frozen=True)
class Share:
    """Customers of one name beside all customers.

    Attributes
    ----------
    of_customers, of_value
        Shares of all customers, and of the lifetime value of all; None where there is no value model.
    href
        Where these customers are listed.
    """

    counted: Counted
    of_customers: float
    of_value: float | None
    href: str


@dataclass(frozen=True)
class Cell:
    """Fields of the grid side by side that are of one group.

    Attributes
    ----------
    span
        How many fields.
    shade
        0 for nobody, to 5 for the most customers.
    """

    group: str
    span: int
    customers: int
    shade: int
    href: str


def listed(**filters: str | int) -> str:
    """Return the address of the list of some customers."""
    return f"/console/customers?{urlencode(filters)}"


def shares(summary: Summary, column: str) -> list[Share]:
    """Return the customers of each name of a column; nothing of a column that needs a model there is none of."""
    rows = summary.by.get(column, ())
    value = sum(one.lifetime_value or 0.0 for one in rows)
    return [
        Share(
            one,
            one.customers / max(summary.customers, 1),
            one.lifetime_value / value if one.lifetime_value is not None and value > 0 else None,
            listed(**{column: one.name}),
        )
        for one in rows
    ]


def by_name(rows: Sequence[Share]) -> Mapping[str, Share]:
    """Return rows by the names of their customers."""
    return {one.counted.name: one for one in rows}


def grid(summary: Summary) -> list[tuple[int, list[Cell]]]:
    """Return the rows of the grid by recency score, from 5 to 1, with the groups of frequency and money from 1 to 5."""
    most = max(summary.grid.values(), default=1)
    rows = []
    for score, groups in GRID.items():
        cells = []
        for group in dict.fromkeys(groups):
            customers = summary.grid.get((score, group), 0)
            shade = 0 if not customers else 1 + round((_SHADES - 1) * customers / most)
            href = listed(rfm_group=group, min_recency_score=score, max_recency_score=score)
            cells.append(Cell(group, groups.count(group), customers, shade, href))
        rows.append((score, cells))
    return rows


def stayed(moved: Movements) -> int:
    """Return how many customers are where they were."""
    return sum(moved.of(name, name) for name in set(moved.before) & set(moved.after))


def changes(moved: Movements) -> list[tuple[str, str, int]]:
    """Return the most frequent movements from one name to another."""
    rows = [(str(row["before"]), str(row["after"]), int(row["customers"])) for row in moved.rows()]
    return [row for row in rows if row[0] != row[1]][:_MOST_MOVES]


def moved_title(kind: str, name: str, words: Words) -> str:
    """Return the title of a group or stage that customers moved from or to, or that they had none."""
    return words.say(f"movement.{name}") if name in {NOT_YET, NO_LONGER} else words.say(f"{kind}.{name}")


def stage_flow(moved: Movements, words: Words) -> Flow:
    """Return the movements between lifecycle stages; who stayed takes no part, as that would hide the others."""
    rows = [(str(row["before"]), str(row["after"]), int(row["customers"])) for row in moved.rows()]
    return Flow(
        key="stage-flow",
        title=words.say("segments.flow_title"),
        unit=words.say("segments.customers"),
        left=words.say("segments.before"),
        right=words.say("segments.after"),
        moves=[
            (moved_title("stage", one, words), moved_title("stage", other, words), count, words.number(count))
            for one, other, count in rows
            if one != other
        ],
    )


def trend_line(trend: Sequence[SegmentSize]) -> str:
    """Return the points of a line through the sizes, from left to right; empty for fewer than two days."""
    sizes = [one.size for one in trend]
    if len(sizes) < 2:
        return ""
    low, high = min(sizes), max(sizes)
    step, span = _WIDE / (len(sizes) - 1), max(high - low, 1)
    # 2 units of room, as the line is not to be cut
    return " ".join(
        f"{place * step:.1f},{_HIGH - 2 - (_HIGH - 4) * (size - low) / span:.1f}" for place, size in enumerate(sizes)
    )
