"""Campaigns through the API and the command: planned, started, exported, reported; and erased customers."""

import csv
import io
import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from core.settings import Settings, StoreSettings
from core.spreadsheets import ENCODING
from serving.access.keys import KeyFile, Role
from serving.campaigns.database import CampaignDatabase
from serving.campaigns.store import CampaignStore
from serving.cli import main
from serving.parts import make_scoring
from serving.scoring.export import materialize_scores
from serving.settings import DecisionSettings
from tests.conftest import NOW, World, bearer, connected, copied, erased
from training.churn.labels import active_customers

_FILE = """
[policy]
holdout = 0.1
capacity = {phone = 20}
caps = [{contacts = 1, days = 7}]
[actions.call]
goal = "retain"
channel = "phone"
cost = 0.5
saves = 0.5
"""


@pytest.fixture(scope="module")
def settings(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A folder whose score table a nightly run has filled, with a file of decisions."""
    with copied(world, tmp_path_factory.mktemp("campaigns")) as settings:
        Path("decisions.toml").write_text(_FILE)
        with Path("encore.toml").open("a") as file:
            file.write('\n[decisions]\nfile = "decisions.toml"\n')
        service, reloader = make_scoring(settings, lambda: NOW)
        deployment = reloader.load()
        as_of = reloader.as_of(deployment)
        materialize_scores(service, deployment, active_customers(settings, as_of), as_of, ("risk", "value", "reasons"))
        yield settings.replaced(DecisionSettings(file=Path("decisions.toml")))


@pytest.fixture(scope="module")
def keys(settings: Settings) -> dict[Role, dict[str, str]]:
    file = KeyFile(settings[StoreSettings])
    return {role: bearer(file.create(f"campaigns-{role}", (role,), NOW)) for role in ("score", "events")}


@pytest.fixture(scope="module")
def client(settings: Settings, keys: object) -> Iterator[TestClient]:
    with connected(settings) as client:
        yield client


def body(client: TestClient, name: str = "spring") -> dict[str, Any]:
    """Return a campaign that runs at the moment that is answered for."""
    columns = client.get("/v1/scores", params={"limit": 1}).json()["scores"][0]
    now = pd.Timestamp(columns["as_of"])
    ends = {"starts": (now - timedelta(days=1)).isoformat(), "ends": (now + timedelta(days=2)).isoformat()}
    return {"name": name, "goal": "retain", "holdout": 0.2, **ends}


def test_a_campaign_is_planned_started_exported_and_reported(client: TestClient, settings: Settings) -> None:
    tried = client.post("/v1/campaigns", params={"dry_run": True}, json=body(client))
    assert tried.status_code == 200, tried.text
    assert client.get("/v1/campaigns").json()["campaigns"] == []
    planned = client.post("/v1/campaigns", json=body(client))
    assert (planned.status_code, planned.headers["location"]) == (201, "/v1/campaigns/spring")
    plan = planned.json()["plan"]
    assert plan["actions"] == tried.json()["plan"]["actions"]
    # two days are left, twenty calls each
    assert plan["contacted"] + plan["held_out"] == 40
    assert 0 < plan["churners_reached"] < 1
    assert 0 < plan["false_alarms"] < plan["contacted"]

    assert client.post("/v1/campaigns/spring/export", json={"channel": "phone"}).status_code == 409
    started = client.post("/v1/campaigns/spring/start")
    assert started.json()["status"] == "started", started.text
    again = client.post("/v1/campaigns/spring/start")
    assert (again.status_code, again.json()["type"]) == (409, "urn:encore:conflict")
    assert "was started at" in again.json()["detail"]

    done = client.post("/v1/campaigns/spring/export", json={"channel": "phone"})
    assert done.status_code == 200, done.text
    assert done.json()["export"]["contacts"] == 20
    file = client.get(done.headers["location"])
    rows = list(csv.DictReader(io.StringIO(file.content.decode(ENCODING))))
    assert len({row["customer_id"] for row in rows}) == 20
    assert client.get(done.headers["location"]).content == file.content
    full = client.post("/v1/campaigns/spring/export", json={"channel": "phone"}).json()
    assert (full["export"], full["left"]) == (None, plan["contacted"] - 20)

    customer = rows[0]["customer_id"]
    events = [
        {"kind": kind, "event_id": f"{kind}-1", "customer_id": customer, "campaign_id": "spring", "channel": "phone"}
        for kind in ("contact", "response")
    ]
    assert client.post("/v1/events", json={"events": events}).status_code == 200
    shown = client.get("/v1/campaigns/spring").json()
    assert shown["responses"]["call"] | {"contact": 1, "response": 1} == shown["responses"]["call"]
    assert shown["responses"]["holdout"]["contact"] == 0
    assert [one["contacts"] for one in shown["exports"]] == [20]
    report = client.get("/v1/campaigns/spring/report")
    assert report.status_code == 200, report.text
    assert (report.json()["customers"], report.json()["final"], report.json()["looks"]) == (40, False, 0)
    assert client.get("/v1/campaigns/spring/report").json()["looks"] == 1

    receipt = erased(client, customer)
    assert {"place": "campaigns", "count": 2} in receipt["removed"]
    assert customer not in client.get(done.headers["location"]).text
    assert not CampaignStore(CampaignDatabase(settings[StoreSettings])).holds(customer)
    for parquet in (settings[StoreSettings].data / "assignments").glob("*.parquet"):
        assert customer not in set(pd.read_parquet(parquet)["customer_id"])


def test_the_roles_are_those_of_a_marketer(client: TestClient, keys: dict[Role, dict[str, str]]) -> None:
    for role, header in keys.items():
        assert client.post("/v1/campaigns", json=body(client, "other"), headers=header).status_code == 403
        for what in ("start", "stop", "export"):
            answer = client.post(f"/v1/campaigns/spring/{what}", json={"channel": "phone"}, headers=header)
            assert answer.status_code == 403, what
        assert client.get("/v1/campaigns/spring/report", headers=header).status_code == 403
        assert client.get("/v1/campaigns", headers=header).status_code == (200 if role == "score" else 403)


def test_what_is_wrong_is_named(client: TestClient) -> None:
    for path in ("/v1/campaigns/nobody", "/v1/campaigns/nobody/report"):
        assert client.get(path).status_code == 404
    unknown = client.post("/v1/campaigns", json={**body(client), "name": "other", "segment": "nobody"})
    assert (unknown.status_code, "no segment 'nobody'" in unknown.text) == (422, True)
    both = client.post("/v1/campaigns", json={**body(client), "actions": ["call"]})
    assert both.status_code == 422
    assert client.post("/v1/campaigns/nobody/start").status_code == 404


def test_the_command_does_the_same(
    client: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def encore(*options: str) -> str:
        monkeypatch.setattr(sys, "argv", ["encore", *options])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code, capsys.readouterr().err
        return capsys.readouterr().out

    fields = body(client)
    dates = ["--starts", fields["starts"][:16], "--ends", fields["ends"][:16]]
    plan = json.loads(encore("campaign", "plan", "summer", "--goal", "retain", *dates, "--format", "json"))
    assert plan["status"] == "planned"
    assert "customers may be contacted" in encore("campaign", "start", "summer")
    done = json.loads(encore("campaign", "export", "summer", "--channel", "phone", "--format", "json"))
    names = {file.name for file in (settings[StoreSettings].data / "exports").iterdir()}
    if done["export"] is not None:
        assert names == {f"summer-phone-{done['export']['id'][:12]}.csv"}
    assert "summer" in encore("campaign", "list")
    assert "exports" in json.loads(encore("campaign", "show", "summer", "--format", "json"))
    report = json.loads(encore("campaign", "report", "summer", "--format", "json"))
    assert (report["campaigns"], report["total"]["verdict"]) == (["summer"], "not_yet_known")
    assert "What came back" in encore("campaign", "report", "summer")
    assert "is stopped since" in encore("campaign", "stop", "summer")
