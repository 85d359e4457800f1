"""What is broken takes with it no more than what is made of it; answers name no folder of the server."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from core.errors import without_folders
from core.jobs import job
from core.settings import Settings, StoreSettings
from features.store.feature_store import Store
from serving.access.keys import KeyFile, KeyRing
from tests.conftest import NOW, World, bearer, connected, copied
from tests.servers import wait_until
from training.churn.settings import ChurnSettings

CUSTOMER = "6"
_NONSENSE = b"this is no database, and no JSON either. " * 500


@pytest.fixture
def settings(world: World, tmp_path: Path) -> Iterator[Settings]:
    with copied(world, tmp_path) as settings:
        yield settings


@pytest.fixture
def folder(settings: Settings) -> Path:
    return settings[StoreSettings].data.resolve()


def destroy(folder: Path, name: str) -> None:
    """Write over a file in its place, as a broken disk does, and remove what belongs to it."""
    for end in ("-wal", "-shm"):
        (folder / f"{name}{end}").unlink(missing_ok=True)
    (folder / name).write_bytes(_NONSENSE)


def visit(number: int, customer: str = CUSTOMER) -> dict[str, Any]:
    return {"events": [{"kind": "visit", "event_id": f"v{number}", "customer_id": customer, "value": 3}]}


def risk(client: TestClient) -> Any:
    answer = client.get(f"/v1/customers/{CUSTOMER}/risk")
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(client: TestClient, method: str, path: str, folder: Path, body: Any = None) -> str:
    """Make a request that cannot be answered now; return what is said about it."""
    answer = client.request(method, path, json=body)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:encore:unavailable")
    assert str(folder.parent) not in answer.text
    return str(answer.json()["detail"])


def test_keys_that_cannot_be_read_any_more_stay_in_use(settings: Settings, folder: Path) -> None:
    with connected(settings) as client:
        risk(client)
        keys = (folder / "keys.json").read_bytes()
        (folder / "keys.json").write_bytes(_NONSENSE)
        client.app.state.encore.keys._looked = 0.0  # type: ignore[attr-defined]
        risk(client)
        # a change is seen as soon as the file can be read, though no time shows it
        written = (folder / "keys.json").stat()
        (folder / "keys.json").write_bytes(json.dumps({"keys": []}).encode())
        os.utime(folder / "keys.json", ns=(written.st_atime_ns, written.st_mtime_ns))
        client.app.state.encore.keys._looked = 0.0  # type: ignore[attr-defined]
        assert client.get(f"/v1/customers/{CUSTOMER}/risk").status_code == 401
        (folder / "keys.json").write_bytes(_NONSENSE)
        # a process that starts now knows none
        client.app.state.encore.__dict__["keys"] = KeyRing(KeyFile(settings[StoreSettings]), lambda: NOW)  # type: ignore[attr-defined]
        assert "keys.json" in refused(client, "GET", f"/v1/customers/{CUSTOMER}/risk", folder)
        (folder / "keys.json").write_bytes(keys)
        client.app.state.encore.keys._looked = 0.0  # type: ignore[attr-defined]
        risk(client)


def test_without_the_event_log_everything_but_events_is_answered(settings: Settings, folder: Path) -> None:
    with connected(settings) as client:
        assert client.post("/v1/events", json=visit(1)).json()["applied"]
    (folder / "events.db").unlink()  # another file, as SQLite keeps pages of this one in memory
    destroy(folder, "events.db")
    with connected(settings) as client:
        risk(client)
        assert client.get(f"/v1/customers/{CUSTOMER}/offers").status_code == 200
        assert client.get("/health/ready").status_code == 200
        assert re.search("encore_events_pending(.*) NaN", client.get("/metrics").text)
        assert "event log events.db" in refused(client, "POST", "/v1/events", folder, visit(2))


def test_a_broken_score_table_is_made_again(settings: Settings, folder: Path) -> None:
    with connected(settings) as client:
        first = risk(client)
        destroy(folder, "scores.db")
        assert risk(client)["risk"] == first["risk"]
        wait_until(lambda: risk(client)["computed"] == "materialised", folder, seconds=20)
        wait_until(lambda: client.post("/v1/events", json=visit(1)).json()["applied"], folder, seconds=20)
        aside = [path for path in folder.glob(".unfinished-scores.db-*/*") if path.name == "scores.db"]
        assert [path.read_bytes() for path in aside] == [_NONSENSE]
        with job(settings[StoreSettings], "the next one", alone=True):
            assert not list(folder.glob(".unfinished-*"))


def test_a_broken_online_store_leaves_the_last_answers(settings: Settings, folder: Path) -> None:
    with connected(settings) as client:
        body = {"customer_ids": [CUSTOMER], "include": ["risk"]}
        assert client.post("/v1/scores", json=body).json()["scores"][0]["risk"]["status"] == "ok"
        destroy(folder, "online.db")
        assert client.post("/v1/events", json=visit(1)).json() == {
            "events": [{"event_id": "v1", "outcome": "accepted"}],
            "applied": False,
        }
        stale = client.post("/v1/scores", json=body)
        assert stale.json()["scores"][0]["risk"]["status"] == "stale"
        assert str(folder.parent) not in stale.text
        refused(client, "GET", "/v1/customers/12/offers", folder)


def test_a_file_that_cannot_be_written_is_503(settings: Settings, folder: Path) -> None:
    with connected(settings) as client:
        (folder / "erasures").write_text("in the way")
        assert "file of the service" in refused(client, "DELETE", f"/v1/customers/{CUSTOMER}", folder)
        (folder / "erasures").unlink()
        (folder / "audit").rename(folder / "elsewhere")
        (folder / "audit").write_text("in the way")
        client.app.state.encore.audit._file = None  # type: ignore[attr-defined]
        assert "audit log" in refused(client, "POST", "/v1/events", folder, visit(1))
        # what is not in the audit log was not taken in either
        (folder / "audit").unlink()
        (folder / "elsewhere").rename(folder / "audit")
        assert client.post("/v1/events", json=visit(1)).json()["events"][0]["outcome"] == "accepted"


def test_events_are_in_the_audit_log_by_kind(settings: Settings, folder: Path) -> None:
    with connected(settings) as client:
        consent = {"kind": "consent", "event_id": "c", "customer_id": "12", "value": 0}
        client.post("/v1/events", json={"events": [*visit(1)["events"], *visit(2)["events"], consent]})
    entry = json.loads((folder / "audit/audit.jsonl").read_text().splitlines()[-1])
    assert (entry["route"], entry["events"]) == ("POST /v1/events", {"visit": 2, "consent": 1})
    assert entry["customers"] == ["12", CUSTOMER]


def test_a_churn_model_of_another_definition_takes_no_offers_with_it(settings: Settings) -> None:
    churn = settings[ChurnSettings].model_copy(update={"horizon_days": 35})
    with connected(settings.replaced(churn)) as client:
        assert client.get("/health/ready").status_code == 200
        assert client.get(f"/v1/customers/{CUSTOMER}/offers").json()["offers"]["offers"]
        body = {"customer_ids": [CUSTOMER], "include": ["risk", "offers"]}
        (both,) = client.post("/v1/scores", json=body).json()["scores"]
        assert (both["offers"]["status"], both["risk"]["status"]) == ("ok", "unavailable")
        assert all(word in both["risk"]["reason"] for word in ("horizon_days", "28", "35")), both["risk"]["reason"]
        assert client.get(f"/v1/customers/{CUSTOMER}/risk").status_code == 503


def test_a_request_without_a_key_learns_nothing(settings: Settings) -> None:
    with connected(settings) as client:
        for path in ("/v1/customers/6/risk", "/v1/erasures/abc", "/metrics"):
            answer = client.get(path, headers=bearer("encore_wrong_key"))
            assert (answer.status_code, len(answer.content) < 400) == (401, True)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("The event log /srv/encore/data/events.db cannot be read.", "The event log events.db cannot be read."),
        ("No space left on device: '/srv/encore/x'", "No space left on device: 'x'"),
        ("redis://host:6379/0 does not answer", "redis://host:6379/0 does not answer"),
        ("data/contract was written by 1/2", "data/contract was written by 1/2"),
        ("ask for `POST /v1/scores`, or see (/srv/encore/keys.json)", "ask for `POST /v1/scores`, or see (keys.json)"),
    ],
)
def test_folders_are_left_out(text: str, left: str) -> None:
    assert without_folders(text) == left


def test_an_online_store_that_was_removed_and_filled_again_is_used(settings: Settings, folder: Path) -> None:
    with connected(settings) as client:
        assert client.post("/v1/events", json=visit(1)).json()["applied"]
        before = risk(client)["feature_timestamp"]
        (folder / "online.db").unlink()
        assert Store(settings).materialize()
        wait_until(lambda: client.post("/v1/events", json=visit(2, "12")).json()["applied"], folder, seconds=30)
        # rows that events had pushed are in the new file too
        wait_until(lambda: risk(client)["feature_timestamp"] >= before, folder, seconds=30)
        assert not Store(settings).materialize()
