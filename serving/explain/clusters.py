"""Clusters in words: a title, and how their customers differ from all others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from serving.explain.wording import LONGEST, Unit, Writer
from training.segments.model import Kind, Trait

#: Groups of columns that a title names, at most.
_IN_TITLE = 2
#: Facts that a description states, at most.
_IN_TEXT = 3
#: From this ratio on it is said how many times as high a mean is; below it by how many percent.
_TIMES = 2.0


@dataclass(frozen=True)
class _Spoken:
    """How a column is said.

    Attributes
    ----------
    group
        Columns of a group say much the same; one of them is enough.
    unit
        None for a column whose value says nothing to a reader.
    inverse
        Whether a higher value is less of what the group is named by.
    """

    group: str
    unit: Unit | None
    inverse: bool = False


_SPOKEN: Mapping[str, _Spoken] = {
    "amount_84d": _Spoken("spend", "money"),
    "basket_amount_mean": _Spoken("basket", "money"),
    "basket_lines_84d": _Spoken("basket", "products"),
    "gap_mean": _Spoken("often", "span", inverse=True),
    "baskets_84d": _Spoken("often", "purchases"),
    "purchase_days_84d": _Spoken("often", "days"),
    "gap_std": _Spoken("irregular", "span"),
    "categories_84d": _Spoken("range", "categories"),
    "products_84d": _Spoken("range", "products"),
    "top_department_share_84d": _Spoken("department", "percent"),
    "discount_share_84d": _Spoken("discounts", "percent"),
    "coupon_share_84d": _Spoken("coupons", "percent"),
    "private_brand_share_84d": _Spoken("brands", "percent"),
    "visits_84d": _Spoken("visits", "uses"),
    "weekday_concentration": _Spoken("weekday", None),
    "daypart_concentration": _Spoken("daypart", None),
}


@dataclass(frozen=True)
class Described:
    """A cluster in words of one language, each of at most 140 characters."""

    title: str
    text: str


def describe(kinds: Sequence[Kind], writer: Writer) -> dict[str, Described]:
    """Return every cluster in words, by label; no two have the same title."""
    titles = [_title(kind, writer) for kind in kinds]
    return {
        kind.label: Described(
            writer.say("cluster.numbered", title=title, n=_number(kind)) if titles.count(title) > 1 else title,
            _text(kind, writer),
        )
        for kind, title in zip(kinds, titles, strict=True)
    }


def _title(kind: Kind, writer: Writer) -> str:
    """Name the groups of columns that differ most; a cluster that differs in none of them has its number."""
    words = [
        writer.say(f"cluster_{'more' if (one.ratio > 1) != spoken.inverse else 'less'}.{spoken.group}")
        for one, spoken in ((one, _SPOKEN.get(one.column)) for one in _distinct(kind.traits))
        if spoken is not None
    ]
    if not words:
        return writer.say("cluster.number", n=_number(kind))
    return writer.sentence(writer.say("list.and").join(words[:_IN_TITLE]))


def _text(kind: Kind, writer: Writer) -> str:
    """State by what the customers differ most, as far as there is room."""
    said = ""
    for fact in (_fact(one, writer) for one in _distinct(kind.traits)[:_IN_TEXT]):
        longer = f"{said}{writer.say('cluster.and')}{fact}" if said else writer.sentence(fact)
        if len(longer) <= LONGEST:
            said = longer
    return said or writer.say("cluster.alike")


def _distinct(traits: Sequence[Trait]) -> list[Trait]:
    """Keep the first trait of each group of columns; those without a value come last.

    One purchase is all on one day of the week: that is less of a habit than its value says.
    """
    found: dict[str, Trait] = {}
    for one in sorted(traits, key=lambda trait: _is_vague(trait.column)):
        spoken = _SPOKEN.get(one.column)
        found.setdefault(spoken.group if spoken is not None else one.column, one)
    return list(found.values())


def _fact(one: Trait, writer: Writer) -> str:
    spoken = _SPOKEN.get(one.column)
    if spoken is None:
        return writer.say("cluster.unspoken", name=one.column, factor=writer.factor(one.ratio))
    value = {} if spoken.unit is None else {"value": writer.amount(one.mean, spoken.unit)}
    fact = writer.say(f"cluster_fact.{one.column}", **value)
    if one.ratio >= _TIMES:
        return writer.say("cluster.times", fact=fact, factor=writer.factor(one.ratio))
    side = "above" if one.ratio > 1 else "below"
    return writer.say(f"cluster.{side}", fact=fact, share=writer.percent(abs(one.ratio - 1)))


def _is_vague(column: str) -> bool:
    spoken = _SPOKEN.get(column)
    return spoken is not None and spoken.unit is None


def _number(kind: Kind) -> str:
    return kind.label.rpartition("_")[2]
