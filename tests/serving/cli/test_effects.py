"""The step of the night that learns effects, and `encore effects`, which shows them."""

import json
import sys
from pathlib import Path

import pytest

from core.settings import StoreSettings
from core.stamps import read_stamp, write_stamp
from features.contract.assigned import HOLDOUT
from features.contract.tables import contract_directory
from serving import cli
from serving.cli.context import Context
from serving.cli.night import run_steps, steps
from tests.contract_tables import written
from tests.features.views.naive import Row
from tests.training.effects.test_outcomes import assignment


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a mailing of somebody else: all of 60 customers with a call stay, and half of 60 without one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "encore.toml").write_text("threads = 1\n")
    assigned: list[Row] = []
    outcomes: list[Row] = []
    for place in range(120):
        arm, customer = ("call" if place < 60 else HOLDOUT), f"c{place}"
        assigned.append(assignment(customer, arm=arm, propensity=0.5))
        outcomes.append({"customer_id": customer, "campaign_id": "spring", "retained": place < 60 or place % 2 == 0})
    written(tmp_path / "data", assignments=assigned, outcomes=outcomes)
    _ingested(tmp_path, 120)
    return tmp_path


def _ingested(folder: Path, assignments: int) -> None:
    contract = contract_directory(StoreSettings(data=folder / "data"))
    stamp = {"fingerprint": f"of {assignments}", "rows": {"assignments": assignments}}
    write_stamp(contract, {**read_stamp(contract), **stamp})


def _night(folder: Path) -> tuple[str, str]:
    """Run the step as the night does, and return its outcome."""
    context = Context(folder / "encore.toml")
    (result,) = run_steps(context, [step for step in steps(context) if step.name == "effects"])
    return result.outcome, result.text


def _printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    monkeypatch.setattr(sys, "argv", ["encore", "effects", *options])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    return capsys.readouterr().out


def test_the_night_learns_effects_once_for_the_same_data(shop: Path) -> None:
    assert _night(shop) == ("done", "Campaigns measured: 1; actions whose effect on retention is known: 1.")
    assert _night(shop) == ("skipped", "They are of these data and campaigns.")
    _ingested(shop, 121)
    assert _night(shop)[0] == "done"


def test_without_assignments_the_night_has_nothing_to_learn(shop: Path) -> None:
    _ingested(shop, 0)
    assert _night(shop) == ("skipped", "No customer was assigned to a campaign.")


def test_what_is_measured_is_shown(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "Nothing is measured yet" in _printed(monkeypatch, capsys)
    _night(shop)
    capsys.readouterr()
    monkeypatch.setenv("COLUMNS", "160")
    table = _printed(monkeypatch, capsys)
    assert all(word in table for word in ("call", "retained", "+0.5", "measured", "spring"))
    (effect,) = json.loads(_printed(monkeypatch, capsys, "--format", "json"))
    assert (effect["action"], effect["lift"], effect["needs_more"]) == ("call", pytest.approx(0.5), 0)
