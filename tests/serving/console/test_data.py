"""The data in the console: before there are any, and with rows that were rejected."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from fastapi import FastAPI

from core.settings import Settings, StoreSettings
from serving.access.keys import KeyFile, Role
from serving.api.app import create_app
from serving.console.site import with_console
from serving.overview.night import Night, Result, write_night
from tests.conftest import inside
from tests.features.ingest.exports import NOW, ORDERS, ingest, orders, settings_of
from tests.serving.console.visits import Visit, bare, signed_in

EVIL = "<b>Jane Doe</b>"


def visit(app: FastAPI, role: Role = "analyst", language: str = "en") -> Visit:
    return _signed_in(app, role, language)


@cache  # signing in waits until a new key is noticed
def _signed_in(app: FastAPI, role: Role, language: str) -> Visit:
    settings: Settings = app.state.encore.settings
    key = KeyFile(settings[StoreSettings]).create(f"{role} {language}", (role,), NOW)
    return signed_in(app, key, language)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """A console of a deployment that has ingested an export with a broken row, and has no models."""
    folder = tmp_path_factory.mktemp("data")
    with inside(folder):
        orders(folder, f"{ORDERS}{EVIL},9,x,no moment,1,1.50\n")
        settings = settings_of(folder, max_rejected_share=1.0)
        ingest(settings)
        yield with_console(create_app(settings, lambda: NOW))


def test_without_data_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = visit(bare(tmp_path / "data")).get("/console/data")
    assert page.status_code == 200
    for text in ("Nothing was ingested yet.", "No row is in quarantine", "were not checked yet"):
        assert text in page.text


def test_what_came_in_and_how_the_night_went(app: FastAPI) -> None:
    stores = app.state.encore.settings[StoreSettings]
    step = Result("refused", "It is no better. <i>", 10, step="train churn")
    write_night(stores, Night(datetime(2024, 12, 31, 3, tzinfo=UTC), 10, [step]))
    page = visit(app).get("/console/data").text
    for text in ("orders.csv", "Jan 9, 2024", "done; the gate refused a version", "It is no better."):
        assert text in page
    assert "of 4 rows that were read" in page
    chinese = visit(app, language="zh").get("/console/data").text
    assert "共读取 4 行" in chinese
    assert '<span lang="en">train churn</span>' in chinese


def test_rejected_rows_are_shown_to_analysts_as_text_and_audited(app: FastAPI) -> None:
    settings = app.state.encore.settings
    audit = settings[StoreSettings].data / "audit/audit.jsonl"
    assert "Jane Doe" not in visit(app).get("/console/data").text
    assert visit(app, "marketer").get("/console/data/rejected").status_code == 403
    assert not audit.exists() or "GET /console/data/rejected" not in audit.read_text()
    page = visit(app).get("/console/data/rejected").text
    assert "&lt;b&gt;Jane Doe&lt;/b&gt;" in page
    assert EVIL not in page
    assert "GET /console/data/rejected" in audit.read_text()


def test_a_check_is_kept_and_shown(app: FastAPI) -> None:
    assert visit(app, "marketer").post("/console/data/check").status_code == 403
    analyst = visit(app)
    answer = analyst.post("/console/data/check")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/data#readiness")
    page = analyst.get("/console/data").text
    assert "not enough" in page  # of three order lines nothing can be learned
    assert "Recommended settings" in page
