"""Margins from costs, categories and one share, against worked examples; each assumption says where it comes from."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from core.settings import Settings, StoreSettings
from features.contract.arrow import arrow_schema
from features.contract.tables import CONTRACT, TableName
from serving.settings import default_settings
from training.customer_value.acquisition import read_channels
from training.customer_value.contracts import paid_so_far
from training.customer_value.margins import margin_share, read_facts, read_margins, unknown_names
from training.customer_value.money import MONTH_DAYS, Assumptions, Facts
from training.customer_value.settings import ValueSettings

NOW = datetime(2024, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
Row = dict[str, Any]


def line(customer: str, product: str, amount: float, **more: Any) -> Row:
    moment = more.pop("event_timestamp", NOW - DAY)
    row = {"customer_id": customer, "order_id": "o", "product_id": product, "quantity": 2.0, "amount": amount}
    return {**row, "event_timestamp": moment, "created_timestamp": moment, **more}


LINES = [
    line("a", "milk", 30.0),
    line("a", "soap", 10.0),
    line("a", "tea", 20.0, cost=15.0),
    line("b", "cup", 50.0),
    # of cups the product says the cost: 2 x 10
    line("b", "soap", 5.0),
    line("c", "tea", 8.0),
    # none of these is known, or counts, now
    line("a", "milk", 999.0, event_timestamp=NOW),
    line("a", "milk", 999.0, created_timestamp=NOW + DAY),
    line("a", "milk", 999.0, replaced_timestamp=NOW - DAY / 2),
    line("a", "milk", 999.0, quantity=-1.0),
]
PRODUCTS: list[Row] = [
    {"product_id": "milk", "category": "food"},
    {"product_id": "soap", "category": "home"},
    {"product_id": "cup", "category": "home", "unit_cost": 10.0},
    {"product_id": "tea"},
]
CUSTOMERS: list[Row] = [{"customer_id": "a", "acquisition_channel": "search"}, {"customer_id": "b"}]


def settings_of(folder: Path, value: ValueSettings, **rows: list[Row]) -> Settings:
    given: dict[TableName, list[Row]] = {"transactions": LINES, "products": PRODUCTS, "customers": CUSTOMERS}
    (folder / "contract").mkdir(parents=True, exist_ok=True)
    for name in CONTRACT:
        found = rows.get(name, given.get(name, []))
        pq.write_table(pa.Table.from_pylist(found, schema=arrow_schema(name)), folder / f"contract/{name}.parquet")
    return default_settings(value, StoreSettings(data=folder), threads=1)


def test_without_margins_of_categories_all_have_the_one_that_is_configured(tmp_path: Path) -> None:
    margins = read_margins(settings_of(tmp_path, ValueSettings(margin=0.3)), NOW)
    assert margins.of(["a", "new"]).tolist() == [0.3, 0.3]
    # nothing is configured: the whole amount is counted, and said to be assumed
    assert read_margins(settings_of(tmp_path, ValueSettings()), NOW).of(["a"]).tolist() == [1.0]


def test_margins_of_categories_weigh_what_each_customer_bought(tmp_path: Path) -> None:
    value = ValueSettings(margin=0.2, margins={"food": 0.1, "home": 0.5})
    margins = read_margins(settings_of(tmp_path, value), NOW)
    assert margins.of(["a", "b", "c"]).tolist() == pytest.approx([(30 * 0.1 + 10 * 0.5) / 40, 0.5, 0.2])
    # a customer without any line has the mean over all lines
    assert margins.of(["new"])[0] == pytest.approx((3 + 5 + 2.5 + 1.6) / (40 + 5 + 8))


def test_costs_come_before_configured_margins() -> None:
    total, known, cost = (
        np.array([60.0, 100.0, 0.0]),
        np.array([20.0, np.nan, np.nan]),
        np.array([15.0, np.nan, np.nan]),
    )
    found = margin_share(total, known, cost, np.array([0.2, 0.4, 0.25]))
    # 20 - 15 is earned on what is known, 20 % of the other 40
    assert found.tolist() == pytest.approx([(5 + 8) / 60, 0.4, 0.25])
    assert margin_share(np.array([10.0]), np.array([10.0]), np.array([12.0]), np.array([1.0]))[0] == pytest.approx(-0.2)


def test_what_the_data_know(tmp_path: Path) -> None:
    contacts = [{"customer_id": "a", "event_timestamp": NOW, "kind": "contact", "created_timestamp": NOW}]
    settings = settings_of(tmp_path, ValueSettings(), interactions=contacts)
    facts = read_facts(settings, NOW, risk_known=True)
    # 20 of the tea and 50 of the cups, of 123
    assert facts.cost_known == pytest.approx(70 / 123)
    assert facts == Facts(facts.cost_known, contacts_known=True, channels_known=0.5, risk_known=True)
    bare = settings_of(tmp_path, ValueSettings(), transactions=[], customers=[])
    assert read_facts(bare, NOW, risk_known=False) == Facts()
    contract = {"customer_id": "a", "start_timestamp": NOW, "created_timestamp": NOW}
    contracts = settings_of(tmp_path, ValueSettings(), transactions=[], subscriptions=[contract])
    facts = read_facts(contracts, NOW, risk_known=True)
    assert facts.contracts
    named = {one.key: (one.value, one.source) for one in Assumptions.of(ValueSettings(), facts).named()}
    assert named["contract_price"] == ("month", "assumed")
    assert named["retention"] == ("renewals", "data")


def test_channels_are_read_by_customer(tmp_path: Path) -> None:
    channels = read_channels(settings_of(tmp_path, ValueSettings()))
    assert channels == {"a": "search"}


def test_names_that_the_data_do_not_have_are_reported(tmp_path: Path) -> None:
    value = ValueSettings(margins={"food": 0.1, "Home": 0.2}, acquisition_costs={"search": 3.0, "tv": 9.0})
    home, tv = unknown_names(settings_of(tmp_path, value))
    assert home.startswith("value.margins: expected names of `products.category`, which are food, home; found 'Home'")
    assert "which are search; found 'tv'" in tv
    assert unknown_names(settings_of(tmp_path, ValueSettings())) == []


def test_every_assumption_says_where_it_comes_from() -> None:
    settings = ValueSettings(margin=0.3, margins={"food": 0.1}, contact_cost=0.5, acquisition_costs={"search": 20.0})
    named = {one.key: (one.value, one.source) for one in Assumptions.of(settings, Facts(cost_known=0.4)).named()}
    assert named["cost_known"] == (0.4, "data")
    assert named["margin"] == (0.3, "settings")
    assert named["margins.food"] == (0.1, "settings")
    assert named["discount_rate"] == (0.1, "assumed")
    assert named["contact_cost"] == (0.5, "settings")
    assert named["contacts"] == ("none", "data")
    assert named["acquisition_costs.search"] == (20.0, "settings")
    assert named["months"] == (12.0, "assumed")
    assert named["retention"] == ("purchases", "data")
    assert "contract_price" not in named


def test_products_without_a_cost_say_what_is_assumed() -> None:
    named = {one.key: one for one in Assumptions.of(ValueSettings()).named()}
    assert (named["margin"].value, named["margin"].source) == (1.0, "assumed")
    # where every cost is known no margin is assumed
    every = {one.key for one in Assumptions.of(ValueSettings(margin=0.3), Facts(cost_known=1.0)).named()}
    assert "margin" not in every


def test_a_lifetime_and_a_rate_of_retention_are_named() -> None:
    assumptions = Assumptions.of(ValueSettings(months="lifetime", retention_rate=0.1), Facts(risk_known=True))
    named = {one.key: one.value for one in assumptions.named()}
    assert assumptions.months == 240
    assert named["months"] == "lifetime"
    assert named["retention_rate"] == 0.1
    assert named["retention"] == "churn_then_purchases"
    assert "contact_cost" not in named


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"retention_rate": 0.1, "contact_cost": 1.0}, "found both"),
        ({"margin": 1.2}, "less than or equal to 1"),
        ({"margins": {"food": -0.1}}, "margins.food"),
        ({"acquisition_costs": {"search": -1.0}}, "acquisition_costs.search"),
        ({"acquisition_cost": float("inf")}, "finite"),
        ({"months": 13}, "months"),
    ],
)
def test_money_that_makes_no_sense_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ValueSettings(**wrong)


def test_contracts_so_far_are_price_times_months(tmp_path: Path) -> None:
    def contract(customer: str, start: float, end: float | None, price: float | None) -> Row:
        began = NOW - start * MONTH_DAYS * DAY
        ends = None if end is None else NOW + end * MONTH_DAYS * DAY
        row = {"customer_id": customer, "start_timestamp": began, "end_timestamp": ends, "price": price}
        return row | {"created_timestamp": began}

    rows = [
        contract("a", 12, -6, 10.0),
        contract("a", 6, 6, 20.0),
        contract("b", 4, None, 5.0),
        contract("b", -1, None, 5.0),
        contract("c", 4, None, None),
    ]
    settings = settings_of(tmp_path, ValueSettings(), subscriptions=rows)
    assert paid_so_far(settings, NOW) == pytest.approx({"a": 6 * 10 + 6 * 20, "b": 4 * 5})
    of_period = settings_of(tmp_path, ValueSettings(contract_price="period"), subscriptions=rows)
    assert paid_so_far(of_period, NOW) == pytest.approx({"a": 10 + 20, "b": 4 * 5})
