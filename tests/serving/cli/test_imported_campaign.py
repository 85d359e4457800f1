"""`encore campaign report --imported`: a randomised mailing that somebody else ran."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from serving import cli
from tests.contract_tables import written
from tests.simulate_effects import simulate

ASSIGNED = datetime(2026, 3, 2, tzinfo=UTC)
COUNT = 8_000


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with customers, arms and outcomes of a mailing, and nothing else."""
    made = simulate(COUNT, 3, 0.5, 1.0)
    customers, named = [f"S{place:04}" for place in range(COUNT)], {"campaign_id": "spring"}
    assignments = [
        {"customer_id": one, **named, "assigned_timestamp": ASSIGNED, "arm": arm, "propensity": 0.5, "cost": cost}
        for one, called in zip(customers, made["called"].tolist(), strict=True)
        for arm, cost in [("call", 0.6) if called else ("holdout", 0.0)]
    ]
    results = zip(customers, made["stayed"].tolist(), made["revenue"].tolist(), strict=True)
    outcomes = [{"customer_id": one, **named, "retained": bool(s), "revenue": amount} for one, s, amount in results]
    written(
        tmp_path / "data",
        customers=[{"customer_id": one} for one in customers],
        assignments=assignments,
        outcomes=outcomes,
    )
    (tmp_path / "encore.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["encore", "campaign", "report", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0)


def test_it_is_reported_from_its_files(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--imported", "spring", "--format", "json") == 0
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (report["customers"], report["known"], report["final"]) == (COUNT, COUNT, True)
    (call,) = report["arms"]
    found = call["found"]["retained"]["effect"]
    assert (call["verdict"], found["low"] < found["value"] < found["high"]) == ("effect", True)
    assert call["money"]["cost"] == pytest.approx(0.6 * call["customers"])
    assert {check["name"]: check["status"] for check in report["checks"]}["sample_ratio"] == "ok"
    # a final report is no look, so that once more is the same
    assert run(monkeypatch, "--imported", "spring", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out) == report


def test_an_unknown_mailing_is_an_error_that_names_those_there_are(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--imported", "autumn") != 0
    assert "spring" in capsys.readouterr().err
    assert run(monkeypatch) != 0
    assert "Expected a campaign or --imported" in capsys.readouterr().err
