"""Costs of goods and channels of acquisition in what `encore init` suggests."""

from pathlib import Path

import pytest

from features.ingest.pipeline import ingest
from features.ingest.suggest.match import CALLED_SO, likeness
from tests.features.ingest.exports import NOW, table
from tests.features.ingest.suggest.test_suggest import settings_from, suggested

HEADER = "customer,order_no,sku,order_date,qty,unit_price"


def lines(header: str, cost: str) -> str:
    """400 order lines of seven products; `cost` is computed from the pieces and the product."""
    rows = []
    for n in range(400):
        sku, pieces = n % 7, 1 + n % 3
        own = {"of a line": f"{pieces * (2 + sku):.2f}", "of a piece": f"{2 + sku:.2f}", "what was paid": "99.00"}[cost]
        rows.append(f"c{n % 30},o{n},p{sku},2024-{1 + n % 12:02}-03,{pieces},{10 + sku}.50,{own}")
    return "\n".join([f"{HEADER},{header}", *rows, ""])


@pytest.mark.parametrize(
    ("header", "cost", "mapped"),
    [
        ("Cost", "of a line", "Cost"),
        ("成本", "of a line", "成本"),
        ("Unit Cost", "of a piece", '"qty" * "Unit Cost"'),
        ("成本价", "of a piece", '"qty" * "成本价"'),
        ("Einkaufspreis", "of a piece", '"qty" * "Einkaufspreis"'),
        # a name alone does not say it: the values do
        ("Cost", "of a piece", '"qty" * "Cost"'),
    ],
)
def test_the_cost_of_a_line_is_mapped(tmp_path: Path, header: str, cost: str, mapped: str) -> None:
    suggestions, config, _ = suggested(tmp_path, orders__csv=lines(header, cost))
    item = config["data"]["inputs"][0]
    assert item["columns"]["cost"] == mapped
    assert item["columns"]["amount"] == '"qty" * "unit_price"'
    assert suggestions.questions == 0
    ingest(settings_from(tmp_path, config), NOW)
    rows = table(tmp_path, "transactions")
    pieces, skus = rows["quantity"], rows["product_id"].str[1:].astype(int)
    assert len(rows) == 400
    assert (rows["cost"] == pieces * (2 + skus)).all()


def test_a_cost_that_is_what_was_paid_is_a_question(tmp_path: Path) -> None:
    _, config, written = suggested(tmp_path, orders__csv=lines("Total cost", "what was paid"))
    assert "cost" not in config["data"]["inputs"][0]["columns"]
    assert "QUESTION: Total cost reaches the amount in most rows" in written


def test_a_cost_of_which_nothing_shows_whether_it_is_of_a_piece_is_asked_about(tmp_path: Path) -> None:
    rows = "".join(f"c{n % 30},o{n},p{n % 7},2024-{1 + n % 12:02}-03,2,10.5,{n % 9}.25\n" for n in range(400))
    _, config, written = suggested(tmp_path, orders__csv=f"{HEADER},cost\n{rows}")
    assert config["data"]["inputs"][0]["columns"]["cost"] == "cost"
    assert "QUESTION: Is cost what the whole line cost you?" in written


def test_products_have_a_cost_and_customers_a_channel(tmp_path: Path) -> None:
    orders = lines("channel", "of a line")
    goods = "sku,product_name,category,price,standard cost\n" + "".join(
        f"p{n},Tea {n},tea,{10 + n},{2 + n}.50\n" for n in range(40)
    )
    sources = ("search", "friend", "shop")
    people = "customer,created_at,Lead Source\n" + "".join(f"c{n},2023-01-02,{sources[n % 3]}\n" for n in range(30))
    suggestions, config, _ = suggested(tmp_path, orders__csv=orders, goods__csv=goods, people__csv=people)
    columns = {item["table"]: item["columns"] for item in config["data"]["inputs"]}
    assert columns["products"]["unit_cost"] == "standard cost"
    assert columns["customers"]["acquisition_channel"] == "Lead Source"
    # it may be read by models as other attributes are
    assert "acquisition_channel" in suggestions.attributes
    ingest(settings_from(tmp_path, config), NOW)
    assert set(table(tmp_path, "customers")["acquisition_channel"]) == set(sources)
    assert table(tmp_path, "products")["unit_cost"].min() == 2.5


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("COGS", "cost"),
        ("Wareneinsatz", "cost"),
        ("商品成本", "cost"),
        ("Cost per item", "unit_cost"),
        ("EK-Preis", "unit_cost"),
        ("prix d'achat", "unit_cost"),
        ("采购价", "unit_cost"),
        ("Original Source", "acquisition_channel"),
        ("utm_source", "acquisition_channel"),
        ("获客渠道", "acquisition_channel"),
    ],
)
def test_usual_headers_are_recognised(name: str, role: str) -> None:
    assert likeness(name, role) > CALLED_SO


@pytest.mark.parametrize("name", ["Shipping cost", "freight_cost", "运费成本", "cost center", "cost_type"])
def test_other_costs_are_none_of_goods(name: str) -> None:
    assert likeness(name, "cost") < 0.3
    assert likeness(name, "unit_cost") < 0.3
