"""After an erasure the customer's id is in no file of the data folder."""

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from core.locks import job
from core.settings import Settings, StoreSettings
from features.erase import REDACTED, erase_quarantined_text
from features.ingest.pipeline import ingest
from features.ingest.quarantine import quarantine_path
from features.ingest.settings import DataSettings, InputSettings
from serving.privacy.stores import STORES
from tests.conftest import NOW, World, connected, copied

CUSTOMER = "erase-me-7c1f"
OTHER = "keep-me-2b9e"
_LINES = "customer_id,order_id,product_id,event_timestamp,quantity,amount\n" + "".join(
    f"{customer},{customer}-{day},1029743,2017-12-{day:02} 10:00:00,1,2.5\n"
    for customer in (CUSTOMER, OTHER)
    for day in (3, 10, 20)
)
#: Lines that ingestion rejects: one without a readable amount, one without a moment, one with too many columns.
_REJECTED = (
    f"{CUSTOMER},o1,1029743,2017-12-21 10:00:00,1,free\n"
    f"{OTHER},o2,1029743,,1,2.5\n"
    f"{CUSTOMER.upper()},o3,1029743,2017-12-21,1,2.5,{CUSTOMER},more\n"
)


@pytest.fixture
def settings(world: World, tmp_path: Path) -> Any:
    """A folder in which every store has rows of the customer."""
    with copied(world, tmp_path) as settings:
        (tmp_path / "phone.csv").write_text(_LINES + _REJECTED)
        data = settings[DataSettings]
        phone = InputSettings(table="transactions", path=str(tmp_path / "phone.csv"))
        data = data.model_copy(update={"inputs": (*data.inputs, phone), "max_rejected_share": 0.9})
        yield settings.replaced(data)


