"""docs/extending.md, run as it is: an event kind, a view, a model and a part are added, and are there everywhere."""

import importlib
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from core.settings import Settings
from serving.cli.app import app
from serving.parts import PARTS
from serving.settings import load_settings
from tests.conftest import connected, inside

pytestmark = pytest.mark.world

_PAGE = (Path(__file__).parents[1] / "docs/extending.md").read_text(encoding="utf-8")
START = datetime(2024, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=260)
CUSTOMERS = 160


def modules() -> dict[str, str]:
    """Return the code of the page, by the path that stands before it."""
    blocks = re.findall(r"^`([\w/]+\.py)`\n\n```python\n(.*?)^```", _PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 5
    return dict(blocks)


def registrations() -> list[tuple[str, str, str]]:
    """Return the rows of the page's table: the last new module, the list and its module, the line to add."""
    rows = re.findall(r"^\| (`.*?\.py`) \| `(\w+)` in `([\w/]+)\.py` \| `(.*)` \|$", _PAGE, re.MULTILINE)
    assert len(rows) == 4
    return [(re.findall(r"`([\w/]+)\.py`", row[0])[0], f"{row[2]}:{row[1]}", row[3]) for row in rows]


def dotted(path: str) -> str:
    return path.replace("/", ".").removesuffix(".__init__")


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The page's modules beside the project's own, and its lines in the lists; all of it gone afterwards."""
    root = tmp_path_factory.mktemp("code")
    for path, code in modules().items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(code)
    packages = {dotted(str(Path(path).parent)) for path in modules()} - {"training.comeback"} | {"training"}
    with pytest.MonkeyPatch.context() as patch:
        for name in packages:
            package = importlib.import_module(name)
            patch.setattr(package, "__path__", [*package.__path__, str(root / name.replace(".", "/"))])
        added: list[tuple[list[Any], Any]] = []
        for path, where, line in registrations():
            module, name = where.split(":")
            registry = importlib.import_module(dotted(module))
            new = importlib.import_module(dotted(path))
            entry = eval(line, vars(registry) | {path.split("/")[-1]: new})  # noqa: S307 - of our own page
            values: list[Any] = getattr(registry, name)
            values.append(entry)
            added.append((values, entry))
        yield
        for values, entry in added:
            values.remove(entry)
        for path in modules():
            sys.modules.pop(dotted(path.removesuffix(".py")), None)
        sys.modules.pop("training.comeback", None)
        assert "comeback" not in [part.name for part in PARTS]


def run(*command: str) -> None:
    with pytest.raises(SystemExit) as ended:
        app(list(command), prog_name="encore")
    assert ended.value.code == 0


@pytest.fixture(scope="module")
def settings(extended: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A small shop with wishes, taken through every command."""
    folder = tmp_path_factory.mktemp("shop")
    orders = ["customer_id,order_id,product_id,event_timestamp,quantity,amount"]
    wishes = ["customer_id,event_timestamp,kind,product_id"]
    for number in range(CUSTOMERS):
        pace = 4 if number % 2 else 25
        orders += [
            f"c{number},c{number}-{day},p{(number + day) % 7},{START + timedelta(days=day, hours=9)},1,5"
            for day in range(number % pace, 258, pace)
        ]
        if number % 3 == 0:
            wishes += [f"c{number},{START + timedelta(days=240 + n)},wish,p{n}" for n in range(1 + number % 4)]
    (folder / "orders.csv").write_text("\n".join(orders) + "\n")
    (folder / "wishes.csv").write_text("\n".join(wishes) + "\n")
    (folder / "encore.toml").write_text(
        "threads = 2\n[comeback]\nhorizon_days = 7\n[data]\nsource = 'files'\n"
        "[[data.inputs]]\ntable = 'transactions'\npath = 'orders.csv'\n"
        "[[data.inputs]]\ntable = 'interactions'\npath = 'wishes.csv'\n"
    )
    with inside(folder):
        run("ingest")
        run("features", "build")
        run("features", "apply")
        run("train", "comeback")
        run("features", "materialize")
        run("scores", "materialize")
        yield load_settings()


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[TestClient]:
    with connected(settings, lambda: NOW) as client:
        yield client


def answer_about(client: TestClient, *customers: str) -> Any:
    answer = client.post("/v1/scores", json={"customer_ids": customers, "include": ["comeback"]})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_view_is_built_and_served_with_its_ages(client: TestClient) -> None:
    (score,) = answer_about(client, "c3")["scores"]
    assert score["comeback"]["wishes"] == 4
    (other,) = answer_about(client, "c1")["scores"]
    assert other["comeback"]["wishes"] == 0


def test_the_model_is_registered_measured_and_named(client: TestClient, capsys: pytest.CaptureFixture[str]) -> None:
    (version,) = client.get("/v1/models").json()["models"]
    assert version["name"] == "encore-comeback"
    assert version["aliases"] == ["champion"]
    assert version["metrics"]["comeback.roc_auc"] > 0.7
    assert version["definition"] == {"horizon_days": 7}
    run("evaluate", "comeback")
    assert "everybody" in capsys.readouterr().out


def test_the_part_answers_by_the_model_and_the_other_parts_say_why_not(client: TestClient) -> None:
    answer = answer_about(client, "c1", "c0", "nobody")
    often, seldom, unknown = (score["comeback"] for score in answer["scores"])
    assert often["comeback"] > 0.7
    assert seldom["comeback"] < 0.5
    assert often["model"] == answer["models"]["comeback"]["version"] == "encore-comeback/1"
    assert unknown["status"] == "unknown_customer"
    everything = {"customer_ids": ["c1"], "include": [part.name for part in PARTS]}
    (score,) = client.post("/v1/scores", json=everything).json()["scores"]
    assert {name: score[name]["status"] for name in ("risk", "comeback")} == {"risk": "no_model", "comeback": "ok"}


def test_an_event_of_the_new_kind_is_known_on_the_next_answer(client: TestClient) -> None:
    event = {"event_id": "w1", "customer_id": "c1", "kind": "wish", "product_id": "p1"}
    answer = client.post("/v1/events", json={"events": [event]})
    assert answer.json() == {"events": [{"event_id": "w1", "outcome": "accepted"}], "applied": True}
    (score,) = answer_about(client, "c1")["scores"]
    assert score["comeback"]["wishes"] == 1
    refused = client.post("/v1/events", json={"events": [{**event, "event_id": "w2", "product_id": None}]})
    assert refused.status_code == 422


def test_the_openapi_document_describes_part_and_event(client: TestClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert "comeback" in schemas["Score"]["properties"]
    assert schemas["ComebackAnswer"]["properties"]["comeback"]["description"].startswith("Probability")
    assert "comeback" in schemas["ScoreRequest"]["properties"]["include"]["items"]["enum"]
    assert "product_id" in schemas["Wish"]["required"]


def test_the_score_table_lists_by_the_new_column(client: TestClient) -> None:
    page = client.get("/v1/scores?min_comeback=0.7&sort=-comeback&limit=5").json()
    values = [row["comeback"] for row in page["scores"]]
    assert len(values) == 5
    assert values == sorted(values, reverse=True)
    assert min(values) >= 0.7
    assert page["next_cursor"]


def test_the_commands_know_them(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    run("answer", "c1", "--include", "comeback")
    printed = capsys.readouterr().out
    assert '"status": "ok"' in printed
    assert "encore-comeback/1" in printed
    run("check-data")
    assert "comeback" in capsys.readouterr().out
    run("train", "comeback")
    assert "skipped" in capsys.readouterr().out
