"""Segments through the API: defined, listed, their members page by page and as a file; and by the commands."""

import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient

from core.settings import Settings, StoreSettings
from core.spreadsheets import ENCODING
from serving.access.keys import KeyFile, Role
from serving.cli import main
from serving.parts import make_scoring
from serving.scoring.export import materialize_scores
from serving.settings import ServingSettings
from tests.conftest import NOW, World, bearer, connected, copied, erased
from training.churn.labels import active_customers

_FILE = '[everyone]\nrule.any = [{column = "risk", missing = true}, {column = "risk", at_least = 0}]\n'
LAPSED = {"name": "lapsed", "rule": {"column": "last_purchase", "older_than_days": 28}}
RISKY = {
    "name": "risky",
    "titles": {"en": "At risk", "zh": "有流失风险"},
    "rule": {"all": [{"column": "risk", "at_least": 0.05}, {"column": "amount_84d", "at_least": 50}]},
}


@pytest.fixture(scope="module")
def settings(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A folder whose score table a nightly run has filled."""
    with copied(world, tmp_path_factory.mktemp("segments")) as settings:
        Path("segments.toml").write_text(_FILE)
        service, reloader = make_scoring(settings, lambda: NOW)
        deployment = reloader.load()
        as_of = reloader.as_of(deployment)
        materialize_scores(service, deployment, active_customers(settings, as_of), as_of, ("risk", "reasons"))
        serving = settings[ServingSettings].model_copy(update={"segments": Path("segments.toml")})
        yield settings.replaced(serving)


@pytest.fixture(scope="module")
def keys(settings: Settings) -> dict[Role, dict[str, str]]:
    file = KeyFile(settings[StoreSettings])
    return {role: bearer(file.create(f"segments-{role}", (role,), NOW)) for role in ("score", "explain", "events")}


@pytest.fixture(scope="module")
def client(settings: Settings, keys: object) -> Iterator[TestClient]:
    with connected(settings) as client:
        for body in (LAPSED, RISKY):
            assert client.post("/v1/segments", json=body).status_code == 201
        yield client


def members(client: TestClient, name: str, limit: int = 100) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    parameters: dict[str, Any] = {"limit": limit}
    while True:
        answer = client.get(f"/v1/segments/{name}/customers", params=parameters)
        assert answer.status_code == 200, answer.text
        rows += answer.json()["customers"]
        if answer.json()["next_cursor"] is None:
            return rows
        parameters["cursor"] = answer.json()["next_cursor"]


def test_members_are_the_customers_whose_answers_say_so(client: TestClient) -> None:
    everyone = [row["customer_id"] for row in members(client, "everyone", 1000)]
    assert len(everyone) > 300
    body = {"customer_ids": everyone, "include": ["risk", "profile"]}
    scores = client.post("/v1/scores", json=body).json()["scores"]
    scored = {row["customer_id"] for row in client.get("/v1/scores", params={"limit": 1000}).json()["scores"]}
    risky = [
        one["customer_id"]
        for one in scores
        # customers without a row of the score table have no risk there
        if one["customer_id"] in scored
        and (one["risk"]["risk"] or 0) >= 0.05
        and (one["profile"]["profile"]["amount_84d"] or 0) >= 50
    ]
    assert [row["customer_id"] for row in members(client, "risky")] == risky
    assert risky
    lapsed = [one["customer_id"] for one in scores if one["profile"]["profile"]["recency_days"] > 28]
    assert [row["customer_id"] for row in members(client, "lapsed")] == lapsed
    assert lapsed


def test_rules_may_read_every_feature_of_a_profile(client: TestClient) -> None:
    known = {one["name"]: one for one in client.get("/v1/segment-columns").json()["columns"]}
    customer = members(client, "everyone")[0]["customer_id"]
    body = {"customer_ids": [customer], "include": ["profile"]}
    profile = client.post("/v1/scores", json=body).json()["scores"][0]["profile"]["profile"]
    assert set(profile) - set(known) == {"season_sin", "season_cos"}
    for name, value in profile.items():
        if name in known and value is not None:
            assert known[name]["kind"] == ("text" if isinstance(value, str) else "number")
            rule = {"column": name, "equals": value}
            found = client.post("/v1/segments?dry_run=true", json={"name": "x", "rule": rule}).json()
            assert found["size"] >= 1, name


def test_a_segment_is_shown_with_what_distinguishes_it(client: TestClient) -> None:
    found = client.get("/v1/segments/lapsed").json()
    assert found["size"] == len(members(client, "lapsed"))
    assert found["rule"] == {"column": "last_purchase", "older_than_days": 28}
    assert found["overlaps"]["everyone"] == 1
    assert found["trend"] == [{"day": found["as_of"][:10], "size": found["size"], "customers": found["customers"]}]
    assert 1 <= len(found["traits"]) <= 5
    assert found["findings"] == []
    listed = {one["name"]: one for one in client.get("/v1/segments").json()["segments"]}
    assert list(listed) == sorted(listed)
    assert (listed["everyone"]["origin"], listed["risky"]["origin"]) == ("file", "api")
    assert listed["risky"]["titles"] == RISKY["titles"]
    assert [one["kind"] for one in listed["everyone"]["findings"]] == []


def test_pages_are_the_whole(client: TestClient) -> None:
    whole = members(client, "everyone", 1000)
    assert members(client, "everyone", 37) == whole
    assert [row["customer_id"] for row in whole] == sorted(row["customer_id"] for row in whole)
    cursor = client.get("/v1/segments/everyone/customers?limit=1").json()["next_cursor"]
    for wrong in (cursor, "x", "e30"):
        answer = client.get("/v1/segments/lapsed/customers", params={"cursor": wrong})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["parameter"] == "cursor"


@pytest.mark.parametrize("asked", [{"params": {"format": "csv"}}, {"headers": {"Accept": "text/csv"}}])
def test_members_come_as_a_file(client: TestClient, asked: dict[str, Any]) -> None:
    answer = client.get("/v1/segments/everyone/customers", **asked)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="everyone.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode(ENCODING))))
    whole = members(client, "everyone", 1000)
    assert [row["customer_id"] for row in rows] == [row["customer_id"] for row in whole]
    assert [row["risk"] for row in rows] == ["" if row["risk"] is None else repr(row["risk"]) for row in whole]


def test_who_reads_members_is_in_the_audit_log(client: TestClient, settings: Settings) -> None:
    log = settings[StoreSettings].data / "audit/audit.jsonl"
    for path in ("customers?limit=5", "customers?format=csv"):
        expected = client.get(f"/v1/segments/lapsed/{path}")
        assert expected.status_code == 200
        entry = json.loads(log.read_text().splitlines()[-1])
        assert entry["route"] == "GET /v1/segments/{name}/customers"
        assert (
            entry["customers"] == [row["customer_id"] for row in members(client, "lapsed")][: len(entry["customers"])]
        )
        assert entry["customers"]


@pytest.mark.parametrize(
    ("body", "parameter", "said"),
    [
        ({"name": "No Name", "rule": LAPSED["rule"]}, "name", "pattern"),
        ({"name": "x"}, "rule", "required"),
        ({"name": "x", "rule": {"column": "risk", "at_least": 1, "below": 2}}, "rule", "found at_least"),
        ({"name": "x", "rule": {"all": [{"column": "a", "bellow": 2}]}}, "rule.all.0.bellow", "Extra inputs"),
        ({"name": "x", "rule": {"column": "rsik", "below": 2}}, "rule", "Did you mean risk?"),
        ({"name": "x", "rule": {"column": "tier", "below": 2}}, "rule", "which is a text"),
        (
            {"name": "x", "rule": {"all": [{"column": "risk", "below": 2}, {"column": "risk", "at_least": 2}]}},
            "rule",
            "The rule can hold for nobody: risk below 2 and risk at_least 2 contradict each other.",
        ),
        ({"name": "everyone", "rule": LAPSED["rule"]}, "name", "is defined in the file"),
    ],
)
def test_what_nobody_can_mean_is_refused(client: TestClient, body: Any, parameter: str, said: str) -> None:
    answer = client.post("/v1/segments", json=body)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["parameter"] == parameter
    assert said in error["message"]


def test_a_rule_nested_without_end_is_refused(client: TestClient) -> None:
    for depth in (30, 300, 20_000):
        rule = '{"not":' * depth + '{"column":"risk","below":1}' + "}" * depth
        answer = client.post("/v1/segments", content=f'{{"name":"x","rule":{rule}}}')
        assert answer.status_code in {400, 422}, answer.text


def test_a_segment_is_defined_again_and_removed(client: TestClient) -> None:
    body = {"name": "short-lived", "kind": "static", "rule": {"column": "tier", "in": ["high", "medium"]}}
    answer = client.post("/v1/segments", json=body)
    assert (answer.status_code, answer.headers["location"]) == (201, "/v1/segments/short-lived")
    again = client.post("/v1/segments", json=body | {"rule": {"not": body["rule"]}}).json()
    assert again["size"] == again["customers"] - answer.json()["size"]
    assert client.delete("/v1/segments/short-lived").status_code == 204
    for path in ("short-lived", "short-lived/customers"):
        missing = client.get(f"/v1/segments/{path}")
        assert (missing.status_code, missing.json()["type"]) == (404, "urn:encore:not-found")
        assert "There is no segment 'short-lived'; there are everyone, lapsed, risky." in missing.json()["detail"]
    assert client.delete("/v1/segments/short-lived").status_code == 404
    assert client.delete("/v1/segments/everyone").status_code == 422


@pytest.mark.parametrize(
    ("role", "statuses"),
    [("score", (200, 200, 403, 403)), ("explain", (403, 403, 200, 204)), ("events", (403, 403, 403, 403))],
)
def test_each_role_does_its_own(
    client: TestClient, keys: dict[Role, dict[str, str]], role: Role, statuses: tuple[int, ...]
) -> None:
    assert client.post("/v1/segments", json=LAPSED | {"name": "for-roles"}).status_code == 201
    headers = keys[role]
    found = (
        client.get("/v1/segments", headers=headers).status_code,
        client.get("/v1/segments/lapsed/customers", headers=headers).status_code,
        client.post("/v1/segments?dry_run=true", json=LAPSED, headers=headers).status_code,
        client.delete("/v1/segments/for-roles", headers=headers).status_code,
    )
    assert found == statuses


def test_an_erased_customer_is_in_no_segment(client: TestClient, settings: Settings) -> None:
    frozen = LAPSED | {"name": "frozen", "kind": "static"}
    before = client.post("/v1/segments", json=frozen).json()["size"]
    gone = members(client, "frozen")[0]["customer_id"]
    receipt = erased(client, gone)
    removed = {one["place"]: one["count"] for one in receipt["removed"]}
    assert removed["customer segments"] >= 3
    left = [row["customer_id"] for row in members(client, "frozen")]
    assert (len(left), gone in left) == (before - 1, False)
    assert client.post("/v1/segments", json=LAPSED).json()["size"] == before - 1
    assert gone not in {row["customer_id"] for row in members(client, "everyone", 1000)}


def test_a_purchase_moves_a_customer_at_the_next_evaluation(client: TestClient) -> None:
    customer = members(client, "lapsed")[-1]["customer_id"]
    line = {"product_id": "1029743", "quantity": 1, "amount": 2.5}
    order = {"kind": "purchase", "event_id": "moves", "customer_id": customer, "order_id": "moves", "lines": [line]}
    assert client.post("/v1/events", json={"events": [order]}).json()["applied"]
    assert client.post("/v1/segments", json=LAPSED).status_code == 201
    assert customer not in {row["customer_id"] for row in members(client, "lapsed")}


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run `encore segments` and return its output."""
    monkeypatch.setattr(sys, "argv", ["encore", "segments", *words])
    monkeypatch.setenv("ENCORE_SERVING__SEGMENTS", "segments.toml")
    monkeypatch.setenv("COLUMNS", "80")
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        main()
    captured = capsys.readouterr()
    return captured.out if not left.value.code else f"{left.value.code}: {captured.err}"


def test_commands_say_the_same(
    client: TestClient, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    listed = {one["name"]: one for one in client.get("/v1/segments").json()["segments"]}
    found = orjson.loads(run(monkeypatch, capsys, "list", "--format", "json"))
    assert {one["name"]: one["size"] for one in found} == {name: one["size"] for name, one in listed.items()}
    table = run(monkeypatch, capsys, "list")
    assert all(len(line) <= 80 for line in table.splitlines())
    assert all(name in table for name in listed)
    shown = run(monkeypatch, capsys, "show", "risky")
    assert "At risk" in shown
    assert f"{listed['risky']['size']:,} of" in shown
    details = client.get("/v1/segments/risky").json()
    printed = orjson.loads(run(monkeypatch, capsys, "show", "risky", "--format", "json"))
    assert {name: printed[name] for name in ("size", "rule", "trend", "overlaps", "traits")} == {
        name: details[name] for name in ("size", "rule", "trend", "overlaps", "traits")
    }
    assert "last_purchase" in run(monkeypatch, capsys, "columns")
    output = tmp_path / "list.csv"
    run(monkeypatch, capsys, "export", "everyone", "--output", str(output))
    rows = list(csv.DictReader(io.StringIO(output.read_text(encoding=ENCODING))))
    assert [row["customer_id"] for row in rows] == [row["customer_id"] for row in members(client, "everyone", 1000)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "nobody"), "There is no segment 'nobody'; there are everyone"),
        (("export", "everyone", "--output", "x.xlsx"), "Expected a file ending in .parquet or .csv, found 'x.xlsx'"),
    ],
)
def test_commands_refuse(
    client: TestClient, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: Any, said: str
) -> None:
    assert f"2: Error: {said}" in " ".join(run(monkeypatch, capsys, *words).split())
