"""Events through the API: kept before they are acknowledged, and known on the very next call."""

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from features.config import Settings
from features.errors import StoreError
from features.ingest.erased import Erased
from features.ingest.pipeline import ingest
from features.live.event import READER
from features.store import Store
from serving.live import Live
from tests.conftest import NOW, World, connected, copied

CUSTOMER = "12"


@pytest.fixture
def settings(world: World, tmp_path: Path) -> Iterator[Settings]:
    with copied(world, tmp_path) as settings:
        yield settings


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with connected(settings) as client:
        yield client


def purchase(number: int, customer: str = CUSTOMER, product: str = "1029743", **more: Any) -> dict[str, Any]:
    lines = [{"product_id": product, "quantity": 1, "amount": 2.5}]
    order = {"event_id": f"e{number}", "customer_id": customer, "order_id": f"o{number}", "lines": lines}
    return {"kind": "purchase", **order, **more}


def send(client: TestClient, *events: dict[str, Any]) -> Any:
    answer = client.post("/v1/events", json={"events": list(events)})
    assert answer.status_code == 200, answer.text
    return answer.json()


def score(client: TestClient, customer: str = CUSTOMER, *include: str) -> Any:
    asked = {"customer_ids": [customer], "include": include or ["risk", "reasons", "offers"]}
    (found,) = client.post("/v1/scores", json=asked).json()["scores"]
    return found


def test_the_next_answer_knows_what_was_just_bought(client: TestClient) -> None:
    before = score(client)
    assert score(client) | {"computed": "now"} == before
    assert score(client)["computed"] == "materialised"
    offered = before["offers"]["offers"][0]["product_id"]
    told = send(client, purchase(1, product=offered))
    assert told == {"events": [{"event_id": "e1", "outcome": "accepted"}], "applied": True}
    after = score(client)
    assert after["computed"] == "now"
    assert after["as_of"] > before["as_of"]
    assert after["risk"] != before["risk"]
    assert offered not in {offer["product_id"] for offer in after["offers"]["offers"]}
    assert score(client)["computed"] == "materialised"  # until the next event


def test_a_silent_customer_who_buys_is_silent_no_more(client: TestClient, settings: Settings) -> None:
    customers = pd.read_parquet(settings.stores.data / "features/customer_activity.parquet")["customer_id"].unique()
    asked = {"customer_ids": customers.tolist(), "include": ["reasons"]}
    scores = client.post("/v1/scores", json=asked).json()["scores"]
    silent = [one["customer_id"] for one in scores if "long_silence" in findings(one)]
    assert len(silent) > 5
    for number, customer in enumerate(silent[:5]):
        before = score(client, customer)["risk"]
        send(client, purchase(number, customer))
        after = score(client, customer)
        assert "long_silence" not in findings(after)
        assert after["risk"] < before


def findings(one: dict[str, Any]) -> set[str]:
    return {reason["finding"] for reason in one["reasons"]}


def test_a_new_customer_is_known_after_the_first_event(client: TestClient) -> None:
    path = "/v1/customers/brand-new/risk"
    assert client.get(path).status_code == 404
    send(client, purchase(1, "brand-new"))
    assert client.get(path).json()["tier"] in {"high", "medium", "low"}
    assert client.get("/v1/customers/brand-new/offers").json()["offers"]


def test_withdrawn_consent_ends_offers_at_once(client: TestClient) -> None:
    assert client.get(f"/v1/customers/{CUSTOMER}/offers").json()["offers"]
    send(client, {"event_id": "c1", "customer_id": CUSTOMER, "kind": "consent", "value": 0})
    withdrawn = client.get(f"/v1/customers/{CUSTOMER}/offers").json()
    assert (withdrawn["offers"], withdrawn["withheld"]) == ([], "consent")
    send(client, {"event_id": "c2", "customer_id": CUSTOMER, "kind": "consent", "value": 1})
    assert client.get(f"/v1/customers/{CUSTOMER}/offers").json()["offers"]


def test_sent_again_is_applied_once(client: TestClient) -> None:
    send(client, purchase(1), purchase(2, "18"))
    first = score(client, CUSTOMER, "profile")["profile"]["baskets_7d"]
    again = send(client, purchase(1), purchase(1, "18"), purchase(3))
    assert [one["outcome"] for one in again["events"]] == ["duplicate", "conflict", "accepted"]
    assert score(client, CUSTOMER, "profile")["profile"]["baskets_7d"] == first + 1


def test_what_has_not_happened_yet_is_refused_and_nothing_kept(client: TestClient) -> None:
    late = (NOW + timedelta(days=30)).isoformat()
    refused = client.post("/v1/events", json={"events": [purchase(1), purchase(2, event_timestamp=late)]})
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:encore:future-event")
    assert "time.as_of" in refused.json()["detail"]
    assert send(client, purchase(1))["events"][0]["outcome"] == "accepted"


