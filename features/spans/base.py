"""The base tables that views share, each made once, when a view asks for it first."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import ibis.expr.types as ir

from features.contract.events.interactions import RETURN
from features.spans.contracts import from_start
from features.spans.customers import known_customers
from features.spans.orders import known_orders
from features.spans.purchases import baskets_of_products, bought_goods, goods, purchases_of_products
from features.spans.returned import matched_returns
from features.spans.snapshots import Snapshots
from features.spans.spans import lapse, spans, with_lapses
from features.spans.visible import purchases

#: Makes a table of an expression, by a name, or leaves the expression as it is.
Keep = Callable[[str, ir.Table], ir.Table]
#: The windows in days that views look at order lines through.
LINE_WINDOWS = (28, 56, 84)
_LEVELS = ("department", "category", "brand_tier")
#: A type is bought regularly, or not, judged by this many days.
REGULAR_DAYS = 182


def as_it_is(_: str, expression: ir.Table) -> ir.Table:
    """Make no table of an expression."""
    return expression


@dataclass(frozen=True)
class Tables:
    """The tables that features are made from: those of the contract, without labels, and sizes.

    Attributes
    ----------
    sizes
        What each product's package holds; the table of `features.views.sizes.measured`.
    """

    transactions: ir.Table
    products: ir.Table
    customers: ir.Table
    interactions: ir.Table
    subscriptions: ir.Table
    sizes: ir.Table


@dataclass(frozen=True)
class Base:
    """The spans of lines, orders and products, at some snapshots.

    Attributes
    ----------
    kinds
        The kinds of interactions that the data have, of all customers.
    history_days
        How far back purchases of products are looked at.
    """

    tables: Tables
    snapshots: Snapshots
    kinds: frozenset[str]
    history_days: int
    keep: Keep = as_it_is

    @cached_property
    def lines(self) -> ir.Table:
        """Order lines that are purchases, with their spans and `LINE_WINDOWS`."""
        seen = spans(purchases(self.tables.transactions), self.snapshots)
        return self.keep("lines", with_lapses(seen, self.snapshots, LINE_WINDOWS))

    @cached_property
    def spent(self) -> ir.Table:
        """The amount of lines that the same snapshots see, by customer, department, category and brand tier."""
        known = self.tables.products.select("product_id", *_LEVELS)
        bought = self.lines.left_join(known, "product_id").drop("product_id_right")
        seen = ("since", "until", *(lapse(days) for days in LINE_WINDOWS))
        rows = bought.filter(bought.since < bought[lapse(max(LINE_WINDOWS))])
        return self.keep("spent", rows.group_by("customer_id", *_LEVELS, *seen).agg(amount=rows.amount.sum()))

    @cached_property
    def returns(self) -> ir.Table | None:
        """Returns with their sales and spans; None where the data have none."""
        if RETURN.name not in self.kinds:
            return None
        matched = matched_returns(self.tables.transactions, self.tables.interactions)
        return self.keep("returns", spans(matched, self.snapshots))

    @cached_property
    def orders(self) -> ir.Table:
        """What could be known of each order; see `known_orders`."""
        return self.keep("orders", known_orders(self.lines, self.snapshots, self.returns))

    @cached_property
    def interactions(self) -> ir.Table:
        """Interactions with their spans and a window of 28 and 84 days."""
        seen = spans(self.tables.interactions, self.snapshots)
        return self.keep("interactions", with_lapses(seen, self.snapshots, (28, 84)))

    @cached_property
    def subscriptions(self) -> ir.Table:
        """Contract periods with their spans, which begin after their starts."""
        return self.keep("subscriptions", spans(from_start(self.tables.subscriptions), self.snapshots))

    @cached_property
    def known(self) -> ir.Table:
        """The customers with any event before a position; see `known_customers`."""
        rows = known_customers(self.snapshots, self.lines, self.subscriptions, self.interactions)
        return self.keep("known_customers", rows)

    @cached_property
    def baskets(self) -> ir.Table:
        """Products of orders; see `baskets_of_products`."""
        lines = goods(self.tables.transactions, self.tables.products)
        bought = bought_goods(lines, self.snapshots, self.history_days, self.returns)
        return self.keep("baskets", baskets_of_products(bought, self.snapshots))

    @cached_property
    def typed(self) -> ir.Table:
        """Spans of lines whose product has a type, over `REGULAR_DAYS`, with `price`, that of one unit of the type."""
        lines = goods(self.tables.transactions, self.tables.products)
        bought = bought_goods(lines, self.snapshots, REGULAR_DAYS, self.returns)
        sized = bought.inner_join(self.tables.sizes.filter(self.tables.sizes.type.notnull()), "product_id")
        price = (sized.amount + sized.discount.fill_null(0.0)) / sized.quantity / sized.contents
        columns = ("customer_id", "order_id", "type", "event_timestamp", "since", "until")
        return self.keep("typed", sized.select(*columns, price=price))


@dataclass(frozen=True)
class Inputs:
    """What the expression of a view may read.

    Attributes
    ----------
    snapshots
        Those to compute features for: all that the base tables know, or one of them.
    attributes
        Columns of customers that are kept as texts.
    purchased
        The table of `purchases` where it was made before; None makes it of the base tables.
    """

    base: Base
    snapshots: Snapshots
    attributes: tuple[str, ...] = ()
    purchased: ir.Table | None = None

    @property
    def tables(self) -> Tables:
        """The contract tables."""
        return self.base.tables

    @cached_property
    def purchases(self) -> ir.Table:
        """What each customer bought of each product; see `purchases_of_products`."""
        if self.purchased is not None:
            return self.purchased
        return self.base.keep("purchases", purchases_of_products(self.base.baskets, self.snapshots))