def populate(settings: Settings, client: TestClient) -> None:
    """Let every store take in two customers, by its own code where that is quick."""
    folder = settings[StoreSettings].data
    for file in (*folder.glob("features/*.parquet"), *folder.glob("online/*/*.parquet")):
        rows = pd.read_parquet(file)
        if "customer_id" in rows:  # as a build and a materialisation write them
            added = [rows.head(1).assign(customer_id=customer) for customer in (CUSTOMER, OTHER)]
            pd.concat([rows, *added]).to_parquet(file, index=False)
    for customer in (CUSTOMER, OTHER):
        line = {"product_id": "1029743", "quantity": 1, "amount": 2.5}
        order = {"event_id": f"e-{customer}", "customer_id": customer, "order_id": f"new-{customer}", "lines": [line]}
        assert client.post("/v1/events", json={"events": [{"kind": "purchase", **order}]}).json()["applied"]
        body = {"customer_ids": [customer], "include": ["risk", "reasons", "offers"]}
        assert client.post("/v1/scores", json=body).status_code == 200
    shown = [{"customer_id": customer, "products": ["1029743"]} for customer in (CUSTOMER, OTHER)]
    (folder / "impressions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in shown))
    lists = pd.DataFrame({"customer_id": [CUSTOMER, OTHER], "risk": [0.5, 0.4], "reason_1": ["a, b", "c"]})
    lists.to_parquet(folder / "scores.parquet", index=False)
    lists.to_csv(folder / "scores.csv", index=False, encoding="utf-8-sig")
    lists.to_parquet(folder / ".scores.parquet", index=False)  # of a killed `encore score`
    (folder / "check.html").write_text(f"<p>Customer {CUSTOMER} has 12 % of all orders</p>")
    killed = folder / ".features-99999999-abc"
    killed.mkdir()
    lists.to_parquet(killed / "customer_value.parquet", index=False)


def holders(folder: Path, customer: str) -> set[str]:
    """Return the files below a folder that have a customer's id in them, in any case, compressed or not."""
    named = customer.lower().encode()
    holding = set()
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        content = file.read_bytes().lower()
        if file.suffix in {".parquet", ".pq"}:
            content += str(pq.read_table(file).to_pylist()).lower().encode()
        if named in content:
            holding.add(file.relative_to(folder).as_posix())
    return holding


def test_no_file_below_the_data_names_an_erased_customer(settings: Settings) -> None:
    ingest(settings, NOW)
    folder = settings[StoreSettings].data
    with connected(settings) as client:
        populate(settings, client)
        assert {
            "contract/transactions.parquet",
            "quarantine.parquet",
            "events.db-wal",
            "features/customer_activity.parquet",
            "online.db",
            "scores.parquet",
            "scores.csv",
            ".scores.parquet",
            "check.html",
            "impressions.jsonl",
            "audit/audit.jsonl",
            ".features-99999999-abc/customer_value.parquet",
        } <= holders(folder, CUSTOMER)
        assert any(file.startswith("segments/") for file in holders(folder, CUSTOMER))
        assert any(file.startswith("online/") for file in holders(folder, CUSTOMER))
        kept = holders(folder, OTHER)

        receipt = client.delete(f"/v1/customers/{CUSTOMER}").json()

        assert holders(folder, CUSTOMER) == set()
        removed = {one["place"]: one["count"] for one in receipt["removed"]}
        assert list(removed) == [one.name for one in STORES if one.erase is not None]
        assert removed["quarantine"] == 2
        assert removed["exported lists"] == 2
        assert removed["unfinished files"] == 2
        assert all(count > 0 for count in removed.values()), removed
        assert receipt["remains"] == [one.remains for one in STORES if one.remains is not None]
        unfinished = {".scores.parquet", ".features-99999999-abc/customer_value.parquet"}
        assert kept - unfinished - {"events.db-wal", "scores.db-wal"} <= holders(folder, OTHER)
        assert client.get(f"/v1/customers/{OTHER}/risk").status_code == 200


def test_quarantined_lines_stay_countable(settings: Settings) -> None:
    ingest(settings, NOW)
    with connected(settings) as client:
        client.delete(f"/v1/customers/{CUSTOMER}")
        once_more = client.delete(f"/v1/customers/{CUSTOMER}").json()
    lines = pd.read_parquet(quarantine_path(settings[StoreSettings]))
    assert (lines["text"] == REDACTED).sum() == 2
    assert lines[lines["text"].str.contains(OTHER)]["rule"].tolist() == ["missing event_timestamp"]
    assert {one["count"] for one in once_more["removed"]} == {0}


def test_exported_lists_keep_the_other_customers(settings: Settings) -> None:
    with connected(settings) as client:
        folder = settings[StoreSettings].data
        before = "customer_id,risk,reason_1\r\n" + f'{CUSTOMER},0.5,"a, b"\r\n{OTHER},0.4,"c ""d"", e"\r\n'
        (folder / "tonight.csv").write_bytes(before.encode("utf-8-sig"))
        (folder / "other.csv").write_text(f"name\n{OTHER}\n")
        client.delete(f"/v1/customers/{CUSTOMER}")
        with (folder / "tonight.csv").open(encoding="utf-8-sig", newline="") as file:
            assert list(csv.reader(file)) == [["customer_id", "risk", "reason_1"], [OTHER, "0.4", 'c "d", e']]
        assert (folder / "other.csv").read_text() == f"name\n{OTHER}\n"


@pytest.mark.parametrize(
    ("customer", "text", "named"),
    [
        ("12", "12,a,b", True),
        ("12", 'x;"12";y', True),
        ("12", '{"customer": 12, "n": 1}', True),
        ("12", "Customer 12.", True),
        ("12", "a,12.50,2018-01-12,112,12:30:00,id_12", False),
        ("a+b (c)", "1,A+B (C),2", True),
        ("客户7", "订单,客户7,1", True),
    ],
)
def test_which_lines_name_a_customer(customer: str, text: str, named: bool, tmp_path: Path) -> None:
    stores = StoreSettings(data=tmp_path)
    pd.DataFrame({"text": [text], "rule": ["missing order_id"]}).to_parquet(quarantine_path(stores), index=False)
    assert erase_quarantined_text(Settings(stores), customer) == int(named)
    assert pd.read_parquet(quarantine_path(stores))["text"].tolist() == [REDACTED if named else text]


def test_nobody_is_erased_while_a_list_is_written(settings: Settings) -> None:
    with connected(settings) as client, job(settings[StoreSettings]):
        assert client.delete(f"/v1/customers/{CUSTOMER}").status_code == 503
