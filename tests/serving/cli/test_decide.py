"""`encore decide` in the fitted world: the table, the list, the record and its replay."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from core.settings import Settings, StoreSettings
from serving.cli.app import app
from serving.decisions.records import DecisionRecords
from serving.parts.action import ActionAnswer, ActionPart
from serving.scoring.export import materialize_scores
from serving.scoring.part import Computed, Question, Reading
from serving.settings import DecisionSettings
from tests.conftest import Scoring, World, copied
from training.churn.settings import ChurnSettings

DECISIONS = """
[policy]
holdout = 0.1
margin = 0.3
capacity = {phone = 10, email = 100}
[actions.call]
goal = "retain"
channel = "phone"
cost = 0.5
saves = 0.2
titles = {en = "=Call"}
[actions.mail]
goal = "repeat"
channel = "email"
cost = 0.05
adds = 0.03
"""


@pytest.fixture(scope="module")
def settings(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A folder with scores of every customer, and with actions."""
    with copied(world, tmp_path_factory.mktemp("decide")) as settings, pytest.MonkeyPatch.context() as patch:
        Path("decisions.toml").write_text(DECISIONS)
        patch.setenv("ENCORE_DECISIONS__FILE", "decisions.toml")
        scoring = Scoring(settings)
        ground = scoring.reloader.deployment.ground
        everyone = ground.store.customers(ChurnSettings.service, ground.online.as_of)
        as_of = scoring.reloader.as_of(scoring.reloader.deployment)
        materialize_scores(scoring.service, scoring.reloader.deployment, everyone, as_of, ("risk", "value"))
        yield settings


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["decide", *arguments], env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    return result.stdout


def decided(*arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run("--format", "json", *arguments))
    return answer


def test_a_decision_is_listed_kept_and_replayed(settings: Settings) -> None:
    found = decided("--out", "list.csv")
    rows, totals = pd.read_csv("list.csv"), found["totals"]
    assert len(rows) == totals["customers"] > 300
    counts = rows.action.value_counts()
    assert counts["call"] == totals["actions"]["call"]["customers"] == 10
    assert counts["mail"] == totals["actions"]["mail"]["customers"] == 100
    assert rows.gain.sum() == pytest.approx(totals["gain"])
    assert rows[rows.action == "call"].gain.min() > 0
    # about a tenth of the customers is never contacted
    held = found["ruled_out"]["call"]["holdout"]
    assert 0.05 < held / len(rows) < 0.16
    assert (rows.ruled_out.fillna("").str.contains("call: holdout")).sum() == held
    assert found["versions"]["churn_model"].startswith("encore-churn/")
    assert DecisionRecords(settings[StoreSettings]).runs() == [found["run"]]
    assert "came out the same" in run("replay", found["run"])
    assert json.loads(run("replay", found["run"], "--format", "json"))["holds"]
    assert "There is no run" in str(CliRunner().invoke(app, ["decide", "replay", "none"]).exception)


def test_budget_and_capacity_can_be_given_and_nothing_is_kept_of_a_trial(settings: Settings) -> None:
    before = DecisionRecords(settings[StoreSettings]).runs()
    found = decided("--dry-run", "--budget", "2", "--capacity", "email=5")
    assert found["run"] is None
    assert found["limits"] == {"actions": ["call", "mail"], "budget": 2.0, "capacity": {"phone": 10, "email": 5}}
    assert found["totals"]["cost"] <= 2
    assert found["totals"]["actions"]["mail"]["customers"] <= 5
    assert DecisionRecords(settings[StoreSettings]).runs() == before
    printed = run("--dry-run", "--budget", "2")
    assert "Budget 2.00; one more would gain" in printed
    assert "do_nothing" in printed


def test_some_customers_are_decided_about_from_a_file_or_a_list(settings: Settings) -> None:
    everyone = decided("--dry-run", "--out", "every.parquet")["totals"]["customers"]
    ids = pd.read_parquet("every.parquet").customer_id.tolist()[:3]
    Path("some.csv").write_text("customer_id,name\n" + "".join(f"{one},x\n" for one in ids))
    of_file, of_list = (decided("--dry-run", "--customers", one) for one in ("some.csv", ",".join(ids)))
    assert of_file == of_list
    assert (of_file["totals"]["customers"], everyone > 3, of_file["is_plan"]) == (3, True, False)


def test_what_is_given_wrongly_is_refused(settings: Settings) -> None:
    run("--capacity", "email", code=2)
    for arguments, problem in ((["--out", "x.txt"], "parquet or .csv"), (["--customers", " , "], "Expected ids")):
        assert problem in str(CliRunner().invoke(app, ["decide", *arguments]).exception)


def test_columns_of_decisions_are_computed_once_for_all_languages(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed, compute = list[str](), ActionPart.compute

    def counted(part: ActionPart, reading: Reading) -> Mapping[str, Computed[ActionAnswer]]:
        computed.append(reading.question.language)
        return compute(part, reading)

    monkeypatch.setattr(ActionPart, "compute", counted)
    scoring = Scoring(settings.replaced(DecisionSettings(file=Path("decisions.toml"))))
    deployment = scoring.reloader.deployment
    some = pd.read_csv("list.csv", dtype=str).customer_id.tolist()[:3]
    as_of = scoring.reloader.as_of(deployment)
    materialize_scores(scoring.service, deployment, some, as_of, ("risk", "action"))
    assert computed == ["en"]
    assert not scoring.service.keeps(deployment, Question(tuple(some), ("action",)), as_of)
    assert scoring.service.keeps(deployment, Question(tuple(some), ("risk", "action"), "zh"), as_of) == ("risk",)
    customers, cells = scoring.service.table.every()
    written = dict(zip(customers, cells["best_action"], strict=True))
    assert all(written[one] in {"call", "mail", "do_nothing"} for one in some)


def test_the_card_of_a_customer_has_the_best_action_with_its_reason(settings: Settings) -> None:
    decided("--dry-run", "--out", "every.csv")
    rows = pd.read_csv("every.csv")
    called = str(rows[rows.action == "call"].customer_id.iloc[0])
    card = CliRunner().invoke(app, ["explain", called], env={"COLUMNS": "200"})
    assert card.exit_code == 0, card.output
    assert "Best action: =Call" in card.output
    assert "Assumed and not measured yet" in card.output
    chinese = CliRunner().invoke(app, ["explain", called, "--language", "zh"], env={"COLUMNS": "200"})
    # without a title in the language it is the one in another
    assert "最佳行动：=Call" in chinese.output
