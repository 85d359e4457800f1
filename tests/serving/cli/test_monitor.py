"""`encore monitor`: tables, JSON, page, metrics and alerts, of answers that the world's champion could have given."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from core.settings import Settings
from serving.cli.app import app
from tests.conftest import World, connected, copied
from training.churn.pipeline import CHURN
from training.monitoring.answers import Answer, AnswerLog
from training.monitoring.drift import observe_champion
from training.monitoring.realised import risk_weeks, with_outcomes

#: In no other word of a page.
CUSTOMER = "erase-me-7c1f"
RULES = '[{"measure": "high_risk_share", "above": 0.0001}, {"measure": "order_lines", "spreads": 50}]'


@pytest.fixture(scope="module")
def settings(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A folder in whose log the champion has answered at earlier snapshots."""
    with copied(world, tmp_path_factory.mktemp("monitor")) as settings:
        observation = observe_champion(CHURN, settings)
        assert observation is not None
        rows, log = observation.rows, AnswerLog(settings)
        moments = [pd.Timestamp(moment, tz="UTC").to_pydatetime() for moment in rows.snapshots]
        log.add(
            Answer(str(customer), observation.label, moment, risk=float(risk), tier="low")
            for customer, moment, risk in zip(rows.customers, moments, rows.scores, strict=True)
        )
        shown = (("1029743", "repeat"), ("995242", "cross_sell"))
        for number in range(0, len(rows.customers), 5):
            log.add([Answer(str(rows.customers[number]), "encore-next-product/1", moments[number], offers=shown)])
        log.add([Answer(CUSTOMER, observation.label, moments[0], risk=0.5, tier="high")])
        log.flush()
        yield settings


@pytest.fixture(autouse=True)
def rules(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENCORE_ALERTS__RULES", RULES)
    monkeypatch.setenv("ENCORE_ALERTS__FILE", "data/alerts.jsonl")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["monitor", *arguments], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.stdout  # progress is on the other stream


def test_the_figures_are_those_of_the_parts(settings: Settings) -> None:
    printed = run("--format", "json", "--dry-run")
    assert "NaN" not in printed
    found: dict[str, Any] = json.loads(printed)
    churn, offers, *others = found["models"]
    # nothing comes true, or untrue, of values and clusters that monitoring measures
    assert others
    assert not any(one["weeks"] or one["offers"] for one in others)
    as_of = datetime.fromisoformat(found["as_of"])
    answers = AnswerLog(settings).read()
    own = answers[answers["model"] == "encore-churn/1"]
    expected = risk_weeks(with_outcomes(CHURN, settings, own, as_of))
    assert [week["customers"] for week in churn["weeks"]] == [week.customers for week in expected]
    known = [week for week in churn["weeks"] if week["realised"] is not None]
    assert known
    assert len(known) < len(churn["weeks"])
    assert all(week["realised"]["roc_auc"]["value"] > 0.7 for week in known)
    promised = churn["promised"]["encore-churn/1"]
    assert 0.7 < promised["roc_auc"] < 1
    assert set(promised) == {"roc_auc", "ece", "lift_at_10", "churn_rate"}
    assert churn["inside"]["roc_auc"]["of"] == len(known)
    assert churn["drift"]["drifted"] is False
    assert offers["offers"][0]["all"]["shown"] == 2 * offers["offers"][0]["customers"]
    assert offers["drift"] is None
    assert [alert["outside"] for alert in found["alerts"]] == [True, False]
    assert [one["status"] for one in found["messages"]] == ["open"]
    assert not Path("data/alerts.jsonl").exists()


def test_tables_page_and_alerts(settings: Settings) -> None:
    text = run()
    for title in ("Churn: answers and what came of them", "Churn: drift", "offers by place", "Alerts"):
        assert title in text, text
    assert "Alert sent (open): Share of customers at high risk" in text
    assert "Alert sent" not in run()  # once an episode
    page = Path("data/monitor.html").read_text()
    assert page.count("<svg") >= 6
    assert not re.search(r"(src|href|url\()=?\W?https?:", page)  # it loads nothing
    written = [json.loads(line) for line in Path("data/alerts.jsonl").read_text().splitlines()]
    assert len(written) == 1
    assert set(written[0]) == {"source", "id", "alert", "status", "measure", "value", "text", "since", "at"}
    for file in ("monitor.html", "monitor.json", "alerts.jsonl", "alerts.json"):
        assert CUSTOMER not in Path("data", file).read_text()


def test_prometheus_shows_what_was_found(settings: Settings) -> None:
    run()
    with connected(settings) as client:
        lines = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines() if line[0] != "#")
        name = 'encore_model_performance{figure="realised_roc_auc",model="encore-churn",version="1"}'
        assert 0.7 < float(lines[name]) < 1
        assert float(lines['encore_drifted{model="churn"}']) == 0
        assert float(lines["encore_alerts_open"]) == 1
        assert float(lines["encore_monitored_timestamp_seconds"]) > 1.5e9
        found = json.loads(Path("data/monitor.json").read_text())
        found["versions"] = {"encore-churn/2": {"realised_ece": 0.01}}
        Path("data/monitor.json").write_text(json.dumps(found))
        lines = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines() if line[0] != "#")
        assert np.isnan(float(lines[name]))
        Path("data/monitor.json").write_text("{")
        assert client.get("/metrics").status_code == 200


def test_without_answers_and_features_the_rest_is_found(settings: Settings, tmp_path: Path) -> None:
    stamp = Path("data/features/stamp.json")
    before = stamp.read_text()
    stamp.write_text(before.replace('"fingerprint": "', '"fingerprint": "x', 1))
    try:
        text = run("--output", str(tmp_path / "page.html"), "--dry-run")
    finally:
        stamp.write_text(before)
    assert "built from other data" in text
    assert "Churn: answers and what came of them" in text
    assert (tmp_path / "page.html").exists()
