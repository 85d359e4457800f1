"""What products cost makes the view of margins again, and no other one."""

from typing import Any

import ibis
import pandas as pd

from features.contract.arrow import arrow_schema
from features.contract.tables import FEATURE_TABLES
from features.engine.duckdb import Sources
from features.engine.fingerprints import Seen
from features.engine.inputs import size_table
from features.views import VIEWS
from tests.features.events import SNAPSHOTS, as_table, make_products, make_transactions


def prints(con: Any, lines: pd.DataFrame, products: pd.DataFrame) -> dict[str, str]:
    """What the last snapshot sees, by view."""
    given = {"transactions": as_table(lines), "products": as_table(products)}
    others = {name: ibis.memtable(arrow_schema(name).empty_table()) for name in FEATURE_TABLES if name not in given}
    seen = Seen(con, Sources(**given, **others), size_table(products), frozenset(), SNAPSHOTS)
    return {view.name: seen.by(view, SNAPSHOTS[-1]) for view in VIEWS}


def changed(one: dict[str, str], other: dict[str, str]) -> set[str]:
    return {name for name in one if one[name] != other[name]}


def test_another_cost_of_a_product_changes_margins_alone(con: Any) -> None:
    lines, products = make_transactions(1), make_products()
    before = prints(con, lines, products)
    assert prints(con, lines, products) == before
    costs = products.assign(unit_cost=products["unit_cost"] + 1)
    assert changed(before, prints(con, lines, costs)) == {"customer_margin"}
    # what a product is matters to the others, and not to margins
    others = changed(before, prints(con, lines, products.assign(category="another")))
    assert "customer_preference" in others
    assert "customer_margin" not in others


def test_another_cost_of_a_line_changes_margins(con: Any) -> None:
    lines, products = make_transactions(1), make_products()
    costs = lines.assign(cost=lines["cost"].fillna(1.0))
    assert "customer_margin" in changed(prints(con, lines, products), prints(con, costs, products))
