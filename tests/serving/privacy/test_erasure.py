"""After an erasure the customer's id is in no file of the data folder."""

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from core.errors import StoreError
from core.jobs import job
from core.settings import Settings, StoreSettings
from features.contract.erased import Erased
from features.erase import REDACTED, erase_quarantined_text
from features.ingest.pipeline import ingest
from features.ingest.quarantine import quarantine_path
from features.ingest.settings import DataSettings, InputSettings
from features.live.log import EventLog
from features.store.feature_store import Store
from features.store.materialized import read_online, rows_directory
from features.store.online import OnlineStore
from serving.campaigns.export import exports_directory
from serving.privacy.receipts import Records, erasure_id_of
from serving.privacy.stores import STORES
from serving.scoring.score_history import COLUMNS, ScoreHistory
from serving.scoring.score_table import ScoreTable
from serving.segments.store import SegmentStore
from serving.settings import DecisionSettings
from tests.conftest import NOW, World, connected, copied, erased
from tests.servers import wait_until

CUSTOMER = "erase-me-7c1f"
OTHER = "keep-me-2b9e"
_LINES = "customer_id,order_id,product_id,event_timestamp,quantity,amount\n" + "".join(
    f"{customer},{customer}-{day},1029743,2017-12-{day:02} 10:00:00,1,2.5\n"
    for customer in (CUSTOMER, OTHER)
    for day in (3, 10, 20)
)
#: One action that everybody may get, and that is worth it for everybody.
_DECISIONS = """
[policy]
holdout = 0
[actions.call]
goal = "cross_sell"
channel = "phone"
cost = 0.1
adds = 0.5
amount = 50
"""
UNFINISHED = {
    ".unfinished-scores.parquet-a/scores.parquet",
    ".unfinished-features-b/features/customer_value.parquet",
    "online/.unfinished-rows-x-c/rows-x/transactions.parquet",
    "audit/.unfinished-audit.jsonl-d/audit.parquet",
}
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
        (tmp_path / "decisions.toml").write_text(_DECISIONS)
        yield settings.replaced(data, DecisionSettings(file=tmp_path / "decisions.toml"))


