"""What a return takes away, and from when, on purchases that can be counted by hand."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest

from core.settings import StoreSettings
from features.contract.arrow import arrow_schema
from features.engine.duckdb import connect, read_sources
from features.engine.inputs import size_table, view_tables
from features.views import activity, history, value
from tests.features.ingest.exports import ingest, orders, settings_of
from tests.features.views.computed import computed, inputs_of, tables

START = datetime(2024, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
#: The moments at which features are computed: each midnight of ten days.
SNAPSHOTS = [START + day * DAY for day in range(1, 11)]


def line(order: str, product: str, amount: float, day: float, **more: Any) -> dict[str, Any]:
    moment = START + day * DAY
    names = {"customer_id": "a", "order_id": order, "product_id": product, "quantity": 1.0, "amount": amount}
    return names | {"event_timestamp": moment, "created_timestamp": moment} | more


def back(amount: float, day: float, order: str | None = None, product: str | None = None) -> dict[str, Any]:
    moment = START + day * DAY
    names = {"customer_id": "a", "order_id": order, "product_id": product, "value": amount, "kind": "return"}
    return names | {"event_timestamp": moment, "created_timestamp": moment}


def table(name: Any, rows: list[dict[str, Any]]) -> ir.Table:
    return ibis.memtable(pa.Table.from_pylist(rows, schema=arrow_schema(name)))


def days_of(con: Any, lines: list[dict[str, Any]], returns: list[dict[str, Any]], column: str) -> list[Any]:
    """A feature of the customer at each snapshot; None where there is no row. The same with a snapshot alone."""
    given = tables(transactions=table("transactions", lines), interactions=table("interactions", returns))
    views = [view for view in (value.VIEW, activity.VIEW, history.VIEW) if column in _COLUMNS[view.name]]
    kinds = frozenset({"return"})
    rows = computed(con, views[0], given, SNAPSHOTS, kinds=kinds)
    middle = SNAPSHOTS[4]
    alone = computed(con, views[0], given, [middle], kinds=kinds)
    found = [[_plain(each["a", t][column]) if ("a", t) in each else None for t in SNAPSHOTS] for each in (rows, alone)]
    assert found[1] == [found[0][4] if t == middle else None for t in SNAPSHOTS]
    return found[0]


_COLUMNS = {
    "customer_value": {"amount_total", "basket_amount_mean", "discount_share_84d"},
    "customer_activity": {"amount_7d", "baskets_total"},
    "customer_history": {"history_products", "history_baskets"},
}


def _plain(found: Any) -> Any:
    return sorted(found) if hasattr(found, "__len__") else found


def test_amounts_are_net_from_the_day_after_a_return(con: Any) -> None:
    lines = [line("o1", "p", 10.0, 0.5), line("o1", "q", 5.0, 0.5), line("o2", "p", 8.0, 2.5)]
    given = [back(10.0, 4.5, "o1", "p")]
    assert days_of(con, lines, given, "amount_total") == [15, 15, 23, 23, 13, 13, 13, 13, 13, 13]
    # the amount of a window is that of the orders in it, less what came back of these
    assert days_of(con, lines, given, "amount_7d") == [15, 15, 23, 23, 13, 13, 13, 8, 8, 0]
    assert days_of(con, lines, given, "basket_amount_mean") == [15, 15, 11.5, 11.5, *[6.5] * 6]
    # the customer came all the same
    assert days_of(con, lines, given, "baskets_total") == [1, 1, 2, 2, 2, 2, 2, 2, 2, 2]


def test_a_return_at_a_snapshot_changes_nothing_at_it(con: Any) -> None:
    lines = [line("o1", "p", 10.0, 0.5)]
    assert days_of(con, lines, [back(10.0, 3, "o1", "p")], "amount_total")[1:4] == [10, 10, 0]
    late = back(10.0, 1.5, "o1", "p") | {"created_timestamp": START + 4 * DAY}
    assert days_of(con, lines, [late], "amount_total")[1:5] == [10, 10, 0, 0]


def test_what_came_back_whole_was_not_bought(con: Any) -> None:
    lines = [line("o1", "p", 10.0, 0.5), line("o1", "q", 5.0, 0.5), line("o2", "p", 8.0, 2.5)]
    both = ["p", "q"]
    whole, part = back(5.0, 3.5, "o1", "q"), back(4.99, 3.5, "o1", "q")
    assert days_of(con, lines, [whole], "history_products") == [both, both, both, *[["p"]] * 7]
    assert days_of(con, lines, [part | {"value": 2.5}], "history_products") == [both] * 10
    assert days_of(con, lines, [part | {"value": 2.5}] * 2, "history_products") == [both, both, both, *[["p"]] * 7]
    # of two baskets with the product one is left
    assert days_of(con, lines, [back(10.0, 3.5, "o1", "p")], "history_baskets") == [
        [1, 1],
        [1, 1],
        *[[1, 2]],
        *[[1, 1]] * 7,
    ]


def test_a_whole_order_may_come_back_without_naming_products(con: Any) -> None:
    lines = [line("o1", "p", 10.0, 0.5), line("o1", "q", 5.0, 0.5), line("o2", "r", 8.0, 0.5)]
    assert days_of(con, lines, [back(15.0, 1.5, "o1")], "history_products") == [["p", "q", "r"], *[["r"]] * 9]
    assert days_of(con, lines, [back(7.0, 1.5, "o1")], "history_products") == [["p", "q", "r"]] * 10
    assert days_of(con, lines, [back(7.0, 1.5, "o1")], "amount_total") == [23, *[16] * 9]


def test_a_return_without_an_order_is_of_the_latest_sale_of_its_product(con: Any) -> None:
    lines = [line("o1", "p", 10.0, 0.5), line("o2", "p", 8.0, 1.5), line("o3", "p", 6.0, 5.5)]
    given = [back(8.0, 3.5, None, "p")]
    assert days_of(con, lines, given, "amount_total")[2:6] == [18, 10, 10, 16]
    assert days_of(con, lines, given, "history_baskets")[2:6] == [[2], [1], [1], [2]]
    # of a product that was never sold, nothing comes back
    assert days_of(con, lines, [back(8.0, 3.5, None, "x"), back(8.0, 3.5, "x", "p")], "amount_total")[5] == 24


def test_more_than_was_paid_does_not_come_back(con: Any) -> None:
    lines = [line("o1", "p", 10.0, 0.5), line("o2", "p", 8.0, 0.5)]
    assert days_of(con, lines, [back(25.0, 1.5, "o1", "p")], "amount_total")[1] == 8
    # a line of less than nothing, a discount, is no return
    lines.append(line("o3", "d", -2.0, 0.5))
    assert days_of(con, lines, [back(25.0, 1.5, "o1", "p")], "amount_total")[1] == 6


def test_shares_of_discounts_are_those_of_the_sale(con: Any) -> None:
    lines = [line("o1", "p", 6.0, 0.5, discount=2.0), line("o2", "q", 2.0, 0.5, discount=0.0)]
    assert days_of(con, lines, [back(6.0, 1.5, "o1", "p")], "discount_share_84d") == [pytest.approx(0.2)] * 10


def test_a_replaced_or_cancelled_order_is_what_it_was_until_then(con: Any) -> None:
    until = {"replaced_timestamp": START + 3 * DAY}
    lines = [line("o1", "p", 10.0, 0.5, **until), line("o1", "p", 4.0, 0.5, created_timestamp=START + 3 * DAY)]
    assert days_of(con, lines, [], "amount_total") == [10, 10, *[4] * 8]
    assert days_of(con, [*lines[:1], line("o2", "q", 1.0, 0.5)], [], "amount_total") == [11, 11, *[1] * 8]
    # what came back of an order that was cancelled later is not taken away twice
    assert days_of(con, lines[:1], [back(3.0, 1.5, "o1", "p")], "amount_total") == [10, 7, *[None] * 8]
    assert days_of(con, lines[:1], [back(3.0, 1.5, "o1", "p")], "baskets_total") == [1, 1, *[None] * 8]


_EXPORT = """cust,order,sku,when,qty,price
a,1,x,2024-05-01 10:00:00,2,5.00
a,1,y,2024-05-01 10:00:00,1,4.00
a,2,x,2024-05-02 10:00:00,1,5.00
a,R9,x,2024-05-04 10:00:00,-2,5.00
b,3,x,2024-05-02 10:00:00,1,5.00
"""


def test_goods_that_an_export_takes_back_are_not_spent_and_not_bought(tmp_path: Path) -> None:
    orders(tmp_path, _EXPORT)
    settings = settings_of(tmp_path, {"returns": "qty < 0"})
    assert ingest(settings).matched == 1
    engine: Any = connect(settings)
    sources = read_sources(engine, settings[StoreSettings])
    given = view_tables(sources, size_table(engine.to_pandas(sources.products)))
    kinds = frozenset({"return"})
    spent = computed(engine, value.VIEW, given, SNAPSHOTS, kinds=kinds)
    assert [spent["a", t]["amount_total"] for t in SNAPSHOTS[:4]] == [14, 19, 19, 9]
    assert spent["b", SNAPSHOTS[3]]["amount_total"] == 5
    bought = computed(engine, history.VIEW, given, SNAPSHOTS, kinds=kinds)
    baskets = [
        dict(zip(row["history_products"], row["history_baskets"], strict=True))
        for row in (bought["a", t] for t in SNAPSHOTS[:4])
    ]
    assert [one["x"] for one in baskets] == [1, 2, 2, 1]
    # where the data have none, nothing is looked for
    assert inputs_of(engine, given, SNAPSHOTS, frozenset({"visit"})).base.returns is None
