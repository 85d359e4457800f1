"""What goods cost, and how customers were acquired, from exports to the contract tables."""

from pathlib import Path

import pandas as pd
import pytest

from core.errors import DataError
from features.views import profile
from tests.features.events import SNAPSHOTS
from tests.features.ingest.exports import COLUMNS, ingest, orders, settings_of, table
from tests.features.views.computed import computed, tables

HEADER = "cust,order,sku,when,qty,price,cost\n"
LINES = """a,1,x,2024-01-01 10:00:00,2,1.50,1.80
a,2,y,2024-01-08 10:00:00,1,4.00,
a,3,x,2024-01-09 10:00:00,-2,1.50,-1.80
"""


def test_the_cost_of_a_line_is_kept_and_a_return_has_none(tmp_path: Path) -> None:
    orders(tmp_path, HEADER + LINES)
    columns = COLUMNS | {"cost": "number(cost)"}
    ingest(settings_of(tmp_path, {"columns": columns, "returns": "qty < 0"}))
    rows = table(tmp_path, "transactions", "order_id")
    assert rows["cost"].iloc[0] == 1.8
    assert pd.isna(rows["cost"].iloc[1])
    assert len(rows) == 2
    # what a return takes back of a cost is its share of the order's amount, which the view of margins takes off
    assert table(tmp_path, "interactions")["value"].tolist() == [3.0]


def test_without_a_cost_the_columns_are_there_and_empty(tmp_path: Path) -> None:
    orders(tmp_path)
    (tmp_path / "goods.csv").write_text("product_id,unit_price\nx,1.50\n")
    goods = {"table": "products", "path": "goods.csv", "columns": {}}
    ingest(settings_of(tmp_path, {}, goods))
    assert table(tmp_path, "transactions")["cost"].isna().all()
    assert table(tmp_path, "products")["unit_cost"].isna().all()


def test_costs_of_products_in_several_currencies_are_refused(tmp_path: Path) -> None:
    orders(tmp_path)
    (tmp_path / "goods.csv").write_text("product_id,unit_cost\nx,€ 1.50\ny,£ 2.00\nz,€ 3.00\n")
    goods = {"table": "products", "path": "goods.csv", "columns": {}}
    with pytest.raises(DataError, match=r"money of products in one currency, found EUR \(2 rows\), GBP \(1 rows\)"):
        ingest(settings_of(tmp_path, {}, goods))


def test_a_channel_is_a_column_and_stays_an_attribute(tmp_path: Path, con: object) -> None:
    orders(tmp_path)
    (tmp_path / "people.csv").write_text("customer_id,Acquisition_Channel,city\na,search,Bonn\nb,,Ulm\n")
    ingest(settings_of(tmp_path, {}, {"table": "customers", "path": "people.csv", "columns": {}}))
    people = table(tmp_path, "customers")
    assert people["acquisition_channel"].tolist()[0] == "search"
    assert pd.isna(people["acquisition_channel"].iloc[1])
    assert "city" in people
    found = computed(con, profile.VIEW, tables(customers=people), attributes=("acquisition_channel",))
    assert found["a", SNAPSHOTS[0]]["attribute_acquisition_channel"] == "search"
