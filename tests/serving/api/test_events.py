"""Events through the API: kept before they are acknowledged, and known on the very next call."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from core.errors import StoreError
from core.settings import Settings, StoreSettings
from features.contract.erased import Erased
from features.contract.events import event_reader
from features.ingest.pipeline import ingest
from features.store.feature_store import Store
from features.store.online import OnlineStore
from serving.explain.playbook import load_playbook
from serving.scoring.intake import EventIntake
from serving.scoring.reloader import ModelReloader
from serving.scoring.score_table import ScoreTable
from serving.settings import ServingSettings
from tests.conftest import NOW, World, connected, copied, erased
from tests.servers import wait_until
from training.churn.labels import active_customers

CUSTOMER = "12"
#: The moment of the world's features.
LAST = datetime(2018, 1, 2, tzinfo=UTC)


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
    body = {"customer_ids": [customer], "include": include or ["risk", "reasons", "offers"]}
    (scored,) = client.post("/v1/scores", json=body).json()["scores"]
    return scored


def test_the_next_answer_knows_what_was_just_bought(client: TestClient) -> None:
    before = score(client)
    assert score(client) | {"computed": "now"} == before
    assert score(client)["computed"] == "materialised"
    offered = before["offers"]["offers"][0]["product_id"]
    receipt = send(client, purchase(1, product=offered))
    assert receipt == {"events": [{"event_id": "e1", "outcome": "accepted"}], "applied": True}
    after = score(client)
    assert after["computed"] == "now"
    assert after["as_of"] > before["as_of"]
    assert after["risk"]["risk"] != before["risk"]["risk"]
    assert offered not in {offer["product_id"] for offer in after["offers"]["offers"]}
    assert score(client)["computed"] == "materialised"  # until the next event


def test_a_silent_customer_who_buys_is_silent_no_more(client: TestClient, settings: Settings) -> None:
    customers = pd.read_parquet(settings[StoreSettings].data / "features/customer_activity")["customer_id"].unique()
    body = {"customer_ids": customers.tolist(), "include": ["reasons"]}
    scores = client.post("/v1/scores", json=body).json()["scores"]
    absent = {"long_silence", "buys_less", "buys_less_often"}
    silent = [one["customer_id"] for one in scores if absent & findings(one)]
    assert len(silent) > 5
    for number, customer in enumerate(silent[:5]):
        before = score(client, customer, "risk", "reasons")["risk"]["risk"]
        send(client, purchase(number, customer))
        after = score(client, customer)
        assert "long_silence" not in findings(after)
        assert not any("No purchases in the last" in reason["text"] for reason in after["reasons"]["reasons"])
        assert after["risk"]["risk"] < before


def findings(one: dict[str, Any]) -> set[str]:
    return {reason["finding"] for reason in one["reasons"]["reasons"]}


def test_a_purchase_moves_stage_score_and_next_order_at_once(client: TestClient, settings: Settings) -> None:
    customers = pd.read_parquet(settings[StoreSettings].data / "features/customer_activity")["customer_id"].unique()
    body = {"customer_ids": customers.tolist(), "include": ["value", "segments"]}
    scores = client.post("/v1/scores", json=body).json()["scores"]
    away = [one for one in scores if one["segments"]["stage"]["name"] in {"lapsed", "lost"}]
    assert len(away) > 5
    moved = []
    for number, before in enumerate(away[:5]):
        customer = before["customer_id"]
        assert before["segments"]["rfm"]["recency"] < 5
        send(client, purchase(number, customer))
        after = score(client, customer, "value", "segments")
        assert after["computed"] == "now"
        assert after["segments"]["rfm"]["recency"] == 5
        assert after["segments"]["stage"]["name"] in {"won_back", "new"}
        if before["segments"]["ladder"]["name"] != "first_purchase":  # of one purchase nobody has left, to BG/NBD
            assert after["value"]["alive"] > before["value"]["alive"]
        assert after["value"]["amount"]["value"] > before["value"]["amount"]["value"]
        moved.append(after["value"]["next_order"] != before["value"]["next_order"])
    assert any(moved)


def test_a_new_customer_is_known_after_the_first_event(client: TestClient) -> None:
    path = "/v1/customers/brand-new/risk"
    assert client.get(path).status_code == 404
    send(client, purchase(1, "brand-new"))
    assert client.get(path).json()["risk"]["tier"] == "new"
    assert client.get("/v1/customers/brand-new/offers").json()["offers"]["offers"]


def test_withdrawn_consent_ends_offers_at_once(client: TestClient) -> None:
    assert client.get(f"/v1/customers/{CUSTOMER}/offers").json()["offers"]["offers"]
    send(client, {"event_id": "c1", "customer_id": CUSTOMER, "kind": "consent", "value": 0})
    withdrawn = client.get(f"/v1/customers/{CUSTOMER}/offers").json()
    assert (withdrawn["offers"]["offers"], withdrawn["offers"]["status"]) == ([], "withheld")
    send(client, {"event_id": "c2", "customer_id": CUSTOMER, "kind": "consent", "value": 1})
    assert client.get(f"/v1/customers/{CUSTOMER}/offers").json()["offers"]["offers"]


def test_withdrawn_consent_ends_marketing_at_once(client: TestClient, settings: Settings) -> None:
    asked = active_customers(settings, LAST)
    body = {"customer_ids": asked, "include": ["action"]}
    scores = client.post("/v1/scores", json=body).json()["scores"]
    customer = next(one["customer_id"] for one in scores if not withheld(one))
    send(client, {"event_id": "m1", "customer_id": customer, "kind": "consent", "value": 0})
    assert withheld(score(client, customer, "action"))
    rules = settings[ServingSettings].model_copy(update={"rules": Path("broken.toml")})
    Path("broken.toml").write_text("[block]\nproducts = 3\n")
    with connected(settings.replaced(rules)) as without_offers:
        assert score(without_offers, customer, "offers")["offers"]["status"] == "unavailable"
        assert withheld(score(without_offers, customer, "action"))


def withheld(scored: dict[str, Any]) -> bool:
    """Tell whether a customer gets no action that is marketing."""
    now, then = (scored["action"][name] for name in ("now", "then"))
    return not any(one and one["finding"] not in load_playbook(None).policy.service for one in (now, then))


def test_sent_again_is_applied_once(client: TestClient) -> None:
    send(client, purchase(1), purchase(2, "18"))
    first = score(client, CUSTOMER, "profile")["profile"]["profile"]["baskets_7d"]
    again = send(client, purchase(1), purchase(1, "18"), purchase(3))
    assert [one["outcome"] for one in again["events"]] == ["duplicate", "conflict", "accepted"]
    assert score(client, CUSTOMER, "profile")["profile"]["profile"]["baskets_7d"] == first + 1


def test_an_order_under_other_event_ids_is_applied_once(client: TestClient) -> None:
    def spent() -> tuple[float, float]:
        profile = score(client, CUSTOMER, "profile")["profile"]["profile"]
        return profile["baskets_7d"], profile["amount_7d"]

    baskets, amount = spent()
    order = purchase(1, order_id="till-7")
    again = [order | {"event_id": f"again-{number}"} for number in range(3)]
    answer = send(client, order, *again)
    assert [one["outcome"] for one in answer["events"]] == ["accepted", *["duplicate"] * 3]
    assert spent() == pytest.approx((baskets + 1, amount + 2.5))
    # other content is a conflict, unless it is stated to take the place of what was there
    lines = [{"product_id": "1029743", "quantity": 2, "amount": 5.0, "line_id": "1"}]
    other = order | {"event_id": "corrected", "lines": lines}
    assert send(client, other)["events"] == [{"event_id": "corrected", "outcome": "conflict"}]
    assert spent() == pytest.approx((baskets + 1, amount + 2.5))
    assert send(client, other | {"replaces": True})["events"][0]["outcome"] == "accepted"
    assert spent() == pytest.approx((baskets + 1, amount + 5.0))
    assert send(client, order | {"event_id": "old"})["events"][0]["outcome"] == "conflict"
    cancelled = order | {"event_id": "cancelled", "lines": [], "replaces": True}
    assert send(client, cancelled)["events"][0]["outcome"] == "accepted"
    assert spent() == pytest.approx((baskets, amount))
    refused = client.post("/v1/events", json={"events": [order | {"event_id": "empty", "lines": []}]})
    assert (refused.status_code, "at least one line" in refused.text) == (422, True)


def test_a_return_takes_money_and_goods_from_the_very_next_answer(client: TestClient) -> None:
    before = score(client, CUSTOMER, "profile")["profile"]["profile"]
    send(client, purchase(1, product="fee-free"), purchase(2, product="1029743"))
    back = {"event_id": "r1", "customer_id": CUSTOMER, "kind": "return", "product_id": "fee-free", "value": 2.5}
    send(client, back | {"order_id": "o1"})
    after = score(client, CUSTOMER, "profile")["profile"]["profile"]
    assert after["amount_total"] == pytest.approx(before["amount_total"] + 2.5)
    assert after["baskets_total"] == before["baskets_total"] + 2


def test_every_spelling_of_an_id_is_one_customer(client: TestClient) -> None:
    known = client.get(f"/v1/customers/{CUSTOMER}/risk").json()
    for spelling in ("12.0", "%2012", "'12", "%E2%80%8B12"):
        answer = client.get(f"/v1/customers/{spelling}/risk")
        assert answer.status_code == 200, spelling
        assert (answer.json()["customer_id"], answer.json()["risk"]) == (CUSTOMER, known["risk"])
    body = {"customer_ids": ["12", '="12"', " 12", "18.0"], "include": ["risk"]}
    assert [one["customer_id"] for one in client.post("/v1/scores", json=body).json()["scores"]] == ["12", "18"]
    outcomes = send(client, purchase(1), purchase(1, "12.0"), purchase(2, "'12", order_id="o1"))["events"]
    assert [one["outcome"] for one in outcomes] == ["accepted", "duplicate", "duplicate"]


@pytest.mark.parametrize("name", ["NULL", "nan", "N/A", "\u200bnone", "1.23E+11"])
def test_an_event_of_nobody_is_refused_by_name(client: TestClient, name: str) -> None:
    refused = client.post("/v1/events", json={"events": [purchase(1), purchase(2, name)]})
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:encore:invalid-parameter")
    (error,) = refused.json()["errors"]
    assert "customer_id" in error["parameter"]
    assert "expected an id, found" in error["message"]
    assert send(client, purchase(1))["events"][0]["outcome"] == "accepted"
    assert client.get(f"/v1/customers/{name}/risk".replace("/A", "%2FA")).status_code == 404


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

    with monkeypatch.context() as broken:
        broken.setattr(OnlineStore, "push", away)
        assert send(client, purchase(1)) == {"events": [{"event_id": "e1", "outcome": "accepted"}], "applied": False}
        assert score(client)["risk"]["risk"] == before["risk"]["risk"]
    client.app.state.encore.reloader.intake.catch_up()  # type: ignore[attr-defined]
    assert score(client)["risk"]["risk"] != before["risk"]["risk"]


def test_events_are_applied_when_the_store_is_back_though_no_model_can_be_looked_up(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_registry(_: ModelReloader) -> None:
        raise StoreError("MLflow does not answer.", "Check it.")

    log = client.app.state.encore.reloader.intake.log  # type: ignore[attr-defined]
    monkeypatch.setattr(ModelReloader, "_load", no_registry)
    with monkeypatch.context() as broken:
        broken.setattr(OnlineStore, "push", away)
        assert not send(client, purchase(1))["applied"]
        assert log.pending()
    wait_until(lambda: not log.pending(), log._database.path, seconds=30)


def test_another_worker_applies_what_a_dead_one_had_acknowledged(settings: Settings) -> None:
    with connected(settings) as client:
        before = score(client)
        live: EventIntake = client.app.state.encore.reloader.intake  # type: ignore[attr-defined]
        with pytest.MonkeyPatch.context() as dead:
            dead.setattr(EventIntake, "catch_up", lambda _: None)
            assert not live.take([_read(purchase(1))]).applied
    with connected(settings) as client:
        client.app.state.encore.reloader.intake.catch_up()  # type: ignore[attr-defined]
        assert score(client)["risk"]["risk"] != before["risk"]["risk"]


def _read(event: dict[str, Any]) -> Any:
    return event_reader().validate_python(event)


def test_a_materialisation_without_the_events_is_followed_by_them(settings: Settings) -> None:
    with connected(settings) as client:
        send(client, purchase(1))
        known = score(client)
    (settings[StoreSettings].data / "online/stamp.json").unlink()
    Store(settings).materialize()  # of features that were built before the event
    with connected(settings) as client:
        client.app.state.encore.reloader.intake.catch_up()  # type: ignore[attr-defined]
        again = score(client)
        assert again["as_of"] >= known["as_of"]
        assert again["risk"]["risk"] == pytest.approx(known["risk"]["risk"], abs=1e-3)


def test_when_the_store_is_unavailable_the_last_scores_are_stale(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = score(client, CUSTOMER, "risk", "reasons")

    monkeypatch.setattr(OnlineStore, "vectors", away)
    body = {"customer_ids": [CUSTOMER, "18"], "include": ["risk", "reasons", "offers"], "live": True}
    answer = client.post("/v1/scores", json=body)
    assert answer.status_code == 200
    stale, other = answer.json()["scores"]
    assert (stale["risk"]["status"], stale["risk"]["risk"]) == ("stale", known["risk"]["risk"])
    assert (stale["computed"], stale["risk"]["model"]) == ("materialised", "encore-churn/1")
    assert (stale["offers"]["status"], stale["offers"]["offers"]) == ("unavailable", None)
    assert {other[part]["status"] for part in ("risk", "reasons", "offers")} == {"unavailable"}
    alone = client.post("/v1/scores", json={**body, "customer_ids": ["18"]})
    assert (alone.status_code, alone.json()["type"]) == (503, "urn:encore:unavailable")
    assert "metrics" not in alone.json()
    assert 'encore_scores_total{computed="stale"}' in client.get("/metrics").text


def away(*_: object) -> None:
    raise StoreError("The online store does not answer.", "Check it.")


def test_offers_are_not_answered_as_stale_after_consent_was_withdrawn(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/v1/customers/{CUSTOMER}/offers"
    assert client.get(path).json()["offers"]["offers"]
    monkeypatch.setattr(OnlineStore, "vectors", away)
    assert client.post("/v1/scores", json={"customer_ids": [CUSTOMER], "include": ["offers"]}).status_code == 200
    withdrawn = {"event_id": "c1", "customer_id": CUSTOMER, "kind": "consent", "value": 0}
    assert client.post("/v1/events", json={"events": [withdrawn]}).json()["applied"] is False
    assert client.get(path).status_code == 503


def test_of_two_consents_in_one_request_the_last_one_counts(client: TestClient) -> None:
    given, withdrawn = (
        {"event_id": f"c{value}", "customer_id": CUSTOMER, "kind": "consent", "value": value} for value in (1, 0)
    )
    send(client, given, withdrawn)
    assert client.get(f"/v1/customers/{CUSTOMER}/offers").json()["offers"]["status"] == "withheld"
    send(client, {**withdrawn, "event_id": "c2"}, {**given, "event_id": "c3"})
    assert client.get(f"/v1/customers/{CUSTOMER}/offers").json()["offers"]["offers"]


def test_while_a_store_is_unavailable_known_customers_are_not_called_unknown(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.get(f"/v1/customers/{CUSTOMER}/risk")
    monkeypatch.setattr(OnlineStore, "vectors", away)
    assert client.get(f"/v1/customers/{CUSTOMER}/risk").status_code == 200
    assert client.get(f"/v1/customers/{CUSTOMER}/explanation").status_code == 503
    client.post("/v1/events", json={"events": [purchase(1)]})  # the last answer of one of them is too old now
    with ThreadPoolExecutor(3) as several:  # which are computed together
        answers = [several.submit(client.get, f"/v1/customers/{name}/risk") for name in (CUSTOMER, "18", "30")]
        assert sorted(one.result().status_code for one in answers) == [200, 503, 503]
    body = {"customer_ids": [CUSTOMER], "include": ["risk", "reasons"], "live": True}
    (stale,) = client.post("/v1/scores", json=body).json()["scores"]
    assert (stale["risk"]["status"], stale["risk"]["model"]) == ("stale", "encore-churn/1")
    assert stale["reasons"]["status"] == "unavailable"


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1899-12-31T00:00:00Z"])
def test_a_moment_that_no_store_can_hold_is_refused(client: TestClient, moment: str) -> None:
    answer = client.post("/v1/events", json={"events": [purchase(1, event_timestamp=moment)]})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:encore:invalid-parameter")
    assert send(client, purchase(2))["applied"]


def test_one_whose_features_cannot_be_computed_keeps_nobody_else(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = score(client)
    push = OnlineStore.push

    def pushed(store: OnlineStore, vectors: dict[str, dict[str, str]], moment: datetime) -> None:
        if "18" in next(iter(vectors.values())):
            raise ValueError("of this one nothing can be computed")
        push(store, vectors, moment)

    monkeypatch.setattr(OnlineStore, "push", pushed)
    assert send(client, purchase(1, "18"), purchase(2))["applied"] is False
    assert score(client)["risk"]["risk"] != before["risk"]["risk"]
    assert send(client, purchase(3))["applied"]
    monkeypatch.setattr(OnlineStore, "push", push)
    assert send(client, purchase(4, "18"))["applied"]


def test_events_before_stores_are_loaded_happen_where_the_data_stand(settings: Settings) -> None:
    live = EventIntake(settings, ScoreTable(settings[StoreSettings], ()), lambda: datetime(2026, 1, 1, tzinfo=UTC))
    live.take([_read(purchase(1))])
    (logged,) = live.log.of([CUSTOMER])
    assert logged.happened.year == 2018


def test_an_audit_log_that_cannot_be_written_ends_answers(client: TestClient, settings: Settings) -> None:
    audit = settings[StoreSettings].data / "audit"
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
    receipt = erased(client, CUSTOMER)
    removed = {one["place"]: one["count"] for one in receipt["removed"]}
    assert removed["event log"] == 1
    places = {"online store", "score table", "contract tables", "segments", "features", "audit log"}
    assert all(removed[place] > 0 for place in places), removed
    assert any("next training run" in line for line in receipt["remains"])
    assert client.get(f"/v1/customers/{CUSTOMER}/risk").status_code == 404
    assert client.get(f"/v1/customers/{CUSTOMER}/offers").status_code == 404
    entries = [
        json.loads(line) for line in (settings[StoreSettings].data / "audit/audit.jsonl").read_text().splitlines()
    ]
    before = [entry for entry in entries if entry["route"].startswith("POST")]
    assert CUSTOMER not in {name for entry in before for name in entry["customers"]}
    assert send(client, purchase(1))["events"][0]["outcome"] == "duplicate"
    assert client.get("/v1/customers/18/risk").status_code == 200

    # the exports still name them; only what happens from now on is taken in
    back = (NOW + timedelta(days=1)).isoformat()
    send(client, purchase(3, event_timestamp=back))
    ingest(settings, NOW + timedelta(days=2), full_refresh=True)
    for table in ("transactions", "interactions", "customers"):
        rows = pd.read_parquet(settings[StoreSettings].data / f"contract/{table}.parquet")
        mine = rows[rows["customer_id"] == CUSTOMER]
        assert len(mine) == (1 if table == "transactions" else 0)
    assert len(Erased(settings[StoreSettings]).read()) == 1
    assert client.delete("/v1/customers/nobody").status_code == 404


def test_a_source_moves_the_clock_of_no_other_customer(client: TestClient) -> None:
    parts = ("risk", "reasons", "offers")
    before = score(client, "18", *parts)
    end = datetime.fromisoformat(before["as_of"])
    statuses = []
    for week in range(1, 13):
        event = purchase(week, "brand-new", event_timestamp=(end + timedelta(days=7 * week)).isoformat())
        statuses.append(client.post("/v1/events", json={"events": [event]}).status_code)
    assert statuses == [200, *[422] * 11]
    assert score(client, "brand-new")["as_of"] > before["as_of"]
    cached = score(client, "18", *parts)
    live = client.post("/v1/scores", json={"customer_ids": ["18"], "include": list(parts), "live": True})
    (computed,) = live.json()["scores"]
    assert cached == before | {"computed": "materialised"}
    assert computed == before | {"computed": "now"}
