"""What `encore init` suggests, and what it asks."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from core.errors import ConfigError
from core.settings import Settings, StoreSettings
from features.ingest.pipeline import ingest
from features.ingest.suggest.match import is_sensitive, likeness
from features.ingest.suggest.suggest import suggest_mapping
from features.ingest.suggest.suggestions import Suggestions
from features.ingest.suggest.write import as_toml
from serving.settings import default_settings, sections
from tests.features.ingest.exports import NOW, table

ORDERS = "Kundennr;Rechnungsnr;Artikelnr;Datum;Menge;Einzelpreis\n" + "".join(
    f"K{n % 30};R{n};A{n % 7};{1 + n % 28:02}.{1 + n % 12:02}.2024 10:00;{1 + n % 3};{n % 9},50\n" for n in range(400)
)


def suggested(folder: Path, **files: str | bytes) -> tuple[Suggestions, dict[str, Any], str]:
    exports = folder / "exports"
    exports.mkdir()
    for name, content in files.items():
        (exports / name.replace("__", ".")).write_bytes(content.encode() if isinstance(content, str) else content)
    suggestions = suggest_mapping([str(exports)], folder / "looked", NOW)
    written = as_toml(suggestions)
    return suggestions, tomllib.loads(written), written


def settings_from(folder: Path, config: dict[str, Any]) -> Settings:
    kinds = {kind.section: kind for kind in sections()}
    given = [kinds[name].model_validate(values) for name, values in config.items()]
    return default_settings(*given, StoreSettings(data=folder / "state"), threads=2)


def test_german_exports_are_mapped_and_run_as_they_are(tmp_path: Path) -> None:
    suggestions, config, written = suggested(tmp_path, bestellungen_2024__csv=ORDERS)
    (item,) = config["data"]["inputs"]
    assert item["columns"] == {
        "customer_id": "Kundennr",
        "order_id": "Rechnungsnr",
        "product_id": "Artikelnr",
        "event_timestamp": "Datum",
        "quantity": "Menge",
        "amount": '"Menge" * "Einzelpreis"',
    }
    assert (item["dates"], item["decimal"]) == (["%d.%m.%Y %H:%M"], ",")
    assert "30 values in 400 rows, such as K0" in written
    assert "QUESTION: in which time zone" in written
    assert suggestions.questions == 0
    assert ingest(settings_from(tmp_path, config), NOW).rows["transactions"] == 400


def test_chinese_exports_in_an_encoding_that_has_to_be_asked_about(tmp_path: Path) -> None:
    rows = "".join(f"王{n % 30},{n},茶{n % 7},2024-{1 + n % 12:02}-03,{1 + n % 3},{n % 9}.5\n" for n in range(400))
    text = "客户编号,订单号,商品编号,日期,数量,金额\n" + rows
    _, config, written = suggested(tmp_path, orders__csv=text.encode("gb18030"))
    (item,) = config["data"]["inputs"]
    assert item["encoding"].replace("_", "-") in {"gb18030", "gbk", "gb2312"}
    assert "QUESTION: Are the texts readable with encoding" in written
    assert "QUESTION: Is 金额 what the whole line came to?" in written
    ingest(settings_from(tmp_path, config), NOW)
    assert set(table(tmp_path, "transactions")["product_id"]) == {f"茶{n}" for n in range(7)}


def test_dates_that_fit_both_ways_are_asked_about(tmp_path: Path) -> None:
    rows = "".join(f"c{n % 9},o{n},p1,{1 + n % 12:02}/{1 + n % 11:02}/2024,1,5\n" for n in range(200))
    _, _, written = suggested(tmp_path, o__csv="customer,order,sku,date,qty,amount\n" + rows)
    assert "day and month could be the other way round" in written


def test_returns_guests_postage_and_equal_lines_are_found(tmp_path: Path) -> None:
    rows = [f"c{n % 40},{n},p{n % 9},2024-{1 + n % 12:02}-03,2,5\n" for n in range(400)]
    rows += [f"c{n},C{n},p1,2024-06-04,-1,5\n" for n in range(8)]
    rows += [",501,p1,2024-06-05,1,5\n", "c1,502,POSTAGE,2024-06-05,1,5\n", rows[0]]
    _, config, written = suggested(tmp_path, o__csv="customer,order,sku,date,qty,unit price\n" + "".join(rows))
    item, goods = config["data"]["inputs"]
    assert item["returns"] == '"qty" < 0 OR "order" LIKE \'C%\''
    assert set(item["skip"]) == {"guest"}
    assert goods["columns"]["active"] == "canonical(\"sku\") NOT IN ('POSTAGE')"
    assert "Are these goods? POSTAGE (POSTAGE: its name, 1 lines)" in written
    assert config["data"]["keys"] == {"transactions": ["*"]}
    assert "1 rows equal another one in every column of the export, 1 of them in another file or far from it" in written
    totals = ingest(settings_from(tmp_path, config), NOW).inputs[0].totals
    assert (totals.kept, totals.returned, totals.merged) == (401, 8, 1)
    assert totals.skipped == {"guest": 1}


def test_tables_are_distinguished(tmp_path: Path) -> None:
    suggestions, config, _ = suggested(
        tmp_path,
        contracts__csv="customer,start date,end date,plan,fee\n"
        + "".join(f"c{n},2024-01-01,2024-02-01,basic,9.9\n" for n in range(50)),
        people__csv="customer,region,Gender,signup date\n"
        + "".join(f"c{n},{'NS'[n % 2]},{'fm'[n % 2]},2023-05-01\n" for n in range(50)),
        goods__csv="sku,name,category\n" + "".join(f"p{n},Thing {n},Things\n" for n in range(20)),
        log__csv="customer,time,event\n" + "".join(f"c{n},2024-01-05 10:00,login\n" for n in range(50)),
        notes__csv="a,b\n1,2\n",
    )
    assert {item["table"] for item in config["data"]["inputs"]} == {
        "subscriptions",
        "customers",
        "products",
        "interactions",
    }
    assert config["churn"]["kind"] == "contractual"
    assert config["customers"]["excluded_attributes"] == ["Gender"]
    assert suggestions.attributes == ["region"]
    assert [name.split(" ")[0] for name in suggestions.unused] == ["notes.csv"]
    events = next(one for one in suggestions.inputs if one.table == "interactions")
    assert "login" in events.questions[0]
    rows = ingest(settings_from(tmp_path, config), NOW).rows
    assert rows == {
        "transactions": 0,
        "products": 20,
        "customers": 50,
        "interactions": 50,
        "subscriptions": 50,
        "assignments": 0,
        "outcomes": 0,
        "labels": 0,
    }


@pytest.mark.parametrize(("name", "yes", "no"), [("is_cancel", "1", "0"), ("Cancelled", "yes", "no")])
def test_rows_that_cancel_are_no_periods(tmp_path: Path, name: str, yes: str, no: str) -> None:
    rows = "".join(f"c{n},2024-01-01,2024-03-01,{no}\n" for n in range(40))
    _, config, _ = suggested(
        tmp_path, contracts__csv=f"customer,start date,end date,{name}\n{rows}c1,2024-02-01,2024-02-01,{yes}\n"
    )
    ingested = ingest(settings_from(tmp_path, config), NOW)
    assert ingested.rows["subscriptions"] == 40
    assert ingested.inputs[0].totals.merged == 1


def test_what_is_missing_is_a_question_and_never_a_guess(tmp_path: Path) -> None:
    rows = "".join(f"c{n % 9},2024-01-{1 + n % 28:02},o{n},{n % 7}.5\n" for n in range(200))
    _, _, written = suggested(tmp_path, o__csv="customer,date,order,amount\n" + rows)
    assert "# QUESTION: No column names the product. Until there is one, all lines are of the product 'all'" in written
    assert "No column says how many pieces a line is of; 1 is taken" in written


def test_a_database_is_looked_at(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/shop.db"
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE orders (customer, order_no, sku, ordered_at TIMESTAMP, qty, price)"))
        for n in range(30):
            connection.execute(text(f"INSERT INTO orders VALUES ('c{n}', {n}, 'p{n % 3}', '2024-01-05', 1, 2.5)"))
    engine.dispose()
    suggestions = suggest_mapping([address], tmp_path / "looked", NOW)
    config = tomllib.loads(as_toml(suggestions))
    (item,) = config["data"]["inputs"]
    assert json.dumps(item["query"]) == json.dumps('SELECT * FROM "orders"')
    assert ingest(settings_from(tmp_path, config), NOW).rows["transactions"] == 30


def test_nothing_to_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Expected exports at"):
        suggest_mapping([str(tmp_path)], tmp_path / "looked", NOW)


def test_names_are_compared_without_signs_and_case() -> None:
    assert likeness("Customer ID", "customer_id") > 0.9
    assert likeness("CustomerID", "customer_id") == likeness("customer_id", "customer_id")
    assert likeness("Stück", "quantity") > 0.8
    assert likeness("Note", "quantity") == 0.0
    assert likeness("INVOICE_DATE", "event_timestamp") > 0.9
    assert 0.5 < likeness("my_order_number", "order_id") < 0.9
    assert likeness("Lineitem price", "unit_price") > 0.9
    # whole words only
    assert likeness("product_name_lenght", "name") == 0.0
    assert likeness("Lineitem compare at price", "unit_price") == 0.0
    assert likeness("shipping_limit_date", "event_timestamp") == 0.0
    assert likeness("Billing Name", "name") == 0.0
    assert is_sensitive("Gender")
    assert not is_sensitive("region")


def test_kkbox_is_contracts_that_cancellations_end_people_and_labels(tmp_path: Path) -> None:
    periods = [
        f"m{n},41,30,149,149,1,{2024}{month:02}01,{2024}{month:02}28,0\n" for n in range(60) for month in range(1, 7)
    ]
    ends = [f"m{n},41,30,149,149,1,20240610,20240610,1\n" for n in range(0, 60, 6)]
    suggestions, config, _ = suggested(
        tmp_path,
        transactions__csv="msno,payment_method_id,payment_plan_days,plan_list_price,actual_amount_paid,is_auto_renew,"
        "transaction_date,membership_expire_date,is_cancel\n" + "".join(periods + ends),
        members__csv="msno,city,bd,gender,registered_via,registration_init_time\n"
        + "".join(f"m{n},{n % 9},{20 + n % 30},{'fm'[n % 2]},{n % 4},20200{1 + n % 9}15\n" for n in range(60)),
        train__csv="msno,is_churn\n" + "".join(f"m{n},{int(n % 6 == 0)}\n" for n in range(60)),
    )
    inputs = {item["table"]: item for item in config["data"]["inputs"]}
    assert set(inputs) == {"subscriptions", "customers", "labels"}
    assert inputs["subscriptions"]["cancels"] == "known(\"is_cancel\") IN ('1')"
    assert inputs["subscriptions"]["columns"]["start_timestamp"] == "transaction_date"
    assert inputs["subscriptions"]["columns"]["end_timestamp"] == "membership_expire_date"
    assert inputs["labels"]["columns"]["churned"] == "known(\"is_churn\") IN ('1')"
    assert config["churn"]["kind"] == "contractual"
    assert config["customers"]["excluded_attributes"] == ["gender"]
    assert "is_churn" not in suggestions.attributes
    rows = ingest(settings_from(tmp_path, config), NOW).rows
    assert (rows["subscriptions"], rows["customers"], rows["labels"]) == (360, 60, 60)


def test_subscriptions_of_stripe_run_on_where_they_have_not_ended(tmp_path: Path) -> None:
    rows = "".join(
        f"sub_{n},cus_{n},a@b.c,Pro,month,19.00,{'canceled' if n % 3 == 0 else 'active'},2024-01-0{1 + n % 9} 10:00,"
        f"{f'2024-05-1{n % 9} 00:00' if n % 3 == 0 else ''},{f'2024-05-2{n % 9} 00:00' if n % 3 == 0 else ''}\n"
        for n in range(60)
    )
    header = "id,Customer ID,Customer Email,Plan,Interval,Amount,Status,Start (UTC),Canceled At (UTC),Ended At (UTC)\n"
    _, config, written = suggested(tmp_path, subscriptions__csv=header + rows)
    (item,) = config["data"]["inputs"]
    assert item["table"] == "subscriptions"
    assert item["columns"]["end_timestamp"] == "Ended At (UTC)"
    assert item["columns"]["cancelled_timestamp"] == "Canceled At (UTC)"
    assert "is blank or far away where a contract runs on" in written
    ingest(settings_from(tmp_path, config), NOW)
    assert table(tmp_path, "subscriptions")["end_timestamp"].isna().sum() == 40


def test_a_label_is_offered_as_such_and_never_as_an_input(tmp_path: Path) -> None:
    rows = "".join(
        f"T{n},{'MF'[n % 2]},{n % 72},{'DSL' if n % 3 else 'Fiber'},{20 + n % 50}.35,{n * 20},"
        f"{'ok' if n % 4 else 'lost'},{'No' if n % 4 else 'Yes'}\n"
        for n in range(200)
    )
    header = "customerID,gender,tenure,InternetService,MonthlyCharges,TotalCharges,CustomerStatus,Churn\n"
    suggestions, config, written = suggested(tmp_path, telco__csv=header + rows)
    assert [item["table"] for item in config["data"]["inputs"]] == ["labels", "customers"]
    assert config["churn"]["kind"] == "labelled"
    assert suggestions.attributes == ["tenure", "InternetService", "MonthlyCharges"]
    assert set(suggestions.outcomes) == {"TotalCharges", "CustomerStatus"}
    assert config["customers"]["excluded_attributes"] == ["gender", "TotalCharges", "CustomerStatus"]
    assert "Does Yes in Churn mean that the customer has left?" in written
    assert "figures are optimistic" in written


def test_an_export_that_fits_no_table_says_what_it_lacks(tmp_path: Path) -> None:
    rows = "".join(f"c{n % 9},2024-01-{1 + n % 28:02}\n" for n in range(100))
    orders = "".join(f"c{n % 9},o{n},p{n % 5},2024-01-{1 + n % 28:02},1,5\n" for n in range(100))
    suggestions, _, _ = suggested(
        tmp_path,
        orders__csv="customer,order,sku,date,qty,amount\n" + orders,
        visits__csv="customer,order,date\n" + rows.replace(",2024", ",o1,2024"),
    )
    (unused,) = suggestions.unused
    found = "found customer_id (customer), order_id (order), event_timestamp (date)"
    assert f"fits no table. Closest is transactions: {found}; not found product_id, quantity, amount" in unused


def test_what_cannot_be_read_is_listed(tmp_path: Path) -> None:
    orders = "customer,order,sku,date,qty,amount\n" + "".join(f"c{n % 9},o{n},p1,2024-01-05,1,5\n" for n in range(50))
    suggestions, _, written = suggested(tmp_path, orders__CSV=orders, notes__pdf="%PDF", empty__csv="")
    assert suggestions.unread == ["empty.csv (empty)", "notes.pdf (no format that is known)"]
    assert "# Not read: notes.pdf (no format that is known)" in written
    assert suggestions.inputs[0].export.item.path == "orders.CSV"


def test_rows_that_would_be_rejected_are_skipped_by_name_with_a_question(tmp_path: Path) -> None:
    rows = "".join(f"c{n % 9},o{n},p1,2024-01-05,1,{'' if n % 3 == 0 else n}\n" for n in range(90))
    _, config, written = suggested(tmp_path, o__csv="customer,order,sku,date,qty,amount\n" + rows)
    (item,) = config["data"]["inputs"]
    assert item["skip"] == {"without_amount": 'number("amount") IS NULL'}
    assert "QUESTION: 30 of 90 rows have no amount that can be read" in written
    assert "# o.csv: 60 of 90 rows become transactions, 30 skipped as without_amount." in written
    totals = ingest(settings_from(tmp_path, config), NOW).inputs[0].totals
    assert (totals.kept, totals.skipped) == (60, {"without_amount": 30})