def test_events_that_a_store_could_not_take_are_applied_later(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = score(client)

    def away(*_: object) -> None:
        raise StoreError("The online store does not answer.", "Check it.")

    with monkeypatch.context() as broken:
        broken.setattr(Store, "push", away)
        assert send(client, purchase(1)) == {"events": [{"event_id": "e1", "outcome": "accepted"}], "applied": False}
        assert score(client)["risk"] == before["risk"]
    client.app.state.encore.ready.live.catch_up()  # type: ignore[attr-defined]
    assert score(client)["risk"] != before["risk"]


def test_another_worker_applies_what_a_dead_one_had_acknowledged(settings: Settings) -> None:
    with connected(settings) as client:
        before = score(client)
        live: Live = client.app.state.encore.ready.live  # type: ignore[attr-defined]
        with pytest.MonkeyPatch.context() as dead:
            dead.setattr(Live, "catch_up", lambda _: None)
            assert not live.take([_read(purchase(1))]).applied
    with connected(settings) as client:
        client.app.state.encore.ready.live.catch_up()  # type: ignore[attr-defined]
        assert score(client)["risk"] != before["risk"]


def _read(event: dict[str, Any]) -> Any:
    return READER.validate_python(event)


def test_a_materialisation_without_the_events_is_followed_by_them(settings: Settings) -> None:
    with connected(settings) as client:
        send(client, purchase(1))
        known = score(client)
    (settings.stores.data / "online/stamp.json").unlink()
    Store(settings).materialize()  # of features that were built before the event
    with connected(settings) as client:
        client.app.state.encore.ready.live.catch_up()  # type: ignore[attr-defined]
        again = score(client)
        assert again["as_of"] >= known["as_of"]
        assert again["risk"] == pytest.approx(known["risk"], abs=1e-3)


def test_when_the_store_is_away_the_last_scores_are_stale(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    known = score(client, CUSTOMER, "risk", "reasons")

    def away(*_: object) -> None:
        raise StoreError("The online store does not answer.", "Check it.")

    monkeypatch.setattr(Store, "vectors", away)
    asked = {"customer_ids": [CUSTOMER, "18"], "include": ["risk", "reasons", "offers"], "live": True}
    answer = client.post("/v1/scores", json=asked)
    assert answer.status_code == 200
    (stale,) = answer.json()["scores"]
    assert (stale["stale"], stale["computed"], stale["risk"]) == (True, "materialised", known["risk"])
    assert "offers" not in stale
    assert answer.json()["unavailable"] == ["18"]
    alone = client.post("/v1/scores", json={**asked, "customer_ids": ["18"]})
    assert (alone.status_code, alone.json()["type"]) == (503, "urn:encore:unavailable")
    assert "metrics" not in alone.json()
    assert 'encore_scores_total{computed="stale"}' in client.get("/metrics").text


def test_an_audit_log_that_cannot_be_written_ends_answers(client: TestClient, settings: Settings) -> None:
    audit = settings.stores.data / "audit"
    assert client.get(f"/v1/customers/{CUSTOMER}/risk").status_code == 200
    log = client.app.state.encore.audit  # type: ignore[attr-defined]
    os.close(log._file)
    (audit / "audit.jsonl").unlink()
    (audit / "audit.jsonl").mkdir()
    log._file = None
    refused = client.get(f"/v1/customers/{CUSTOMER}/risk")
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:encore:unavailable")
    assert "audit log" in refused.json()["detail"]


def test_an_erased_customer_is_gone_everywhere(client: TestClient, settings: Settings) -> None:
    send(client, purchase(1), purchase(2, "18"))
    score(client)
    receipt = client.delete(f"/v1/customers/{CUSTOMER}")
    assert receipt.status_code == 200, receipt.text
    removed = {one["place"]: one["count"] for one in receipt.json()["removed"]}
    assert removed["event log"] == 1
    places = {"online store", "score cache", "contract tables", "segments", "features", "audit log"}
    assert all(removed[place] > 0 for place in places), removed
    assert any("next training run" in line for line in receipt.json()["remains"])
    assert client.get(f"/v1/customers/{CUSTOMER}/risk").status_code == 404
    assert client.get(f"/v1/customers/{CUSTOMER}/offers").status_code == 404
    entries = [json.loads(line) for line in (settings.stores.data / "audit/audit.jsonl").read_text().splitlines()]
    before = [entry for entry in entries if entry["route"].startswith("POST")]
    assert CUSTOMER not in {name for entry in before for name in entry["customers"]}
    assert send(client, purchase(1))["events"][0]["outcome"] == "duplicate"
    assert client.get("/v1/customers/18/risk").status_code == 200

    # the exports still name them; only what happens from now on is taken in
    back = (NOW + timedelta(days=1)).isoformat()
    send(client, purchase(3, event_timestamp=back))
    ingest(settings, NOW + timedelta(days=2), afresh=True)
    for table in ("transactions", "interactions", "customers"):
        rows = pd.read_parquet(settings.stores.data / f"contract/{table}.parquet")
        mine = rows[rows["customer_id"] == CUSTOMER]
        assert len(mine) == (1 if table == "transactions" else 0)
    assert len(Erased(settings.stores).read()) == 1
    nothing = client.delete("/v1/customers/nobody").json()
    assert {one["count"] for one in nothing["removed"]} == {0}
