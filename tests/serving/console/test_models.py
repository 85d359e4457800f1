"""Models in the console: who sees them, what is shown, and what analysts decide."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fastapi import FastAPI

from core.settings import Settings, StoreSettings
from serving.access.keys import KeyFile, Role
from tests.browser import PHONE, Surfer
from tests.conftest import inside
from tests.serving.console.visits import Visit, bare, signed_in
from tests.training.lifecycle.test_tracking import Note
from tests.training.monitoring.test_kept import found
from training.evaluation.bootstrap import Estimate
from training.evaluation.grade import Grading
from training.lifecycle.champions import Champions
from training.lifecycle.gate import Check, Decision
from training.lifecycle.promotions import Who
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import CARD, Tracking
from training.lifecycle.version import VersionTags
from training.monitoring.kept import keep

NOW = datetime(2024, 3, 1, tzinfo=UTC)
CHURN = "encore-churn"
#: What a name in the data could hold.
EVIL = "<script>alert(1)</script>"
METRICS = {
    "test.churn_rate": 0.2,
    "champion.roc_auc": 0.876,
    "champion.average_precision": 0.6,
    "recency.roc_auc": 0.765,
    "recency.average_precision": 0.4,
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """A console beside a registry with two versions of churn: the first answers, the second waits; nobody answers."""
    folder = tmp_path_factory.mktemp("models")
    with inside(folder):
        app = bare(folder / "data", clock=lambda: NOW)
        settings: Settings = app.state.encore.settings
        tracking = Tracking(settings[TrackingSettings])
        versions = [_registered(tracking, folder, number) for number in (1, 2)]
        checks = (Check("gain", passes=True, text=f"It is better. {EVIL}"),)
        good = Decision(passes=True, reason="It is good.", checks=checks)
        Champions(settings, tracking).promote(versions[0], good, Who("ada", f"the first {EVIL}"))
        keep(settings[StoreSettings], found(), NOW)
        yield app


def _registered(tracking: Tracking, folder: Path, number: int) -> Any:
    files = folder / str(number) / "model"
    files.mkdir(parents=True)
    Note("a note").save(files)
    example = pd.DataFrame({"x": [1.0]})
    with tracking.run("churn", {"data_end": "2024-02-01"}) as run:
        run.metrics(METRICS)
        run.text(CARD, f"# Card {number}\n\n{EVIL}\n")
        run.model(files, "tests.training.lifecycle.test_tracking", example, example)
    grading = Grading("B", "recency", Estimate(0.1, 0.05, 0.15), 0.3, 0.01, words="ranks well")
    return tracking.register(run, CHURN, VersionTags(f"f{number}", "d", grading))


def visit(app: FastAPI, role: Role, language: str = "en") -> Visit:
    return _signed_in(app, role, language)


@cache  # signing in waits until a new key is noticed
def _signed_in(app: FastAPI, role: Role, language: str) -> Visit:
    settings: Settings = app.state.encore.settings
    key = KeyFile(settings[StoreSettings]).create(f"{role} {language}", (role,), NOW)
    return signed_in(app, key, language)


def test_marketers_do_not_see_models(app: FastAPI) -> None:
    marketer = visit(app, "marketer")
    for path in ("", f"/{CHURN}", f"/{CHURN}/1"):
        assert marketer.get(f"/console/models{path}").status_code == 403
    assert marketer.post(f"/console/models/{CHURN}/2/promote", {"why": "x", "typed": f"{CHURN}/2"}).status_code == 403
    assert marketer.post(f"/console/models/{CHURN}/1/roll-back", {"why": "x", "typed": f"{CHURN}/1"}).status_code == 403


def test_models_are_shown_in_both_languages(app: FastAPI) -> None:
    for language, words in (
        ("en", ("B: good", "Version 2 waits", "ranks well")),
        ("zh", ("B：良好", "版本 2 等待决定")),
    ):
        page = visit(app, "analyst", language).get("/console/models").text
        for text in words:
            assert text in page
    assert '<span lang="en">ranks well</span>' in page  # the last one is Chinese


def test_one_model_shows_what_came_true_what_moved_and_who_decided(app: FastAPI) -> None:
    analyst = visit(app, "analyst")
    page = analyst.get(f"/console/models/{CHURN}").text
    # figures beside the baseline, weeks, bands, drift, and the decision
    for text in (
        "0.876",
        "0.765",
        "25% (between 15% and 35%)",
        "not known yet",
        "39 customers were expected to leave; 34",
    ):
        assert text in page
    assert "wild" in page
    assert "by ada" in page
    assert EVIL not in page
    assert "the first &lt;script&gt;" in page
    offers = analyst.get("/console/models/encore-next-product").text
    assert "Offers that were bought, by week" in offers
    assert analyst.get("/console/models/encore-none").status_code == 404


def test_a_version_shows_its_card_and_no_other_html(app: FastAPI) -> None:
    analyst = visit(app, "analyst")
    page = analyst.get(f"/console/models/{CHURN}/2").text
    assert "<h3>Card 2</h3>" in page
    assert EVIL not in page
    assert "mlflow ui --backend-store-uri" in page
    assert analyst.get(f"/console/models/{CHURN}/99").status_code == 404
    assert analyst.get(f"/console/models/{CHURN}/champion").status_code == 404


def test_a_decision_needs_a_reason_and_the_label(app: FastAPI) -> None:
    analyst = visit(app, "analyst")
    answer = analyst.post(f"/console/models/{CHURN}/2/promote", {"why": "it is &better", "typed": "2"})
    assert answer.status_code == 422
    assert "Expected exactly encore-churn/2." in answer.text
    assert 'value="it is &amp;better"' in answer.text  # what was typed stays
    answer = analyst.post(f"/console/models/{CHURN}/2/roll-back", {"why": " ", "typed": f"{CHURN}/2"})
    assert answer.status_code == 422


def test_the_gate_is_asked_as_by_the_command(app: FastAPI) -> None:
    """The champion is refused in the words of the function that `encore models promote` calls."""
    answer = visit(app, "analyst").post(f"/console/models/{CHURN}/1/promote", {"why": "again", "typed": f"{CHURN}/1"})
    assert answer.status_code == 409
    assert "encore-churn/1 is the champion already" in answer.text


def test_a_roll_back_names_the_visitor_and_the_reason(app: FastAPI) -> None:
    settings = app.state.encore.settings
    champions = Champions(settings)
    second = champions.tracking.version(CHURN, "2")
    champions.promote(second, Decision(passes=True, reason="It is good."), Who("ada", "the second"))
    analyst = visit(app, "analyst")
    assert 'action="/console/models/encore-churn/1/roll-back"' in analyst.get(f"/console/models/{CHURN}/1").text
    answer = analyst.post(f"/console/models/{CHURN}/1/roll-back", {"why": "too bold", "typed": f"{CHURN}/1"})
    assert answer.status_code == 303
    entry = champions.history(CHURN, 1)[0]
    assert (entry.action, entry.version, entry.decided_by, entry.why) == ("rolled_back", "1", "analyst en", "too bold")
    page = analyst.get(answer.headers["location"]).text
    assert "Version 1 became the champion again" in page
    audit = (settings[StoreSettings].data / "audit/audit.jsonl").read_text()
    assert "POST /console/models/{name}/{number}/roll-back" in audit


@pytest.mark.servers
@pytest.mark.parametrize("more", [{}, {"language": "zh", "size": PHONE, "theme": "dark"}], ids=["desktop", "phone"])
def test_the_pages_below_models_and_data_are_usable(
    surf: Callable[..., AbstractContextManager[Surfer]], more: dict[str, Any]
) -> None:
    with surf("analyst", **more) as surfer:
        for path in ("models/encore-churn", "models/encore-value", "models/encore-churn/1", "data/rejected"):
            surfer.open(f"/console/{path}")
            surfer.check()
