"""A client that a public generator makes of the OpenAPI document, and Schemathesis, against a running server."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.settings import StoreSettings
from serving.access.keys import ROLES, KeyFile
from tests.conftest import NOW, World, copied
from tests.servers import Encore, wait_until

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def api(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Encore, str]]:
    directory = tmp_path_factory.mktemp("client")
    with copied(world, directory) as settings:
        key = KeyFile(settings[StoreSettings]).create("tests", ROLES, NOW, per_minute=10_000_000)
        with Encore(directory, key) as running:
            yield running, key


@pytest.fixture(scope="module")
def generated(api: tuple[Encore, str], tmp_path_factory: pytest.TempPathFactory) -> Any:
    directory = tmp_path_factory.mktemp("generated")
    document = directory / "openapi.json"
    document.write_text(json.dumps(api[0].ask("GET", "/openapi.json")[1]))
    generator = Path(sys.prefix, "client/bin/openapi-python-client")
    assert generator.exists(), f"Expected the generator at {generator}; `make .venv/.installed-dev` installs it."
    command: list[str | Path] = [
        generator,
        "generate",
        "--path",
        document,
        "--output-path",
        directory / "made",
        "--meta",
        "none",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr, done.stdout + done.stderr
    sys.path.insert(0, str(directory))
    try:
        yield importlib.import_module("made")
    finally:
        sys.path.remove(str(directory))


def test_a_generated_client_asks_and_reports(api: tuple[Encore, str], generated: Any) -> None:
    def module(name: str) -> Any:
        return importlib.import_module(f"made.{name}")

    models = module("models")
    with generated.AuthenticatedClient(api[0].url, token=api[1]) as client:
        parts = [models.ScoreRequestIncludeItem(part) for part in ("risk", "reasons", "offers", "profile")]
        request = models.ScoreRequest(customer_ids=["6", "nobody"], include=parts)
        answer = module("api.scores.post_scores").sync(client=client, body=request)
        score, unknown = answer.scores
        assert 0 < score.risk.risk < 1
        assert unknown.risk.status == "unknown_customer"
        assert answer.models.additional_properties["churn"].version == "encore-churn/1"
        assert score.offers.offers[0].text
        reasons = [*score.reasons.reasons, *score.reasons.strengths]
        assert reasons
        assert {reason.direction for reason in reasons} <= {"raises", "lowers"}
        assert score.profile.profile.additional_properties["baskets_84d"] > 0
        one = module("api.customers.get_explanation").sync("6", client=client)
        assert one.risk.risk == pytest.approx(score.risk.risk)
        listed = module("api.scores.list_scores").sync(client=client, limit=1)
        assert listed.scores[0].tier
        event = models.Rating(event_id="c-1", customer_id="6", kind="nps", value=9)
        taken = module("api.events.post_events").sync(client=client, body=models.EventRequest(events=[event]))
        assert taken.applied
        assert [outcome.outcome for outcome in taken.events] == ["accepted"]
        problem = module("api.customers.get_risk").sync_detailed("nobody", client=client)
        assert problem.status_code == 404
        assert json.loads(problem.content)["type"] == "urn:encore:unknown-customer"
        receipt = module("api.customers.delete_customer").sync("6", client=client)
        assert receipt.removed


def test_neither_keys_nor_customers_are_logged(api: tuple[Encore, str]) -> None:
    special = "customer-of-great-renown"
    assert api[0].ask("GET", f"/v1/customers/{special}/risk")[0] == 404
    event = {"event_id": "e", "customer_id": special, "kind": "no such kind"}
    assert api[0].ask("POST", "/v1/events", {"events": [event]})[0] == 422
    # the line of a request is written after its answer
    wait_until(lambda: '"status":422' in api[0].log.read_text(), api[0].log, seconds=10)
    log = api[0].log.read_text()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert {"request", "loaded"} <= {line["event"] for line in lines}
    assert "/v1/customers/{customer_id:path}/risk" in {line.get("route") for line in lines}
    assert special not in log
    assert api[1] not in log


def test_no_request_makes_the_server_fail_or_answer_what_is_not_documented(api: tuple[Encore, str]) -> None:
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    command: list[str | Path] = [
        *(Path(sys.executable).with_name("schemathesis"), "run", f"{api[0].url}/openapi.json"),
        *("--header", f"Authorization: Bearer {api[1]}", "--checks", checks, "--max-examples", "25"),
        *("--seed", "7", "--phases", "examples,coverage,fuzzing", "--request-timeout", "30", "--no-color"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=420)
    assert done.returncode == 0, done.stdout[-6000:]
