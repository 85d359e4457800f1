"""Which rows of the score table are asked for, in which order, and from which place on."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

#: Value of the sort column, None where it is missing, and id of a customer.
Place = tuple[float | None, str]


@dataclass(frozen=True)
class Listing:
    """Which rows are asked for, and in which order.

    Attributes
    ----------
    equal
        Texts that columns must equal.
    least, most
        Ends of numbers, both inclusive.
    sort
        A column of numbers, or `customer_id`.
    after
        Value of the sort column and id of the last customer of the page before.
    one_of
        Texts of which columns must equal one.
    begins
        What ids begin with, capital letters or not.
    among
        Ids of the customers who may be listed, such as the members of a segment; None are all.
    backwards
        Whether the page ends before the place of `after`, rather than begins behind it.
    """

    equal: Mapping[str, str]
    least: Mapping[str, float]
    most: Mapping[str, float]
    sort: str = "customer_id"
    descending: bool = False
    after: Place | None = None
    one_of: Mapping[str, Collection[str]] = field(default_factory=dict)
    begins: str = ""
    among: Collection[str] | None = None
    backwards: bool = False


def matching(query: sa.Select[Any], scores: sa.Table, listing: Listing, *, is_sqlite: bool) -> sa.Select[Any]:
    """Keep the rows that a listing asks for, on whichever page they are."""
    customer = scores.c.customer_id
    for name, text in listing.equal.items():
        query = query.where(scores.c[name] == text)
    for name, texts in listing.one_of.items():
        query = query.where(scores.c[name].in_(texts))
    for name, number in listing.least.items():
        query = query.where(scores.c[name] >= number)
    for name, number in listing.most.items():
        query = query.where(scores.c[name] <= number)
    if listing.begins:
        start = sa.func.substr(customer, 1, len(listing.begins))
        query = query.where(sa.func.lower(start) == sa.func.lower(listing.begins))
    if listing.among is not None:
        query = query.where(customer.in_(_ids(listing.among, is_sqlite=is_sqlite)))
    return query


def in_order(query: sa.Select[Any], scores: sa.Table, listing: Listing, *, few: bool) -> list[sa.Select[Any]]:
    """Return queries whose rows, one query after the other, are those behind the place of a listing, in its order.

    Customers without a value of the sort column come last, by a query of their own: so each follows an index, which
    one query for both would not.

    Parameters
    ----------
    few
        Whether few rows match. Then all are read and sorted, as along an index most rows would be looked at in vain.
    """
    flipped = listing.descending != listing.backwards
    customer, value = scores.c.customer_id, scores.c.get(listing.sort)
    if value is customer:
        return [_by_id(query, _off_index(customer, few=few), listing, descending=flipped)]
    value = _off_index(value, few=few)
    queries = [_valued(query, customer, value, listing, descending=flipped), _missing(query, customer, value, listing)]
    return [one for one in (reversed(queries) if listing.backwards else queries) if one is not None]


def _off_index(column: Any, *, few: bool) -> Any:  # noqa: ANN401 - whatever type the column has
    """Return a column, or the same values as no index has them."""
    return sa.func.coalesce(column, sa.null()) if few else column


def _by_id(query: sa.Select[Any], customer: Any, listing: Listing, *, descending: bool) -> sa.Select[Any]:  # noqa: ANN401
    if listing.after is not None:
        last = listing.after[1]
        query = query.where(customer < last if descending else customer > last)
    return query.order_by(customer.desc() if descending else customer.asc())


def _valued(
    query: sa.Select[Any],
    customer: sa.Column[str],
    value: Any,  # noqa: ANN401 - a column, or an expression
    listing: Listing,
    *,
    descending: bool,
) -> sa.Select[Any] | None:
    """Return the rows with a value of the sort column; None where the page begins behind them."""
    query = query.where(value.is_not(None))
    query = query.order_by(
        value.desc() if descending else value.asc(), customer.desc() if listing.backwards else customer.asc()
    )
    if listing.after is None:
        return query
    number, last = listing.after
    if number is None:
        return query if listing.backwards else None
    further = customer < last if listing.backwards else customer > last
    # the first condition is the one that an index follows
    if descending:
        return query.where(value <= number, sa.or_(value < number, further))
    return query.where(value >= number, sa.or_(value > number, further))


def _missing(
    query: sa.Select[Any],
    customer: sa.Column[str],
    value: Any,  # noqa: ANN401 - a column, or an expression
    listing: Listing,
) -> sa.Select[Any] | None:
    """Return the rows without a value of the sort column; None where the page ends before them."""
    query = query.where(value.is_(None))
    query = query.order_by(customer.desc() if listing.backwards else customer.asc())
    if listing.after is None:
        return query
    number, last = listing.after
    if number is not None:
        return None if listing.backwards else query
    return query.where(customer < last if listing.backwards else customer > last)


def _ids(customers: Collection[str], *, is_sqlite: bool) -> sa.Select[Any]:
    """Return ids as rows: one value of a statement for all, as databases take a limited number of values."""
    text = sa.literal(orjson.dumps(list(customers)).decode(), sa.Text)
    if is_sqlite:
        return sa.select(sa.func.json_each(text).table_valued("value").c.value)
    return sa.select(sa.func.json_array_elements_text(sa.cast(text, postgresql.JSON)).column_valued("value"))
