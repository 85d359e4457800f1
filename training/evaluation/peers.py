"""Similar customers: a customer without a habit of their own is compared with them."""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from core.arrays import Columns, Floats, Ints, Rows
from features.categories import Categories

#: What makes customers similar, the first that the data have; and what those are who do not have it.
_WITHOUT = {"amount_usual_28d": "new", "contract_price": "unknown_price"}

#: Typical customers of a model, and the fewest rows that one of them sums up.
_TYPICAL, _LEAST = 12, 5


class Customers(Protocol):
    """Rows that a model learned from, one per customer and snapshot."""

    @property
    def columns(self) -> Columns:
        """Features by name, codes for categories."""
        ...

    @property
    def categories(self) -> Categories:
        """The values of attributes that are no numbers."""
        ...

    def __len__(self) -> int: ...

    def rows(self, mask: Rows) -> Self:
        """Return some rows."""
        ...


@dataclass(frozen=True)
class Group:
    """Customers that one is compared with.

    Attributes
    ----------
    kind
        What they have in common: the feature that groups them; `new` or `unknown_price` for those without it; or
        `everyone`.
    usual
        Per feature the median.
    middle
        Per feature the first and the third quartile, both ends inclusive; without those of models that kept none.
    """

    kind: str
    usual: Mapping[str, float]
    middle: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Peers:
    """Groups of similar customers, and what is usual in each.

    Attributes
    ----------
    by
        The feature that groups; None where all customers are one group.
    edges
        Values at which the next group starts, in ascending order.
    everyone
        Per feature the median of all customers of the training snapshots.
    groups
        Per group the same of its customers; the first is those whose grouping feature is missing.
    middles
        The first and the third quartile of each feature, of everyone and then of each group.
    """

    by: str | None
    edges: tuple[float, ...]
    everyone: dict[str, float]
    groups: tuple[dict[str, float], ...]
    middles: tuple[dict[str, tuple[float, float]], ...] = ()

    @property
    def all(self) -> Group:
        """Every customer of the training snapshots."""
        return Group("everyone", self.everyone, self.middles[0] if self.middles else {})

    def like(self, value: float) -> Group:
        """Return the customers whose grouping feature is like `value`."""
        if self.by is None:
            return self.all
        place = 0 if math.isnan(value) else bisect_right(self.edges, value) + 1
        kind = self.by if place else _WITHOUT[self.by]
        return Group(kind, self.groups[place], self.middles[place + 1] if self.middles else {})


def usual_of(columns: Columns) -> Group:
    """Return what is usual for all customers of some rows, features that are missing in every row left out."""
    known = {name: values[~np.isnan(values)] for name, values in columns.items()}
    numbers = {name: values for name, values in known.items() if len(values)}
    middles = {name: np.quantile(values, [0.25, 0.75]).tolist() for name, values in numbers.items()}
    return Group(
        "everyone",
        {name: float(np.median(values)) for name, values in numbers.items()},
        {name: (low, high) for name, (low, high) in middles.items()},
    )


def group_of(values: Floats, edges: Sequence[float]) -> Ints:
    """Return the number of each value's group: 0 where it is missing, then one more than the edges reached."""
    return np.where(np.isnan(values), 0, np.searchsorted(np.array(edges), values, side="right") + 1).astype("int64")


def peers_of(train: Customers, features: Sequence[str]) -> Peers:
    """Group customers by how much they usually spend, or by what their contract costs, into thirds.

    Those without a habit yet are a group of their own. Where neither is known all customers are one group.

    Parameters
    ----------
    features
        Those that reasons may speak of, whether the model reads them or not; each has a value somewhere.
    """
    by = next((name for name in _WITHOUT if name in features), None)
    values = train.columns[by] if by is not None else np.full(len(train), np.nan)
    edges = tuple(np.nanquantile(values, [1 / 3, 2 / 3]).tolist()) if by is not None else ()
    everyone = {name: _usual(train, name) for name in features}
    groups = group_of(values, edges)
    rows = [train.rows(groups == group) for group in range(len(edges) + 2)]
    return Peers(
        by=by,
        edges=edges,
        everyone=everyone,
        groups=tuple(_medians(some, everyone) for some in rows),
        middles=tuple(_middles(some, features) for some in (train, *rows)),
    )


def _medians(rows: Customers, otherwise: Mapping[str, float]) -> dict[str, float]:
    """Return what is usual, and another value where none of the rows has the feature."""
    known = [name for name in otherwise if not np.isnan(rows.columns[name]).all()]
    return {**otherwise, **{name: _usual(rows, name) for name in known}}


def _middles(rows: Customers, features: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return the quartiles of the features that are numbers and that any of the rows have."""
    middles = {}
    for name in features:
        known = rows.columns[name][~np.isnan(rows.columns[name])]
        if len(known) and name not in rows.categories:
            low, high = np.quantile(known, [0.25, 0.75]).tolist()
            middles[name] = (low, high)
    return middles


def _usual(rows: Customers, name: str) -> float:
    """Return the median of a feature, or the most frequent code of an attribute, among the rows that have it.

    NaN where none has it.
    """
    known = rows.columns[name][~np.isnan(rows.columns[name])]
    if not len(known):
        return math.nan
    return float(np.bincount(known.astype("int64")).argmax() if name in rows.categories else np.median(known))


def typical_customers(train: Customers, margins: Floats, features: Sequence[str]) -> tuple[tuple[float, ...], ...]:
    """Return typical customers, groups x features: the usual values of customers whose risks are alike.

    They represent all customers where a model is asked for its answer without a theme. None of them is a person.

    Parameters
    ----------
    margins
        Log odds or amounts of the rows, by which they are cut into twelve groups of the same size, or fewer of five
        rows at least.
    """
    groups = np.array_split(np.argsort(margins, kind="stable"), max(1, min(_TYPICAL, len(train) // _LEAST)))
    everyone = {name: _usual(train, name) for name in features}
    rows = []
    for group in groups:
        chosen = np.zeros(len(train), dtype=bool)
        chosen[group] = True
        rows.append(tuple(_medians(train.rows(chosen), everyone).values()))
    return tuple(rows)
