"""One small shop, its lines, and what the contract tables must hold of them. The people and goods are invented."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from features.contract.tables import TableName

#: Files by name.
Files = dict[str, str | bytes]


class Line(NamedTuple):
    """An order line; customers, orders and products by their numbers."""

    customer: int
    order: int
    product: int
    moment: datetime
    pieces: int
    price: float

    @property
    def when(self) -> str:
        """The moment as most exports write it."""
        return f"{self.moment:%Y-%m-%d %H:%M:%S}"

    @property
    def amount(self) -> float:
        """What it came to."""
        return self.pieces * self.price


@dataclass(frozen=True)
class Right:
    """What the contract tables must hold.

    Attributes
    ----------
    asks
        Words of the questions that have to be asked.
    columns
        Expected mappings, by table and contract column.
    """

    rows: int
    amount: float
    customers: int
    skipped: dict[str, int] = field(default_factory=dict)
    returns: int = 0
    merged: int = 0
    rejected: int = 0
    moments: tuple[datetime, datetime] | None = None
    discount: float | None = None
    asks: tuple[str, ...] = ()
    columns: dict[tuple[TableName, str], str] = field(default_factory=dict)


def shop(orders: int = 300, customers: int = 60, products: int = 18, seed: int = 5) -> list[Line]:
    """Return the lines of a year: every order has a moment of its own, and one to three different products."""
    rng = np.random.default_rng(seed)
    found = []
    for order in range(orders):
        moment = datetime(2024, 1, 1, 10) + timedelta(hours=29.25 * order)  # noqa: DTZ001 - the shop's own clock
        customer = int(rng.integers(customers))
        for product in rng.choice(products, int(rng.integers(1, 4)), replace=False).tolist():
            pieces = int(rng.choice([1, 1, 2, 5]))
            found.append(Line(customer, order, product, moment.replace(second=0), pieces, 3.5 + product))
    return found


LINES = shop()


HEADER = "customer_no,order_no,sku,order_date,qty,unit_price"


def right(lines: Iterable[Line] = (), **more: Any) -> Right:
    """Return what lines come to."""
    own = list(lines) or LINES
    return Right(len(own), round(sum(line.amount for line in own), 2), len({line.customer for line in own}), **more)


def csv(header: str, rows: Iterable[str]) -> str:
    """Return a text file."""
    return "\n".join([header, *rows]) + "\n"


def by_order(lines: Iterable[Line] = ()) -> dict[int, list[Line]]:
    """Return the lines of each order."""
    orders: dict[int, list[Line]] = {}
    for line in lines or LINES:
        orders.setdefault(line.order, []).append(line)
    return orders


def rows_of(lines: Iterable[Line], way: str = "%Y-%m-%d %H:%M:%S") -> list[str]:
    """Return lines as most exports have them: customer, order, product, moment, pieces, price."""
    return [
        f"C{one.customer},O{one.order},P{one.product},{one.moment.strftime(way)},{one.pieces},{one.price}"
        for one in lines
    ]
