"""`encore refresh`: does what is due; killed at any step it continues the next time, and nothing is lost meanwhile."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import pytest

from core.locks import locked
from core.stamps import read_stamp
from features.store.feature_store import Store
from serving.cli import main
from serving.settings import load_settings
from tests.conftest import Scoring, inside
from tests.servers import ENCORE
from tests.world import config_text, write_slice
from training.lifecycle.champions import Champions
from training.lifecycle.version import Version

pytestmark = pytest.mark.servers

CUSTOMERS = "household_id % 12 = 0"
#: The exports of the first night end here.
FIRST = "2017-11-20"
MODELS = ("encore-churn", "encore-next-product", "encore-value", "encore-segments")


def write_exports(folder: Path, until: str | None) -> None:
    """Write the exports of a night, all at once."""
    write_slice(folder, CUSTOMERS)
    if until is not None:
        file, cut = folder / "transactions.parquet", folder / "cut.parquet"
        query = f"SELECT * FROM '{file}' WHERE transaction_timestamp < '{until}'"
        duckdb.execute(f"COPY ({query}) TO '{cut}' (FORMAT parquet)")
        cut.replace(file)


def refresh(folder: Path, *options: str, **environment: str) -> tuple[int, str]:
    """Run the command in a folder, in this process, which has loaded its libraries.

    Returns its exit code and what it printed.
    """
    output, errors = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, inside(folder), redirect_stdout(output), redirect_stderr(errors):
        for name, value in {"COLUMNS": "200", **environment}.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["encore", "refresh", *options])
        with pytest.raises(SystemExit) as left:
            main()
    code = left.value.code
    assert code is None or isinstance(code, int)
    return code or 0, output.getvalue() + ("" if "--format" in options else errors.getvalue())


def refresh_apart(folder: Path, **environment: str) -> tuple[int, str]:
    """Do the same in a process of its own."""
    variables = {**os.environ, "COLUMNS": "200", **environment}
    done = subprocess.run([*ENCORE, "refresh"], cwd=folder, env=variables, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def killed_in(folder: Path, step: str, after: float) -> None:
    """Start the command, and kill it some seconds after a step has begun."""
    variables = {**os.environ, "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}
    log = folder / "log"
    with (
        log.open("w") as output,
        subprocess.Popen([*ENCORE, "refresh"], cwd=folder, stdout=output, stderr=output, env=variables) as process,
    ):
        deadline = time.monotonic() + 240
        while f"  {step}: " not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


@dataclass(frozen=True)
class Night:
    """A folder after its first night."""

    directory: Path
    steps: dict[str, str]
    champions: dict[str, Version]


def champions_of(folder: Path) -> dict[str, Version]:
    with inside(folder):
        champions = Champions(load_settings())
        return {name: version for name in MODELS if (version := champions.current(name)) is not None}


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    """Run the first night, on exports that end before the others."""
    folder = tmp_path_factory.mktemp("night")
    write_exports(folder / "exports", FIRST)
    # of 200 customers the default gate refuses what differs by chance
    lenient = ["[refresh]", "retrain_days = 21", "[promotion]", "tolerance = 0.5", "calibration_tolerance = 0.5"]
    lines = config_text(folder / "exports", [*lenient, "slice_tolerance = 0.9"]).splitlines()
    kept = [line for line in lines if not line.startswith("test_snapshots")]
    (folder / "encore.toml").write_text("\n".join(kept))
    code, printed = refresh(folder, "--format", "json")
    assert code == 0, printed
    steps = {step["step"]: step["outcome"] for step in json.loads(printed)["steps"]}
    return Night(folder, steps, champions_of(folder))


def copy_of(night: Night, folder: Path) -> Path:
    shutil.copytree(night.directory, folder)
    config = (folder / "encore.toml").read_text()
    (folder / "encore.toml").write_text(config.replace(str(night.directory), str(folder)))
    with inside(folder):
        Store(load_settings()).apply()  # the registry holds the paths of the features
    return folder


def test_the_first_night_goes_from_exports_to_champions(night: Night) -> None:
    assert night.steps == {
        "ingest": "done",
        "features": "done",
        "feature registry": "done",
        "online store": "done",
        "effects": "skipped",
        "scores": "skipped",
        "train churn": "done",
        "train next-product": "done",
        "train value": "done",
        "train segments": "done",
        "train uplift": "skipped",
        "recalibrate churn": "skipped",
        "scores of new versions": "done",
        "report": "done",
    }
    assert set(night.champions) == set(MODELS)
    summary = json.loads((night.directory / "data/refresh/summary.json").read_text())
    assert summary["exit_code"] == 0
    assert len(summary["steps"]) == len(night.steps)


def test_a_second_run_has_nothing_to_do_and_says_why(night: Night) -> None:
    code, printed = refresh(night.directory, "--format", "json")
    assert code == 0, printed
    steps = json.loads(printed)["steps"]
    assert {step["outcome"] for step in steps} == {"skipped"}
    by_name = {step["step"]: step["text"] for step in steps}
    assert by_name["ingest"] == "No file, query or event is new."
    assert "0 days before those of now; due after 21" in by_name["train churn"]
    code, printed = refresh(night.directory, "--plan", ENCORE_REFRESH__RECALIBRATE="false")
    assert code == 0
    assert "refresh.recalibrate is off." in printed
    assert "would run  ingest" not in printed
    assert "would run  train" not in printed


def test_two_do_not_run_at_a_time(night: Night) -> None:
    with locked(night.directory / "data/refresh.lock"):
        code, printed = refresh_apart(night.directory)
    assert code == 40
    assert "Another `encore refresh` runs" in printed


def test_exports_that_are_not_fit_leave_what_was_there(night: Night, tmp_path: Path) -> None:
    folder = copy_of(night, tmp_path / "broken")
    before = read_stamp(folder / "data/contract")
    (folder / "exports/transactions.parquet").write_bytes(b"PAR1 torn")
    code, printed = refresh(folder)
    assert code == 20, printed
    assert "✗ ingest" in printed
    assert "transactions.parquet" in printed
    assert read_stamp(folder / "data/contract") == before
    assert champions_of(folder) == night.champions


def test_an_unknown_model_in_the_schedule_is_refused(night: Night) -> None:
    code, printed = refresh(night.directory, ENCORE_REFRESH__RETRAIN_DAYS_OF='{"chrun": 7}')
    assert code == 2
    assert "expected names of models (churn, next_product, segments, uplift, value), found 'chrun'" in " ".join(
        printed.split()
    )


def test_a_store_that_does_not_answer_has_a_code_of_its_own(night: Night) -> None:
    code, printed = refresh_apart(night.directory, ENCORE_TRACKING__URI="http://127.0.0.1:1")
    assert code == 30, printed
    assert "MLflow does not answer" in printed


def test_killed_in_any_step_it_answers_on_and_goes_through_the_next_time(night: Night, tmp_path: Path) -> None:
    straight, killed = (copy_of(night, tmp_path / name) for name in ("straight", "killed"))
    for folder in (straight, killed):
        write_exports(folder / "exports", None)
        with (folder / "encore.toml").open("a") as config:
            config.write('\n[features]\nowner = "crm@example.com"\n')  # the registry has to know it
    _, printed = refresh(killed, "--plan")
    assert "would run  ingest" in printed
    assert "depends    train churn" in printed
    for step, after in (
        ("ingest", 0.3),
        ("features", 0.5),
        ("feature registry", 0.01),
        ("online store", 0.3),
        ("scores", 0.3),
        ("train churn", 1.5),
        ("train next-product", 4.0),
        ("train value", 0.5),
        ("scores of new versions", 0.3),
        ("report", 1.0),
    ):
        killed_in(killed, step, after)
        assert_answers(killed)
    for folder in (killed, straight):
        code, printed = refresh(folder)
        assert code == 0, printed
    assert fingerprints(killed) == fingerprints(straight)
    ours, theirs = champions_of(killed), champions_of(straight)
    for name in MODELS:
        assert ours[name].fingerprint == theirs[name].fingerprint
        assert ours[name].metrics == pytest.approx(theirs[name].metrics)
    assert not list((killed / "data").rglob(".unfinished-*"))
    code, printed = refresh(killed, "--format", "json")
    assert code == 0, printed
    assert {step["outcome"] for step in json.loads(printed)["steps"]} == {"skipped"}


def assert_answers(folder: Path) -> None:
    """What the killed command left answers, as an API that starts now would."""
    with inside(folder):
        (one,) = Scoring(load_settings()).ask(["12"], "risk", "offers")
    assert one.statuses <= {"ok", "withheld"}


def fingerprints(folder: Path) -> dict[str, Any]:
    return {name: read_stamp(folder / "data" / name)["fingerprint"] for name in ("contract", "features")}