def populate(settings: Settings, client: TestClient) -> None:
    """Let every store take in two customers, by its own code where that is quick."""
    folder = settings[StoreSettings].data
    last = [sorted(view.glob("*.parquet"))[-1] for view in (folder / "features").iterdir() if view.is_dir()]
    for file in (*last, *folder.glob("online/*/*.parquet")):
        rows = pq.read_table(file)
        if rows.num_rows and "customer_id" in rows.column_names:  # with the types that a materialisation writes
            place, one = rows.column_names.index("customer_id"), rows.slice(0, 1)
            added = [one.set_column(place, "customer_id", pa.array([customer])) for customer in (CUSTOMER, OTHER)]
            pq.write_table(pa.concat_tables([rows, *added]), file)
    for customer in (CUSTOMER, OTHER):
        line = {"product_id": "1029743", "quantity": 1, "amount": 2.5}
        order = {"event_id": f"e-{customer}", "customer_id": customer, "order_id": f"new-{customer}", "lines": [line]}
        assert client.post("/v1/events", json={"events": [{"kind": "purchase", **order}]}).json()["applied"]
        body = {"customer_ids": [customer], "include": ["risk", "reasons", "offers"]}
        assert client.post("/v1/scores", json=body).status_code == 200
    frozen = {"name": "frozen", "kind": "static", "rule": {"column": "baskets_84d", "at_least": 1}}
    assert client.post("/v1/segments", json=frozen).status_code == 201
    shown = [{"customer_id": customer, "products": ["1029743"]} for customer in (CUSTOMER, OTHER)]
    torn = '{"customer_id": "er'  # of a killed process
    (folder / "impressions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in shown) + torn)
    decided = client.post("/v1/decisions", json={"everyone": True, "limit": 0})
    assert decided.status_code == 200, decided.text
    _contact_everybody(settings, client)
    lists = pd.DataFrame({"customer_id": [CUSTOMER, OTHER], "risk": [0.5, 0.4], "reason_1": ["a, b", "c"]})
    lists.to_parquet(folder / "scores.parquet", index=False)
    lists.to_csv(folder / "scores.csv", index=False, encoding="utf-8-sig")
    record = lists.reindex(columns=list(COLUMNS)).assign(value_at_risk=[2.0, 1.0])
    ScoreHistory(settings).write(record, NOW, NOW, ["encore-churn/1"], later=False)
    (folder / "check.html").write_text(f"<p>Customer {CUSTOMER} has 12 % of all orders</p>")
    for unfinished in UNFINISHED:  # of killed commands
        (folder / unfinished).parent.mkdir(parents=True)
        lists.to_parquet(folder / unfinished, index=False)


def _contact_everybody(settings: Settings, client: TestClient) -> None:
    """Run a campaign whose contacts are exported to a file below the data."""
    around = {"starts": (NOW - timedelta(days=1)).isoformat(), "ends": (NOW + timedelta(days=1)).isoformat()}
    asked = {"name": "spring", "actions": ["call"], "holdout": 0.01, **around}
    assert client.post("/v1/campaigns", json=asked).status_code == 201
    assert client.post("/v1/campaigns/spring/start").status_code == 200
    exported = client.post("/v1/campaigns/spring/export", json={"channel": "phone"})
    assert exported.status_code == 200, exported.text
    listed = client.get(f"/v1/campaigns/spring/exports/{exported.json()['export']['id']}")
    directory = exports_directory(settings[StoreSettings])
    directory.mkdir(parents=True)
    (directory / "spring-phone.csv").write_bytes(listed.content)


def holders(folder: Path, customer: str) -> set[str]:
    """Return the files below a folder that have a customer's id in them, in any case, compressed or not."""
    named = customer.lower().encode()
    holding = set()
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        try:
            content = file.read_bytes()
        except FileNotFoundError:  # SQLite removes the journal of the online store after each transaction
            assert file.name.endswith("-journal"), file
            continue
        if named in content.lower() or (file.suffix == ".parquet" and in_rows(file, customer)):
            holding.add(file.relative_to(folder).as_posix())
    return holding


def in_rows(file: Path, customer: str) -> bool:
    """Return whether a text of a Parquet file has a customer's id in it, in any case."""
    columns = list(pq.read_table(file).columns)
    while columns:
        values = columns.pop()
        if pa.types.is_struct(values.type):
            columns += [pc.struct_field(values, place) for place in range(values.type.num_fields)]
        elif pa.types.is_list(values.type):
            columns.append(pc.list_flatten(values))
        elif pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            if pc.any(pc.match_substring(values, customer, ignore_case=True)).as_py():
                return True
        else:
            assert pa.types.is_primitive(values.type) or pa.types.is_null(values.type), values.type
    return False


def test_no_file_below_the_data_names_an_erased_customer(settings: Settings) -> None:
    ingest(settings, NOW)
    folder = settings[StoreSettings].data
    with connected(settings) as client:
        populate(settings, client)
        assert {
            "contract/transactions.parquet",
            "quarantine.parquet",
            "events.db-wal",
            "online.db",
            "scores.parquet",
            "scores.csv",
            "check.html",
            "assignments/spring.parquet",
            "exports/spring-phone.csv",
            "impressions.jsonl",
            "audit/audit.jsonl",
            *UNFINISHED,
        } <= holders(folder, CUSTOMER)
        assert any(file.startswith("segments/") for file in holders(folder, CUSTOMER))
        assert any(file.startswith("features/customer_activity/") for file in holders(folder, CUSTOMER))
        assert any(file.startswith("online/") for file in holders(folder, CUSTOMER))
        assert any(file.startswith("customer_segments.db") for file in holders(folder, CUSTOMER))
        assert any(file.startswith("campaigns.db") for file in holders(folder, CUSTOMER))
        assert any(file.startswith("decisions/") for file in holders(folder, CUSTOMER))
        assert any(file.startswith("history/") for file in holders(folder, CUSTOMER))
        kept = holders(folder, OTHER)

        receipt = erased(client, CUSTOMER)

        assert holders(folder, CUSTOMER) == set()
        removed = {one["place"]: one["count"] for one in receipt["removed"]}
        assert list(removed) == [one.name for one in STORES if one.erase is not None]
        assert removed["quarantine"] == 2
        assert removed["exported lists"] == 2
        assert removed["unfinished files"] == len(UNFINISHED)
        assert all(count > 0 for count in removed.values()), removed
        assert receipt["remains"] == [one.remains for one in STORES if isinstance(one.remains, str)]
        logs = {"events.db-wal", "scores.db-wal", "answers.db-wal", "customer_segments.db-wal", "campaigns.db-wal"}
        assert kept - UNFINISHED - logs <= holders(folder, OTHER)
        assert client.get(f"/v1/customers/{OTHER}/risk").status_code == 200


def test_quarantined_lines_stay_countable(settings: Settings) -> None:
    ingest(settings, NOW)
    with connected(settings) as client:
        receipt = erased(client, CUSTOMER)
        once_more = client.delete(f"/v1/customers/{CUSTOMER}")
    lines = pd.read_parquet(quarantine_path(settings[StoreSettings]))
    assert (lines["text"] == REDACTED).sum() == 2
    assert lines[lines["text"].str.contains(OTHER)]["rule"].tolist() == ["missing event_timestamp"]
    assert (once_more.status_code, once_more.json()) == (200, receipt)


def test_exported_lists_keep_the_other_customers(settings: Settings) -> None:
    with connected(settings) as client:
        folder = settings[StoreSettings].data
        before = "customer_id,risk,reason_1\r\n" + f'{CUSTOMER},0.5,"a, b"\r\n{OTHER},0.4,"c ""d"", e"\r\n'
        (folder / "tonight.csv").write_bytes(before.encode("utf-8-sig"))
        (folder / "other.csv").write_text(f"name\n{OTHER}\n")
        event = {"kind": "visit", "event_id": "v", "customer_id": CUSTOMER, "value": 3}
        client.post("/v1/events", json={"events": [event]})
        erased(client, CUSTOMER)
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


def test_an_erasure_waits_for_a_job_and_says_so_while_nothing_is_answered(settings: Settings) -> None:
    ingest(settings, NOW)
    with connected(settings) as client:
        populate(settings, client)
        stores = settings[StoreSettings]
        with job(stores, "`encore score`", alone=False):
            began = client.delete(f"/v1/customers/{CUSTOMER}")
            assert (began.status_code, began.json()["status"]) == (202, "running")
            removed = {one["place"]: one["count"] for one in began.json()["removed"]}
            assert set(removed) == {
                *("event log", "online store", "score table", "customer segments", "campaigns", "answer log")
            }
            assert all(removed.values())
            assert client.get(f"/v1/customers/{CUSTOMER}/risk").status_code == 404
            assert "contract/transactions.parquet" in holders(stores.data, CUSTOMER)
            wait_until(lambda: client.get(began.headers["location"]).json()["waits_for"], stores.data, seconds=20)
            waiting = client.get(began.headers["location"]).json()
            assert "in use by `encore score` (since" in waiting["waits_for"]
            # events continue, those of the customer too, and are made of nothing from before
            for customer in (OTHER, CUSTOMER):
                visit = {"kind": "visit", "event_id": f"v-{customer}", "customer_id": customer, "value": 3}
                assert client.post("/v1/events", json={"events": [visit]}).json()["applied"]
            body = {"customer_ids": [CUSTOMER, OTHER], "include": ["profile"]}
            back, other = client.post("/v1/scores", json=body).json()["scores"]
            assert back["profile"]["profile"]["baskets_84d"] in {0, None}
            assert other["profile"]["profile"]["baskets_84d"] > 0
        wait_until(lambda: client.get(began.headers["location"]).json()["status"] == "done", stores.data, seconds=60)
        # by the event since then
        now = {"events.db", "events.db-wal", "online.db", "scores.db", "scores.db-wal", "audit/audit.jsonl"}
        assert holders(stores.data, CUSTOMER) <= now
        assert client.post("/v1/scores", json=body).json()["scores"][0]["profile"]["status"] == "ok"


def test_several_at_once_wait_their_turn(settings: Settings) -> None:
    with connected(settings) as client:
        customers = ["6", "12", "18", "24"]
        with ThreadPoolExecutor(4) as pool:
            receipts = list(pool.map(lambda customer: erased(client, customer), customers))
        assert all(sum(one["count"] for one in receipt["removed"]) for receipt in receipts)
        assert len({receipt["erasure_id"] for receipt in receipts}) == len(customers)
        assert len(Erased(settings[StoreSettings]).read()) == len(customers)
        assert not Erased(settings[StoreSettings]).open()


@pytest.mark.parametrize(
    ("broken", "method"),
    [
        (Erased, "add"),
        (EventLog, "erase"),
        (OnlineStore, "erase"),
        (ScoreTable, "erase"),
        (SegmentStore, "erase"),
        (Records, "write"),
    ],
)
@pytest.mark.parametrize("error", [StoreError("It does not answer.", "Wait."), RuntimeError("a fault")])
def test_an_erasure_that_fails_at_any_step_is_completed(
    broken: type, method: str, error: Exception, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = settings[StoreSettings].data
    right = getattr(broken, method)
    calls: list[int] = []

    def fails_once(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == (2 if broken is Records else 1):  # what begins an erasure is written first
            raise error
        return right(*arguments)

    with connected(settings) as client:
        event = {"kind": "visit", "event_id": "v", "customer_id": "6", "value": 3}
        client.post("/v1/events", json={"events": [event]})
        monkeypatch.setattr(broken, method, fails_once)
        assert client.delete("/v1/customers/6").status_code in {500, 503}
        location = f"/v1/erasures/{erasure_id_of('6')}"
        wait_until(lambda: client.get(location).json()["status"] == "done", folder, seconds=60)
        receipt = client.get(location).json()
        # what was counted and could not be written down is not counted again
        counts = {0, 1} if broken is Records else {1}
        assert {one["place"]: one["count"] for one in receipt["removed"]}["event log"] in counts
        assert client.get("/v1/customers/6/risk").status_code == 404
    assert not EventLog(settings[StoreSettings]).of(["6"])
    assert len(Erased(settings[StoreSettings]).read()) == 1


def test_a_materialisation_meanwhile_does_not_bring_a_customer_back(settings: Settings) -> None:
    stores = settings[StoreSettings]
    with connected(settings) as client:
        with job(stores, "`encore features materialize`", alone=False):
            assert client.delete("/v1/customers/6").status_code == 202
            before = read_online(stores).fingerprint
            (stores.data / "online.db").unlink()
            assert Store(settings).materialize()
            reloader = client.app.state.encore.reloader  # type: ignore[attr-defined]
            wait_until(lambda: reloader.online.fingerprint != before, stores.data)
            assert client.get("/v1/customers/6/risk").status_code == 404
            assert client.get("/v1/customers/12/risk").status_code == 200
        rows = rows_directory(stores, read_online(stores).fingerprint)
        assert "6" not in set(pd.read_parquet(rows / "transactions.parquet")["customer_id"])


def test_an_erasure_is_completed_where_another_process_was_killed(settings: Settings) -> None:
    folder = settings[StoreSettings].data
    with connected(settings) as client:
        with job(settings[StoreSettings], "`encore score`", alone=False):
            client.delete("/v1/customers/6")
            client.app.state.encore.erasures.stop()  # type: ignore[attr-defined]
        (record,) = (folder / "erasures").glob("*.json")
        assert json.loads(record.read_text())["customer_id"] == "6"
    with connected(settings) as client:
        location = f"/v1/erasures/{record.stem}"
        wait_until(lambda: client.get(location).json()["status"] == "done", folder, seconds=60)
    assert json.loads(record.read_text())["customer_id"] is None
    assert "6" not in pd.read_parquet(folder / "contract/transactions.parquet")["customer_id"].to_numpy()


@pytest.mark.parametrize("mistyped", ["6/", "6/risk", "06", "\N{FULLWIDTH DIGIT SIX}", "6."])
def test_a_mistyped_id_is_refused_with_the_nearest_one(client: TestClient, mistyped: str) -> None:
    refused = client.delete(f"/v1/customers/{quote(mistyped)}")
    assert (refused.status_code, refused.json()["type"]) == (404, "urn:encore:unknown-customer")
    assert "Nothing was erased." in refused.json()["detail"]
    assert "Did you mean '6'?" in refused.json()["detail"]


def test_an_unknown_erasure_is_not_found(client: TestClient) -> None:
    for erasure in ("abc", "..%2Fkeys", "a" * 300, "\N{DEVANAGARI DIGIT ONE}" * 32):
        assert client.get(f"/v1/erasures/{erasure}").status_code == 404
