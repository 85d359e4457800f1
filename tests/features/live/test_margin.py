"""Costs that events report move the margin at once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.settings import StoreSettings
from features.contract.arrow import arrow_schema
from features.contract.tables import CONTRACT
from features.live.computation import PlannedViews
from features.live.known import KnownRows
from features.live.log import EventLog
from features.live.rows import tables_of
from features.views import margin
from serving.settings import default_settings
from tests.features.live.place import event, purchase

NOW = datetime(2025, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def rows(tmp_path: Path) -> KnownRows:
    """One exported line of customer a, of 10 with a cost of 4; one piece of p costs 3."""
    line = {"customer_id": "a", "order_id": "o", "product_id": "p", "quantity": 1.0, "amount": 10.0, "cost": 4.0}
    given: dict[str, list[dict[str, Any]]] = {
        "transactions": [line | {"event_timestamp": NOW - DAY, "created_timestamp": NOW - DAY}],
        "products": [{"product_id": "p", "unit_cost": 3.0}, {"product_id": "q"}],
    }
    for name in CONTRACT:
        table = pa.Table.from_pylist(given.get(name, []), schema=arrow_schema(name))
        pq.write_table(table, tmp_path / f"{name}.parquet")
    return KnownRows(tmp_path)


@pytest.mark.parametrize("returns", [False, True])
def test_a_purchase_adds_its_cost_and_a_return_takes_its_share(rows: KnownRows, tmp_path: Path, returns: bool) -> None:
    stores = StoreSettings(data=tmp_path / "data")
    log = EventLog(stores)
    empty = rows.of([], tables_of([]))
    views = PlannedViews(default_settings(stores), [margin.VIEW], frozenset(), empty, returns=returns)

    def known() -> list[float]:
        tables = rows.of(["a"], tables_of(log.all(log.last())))
        return [round(value, 6) for value in views.rows(tables, NOW + 3 * DAY)["customer_margin"]["a"]]

    assert views.features["customer_margin"] == ["margin_amount_known", "margin_cost"]
    assert known() == [10.0, 4.0]
    lines = [
        {"product_id": "q", "quantity": 2, "amount": 6.0, "cost": 5.0},
        {"product_id": "p", "quantity": 2, "amount": 8.0},
        {"product_id": "q", "quantity": 1, "amount": 100.0},
    ]
    log.append([event(**purchase("a", 1, "p", lines=lines))], NOW)
    # 5 of the line, 2 x 3 of the product, and nothing known of the third line
    assert known() == [24.0, 15.0]
    if returns:
        log.append([event("a", 2, "return", order_id="o", product_id="p", value=2.5)], NOW + DAY)
        # a quarter of the first order
        assert known() == [21.5, 14.0]
