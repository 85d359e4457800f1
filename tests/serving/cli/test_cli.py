"""Every command as a user runs it: in the fitted world, and where something is missing."""

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from core.progress import Report
from core.settings import Settings, StoreSettings
from features.ingest.settings import DataSettings
from serving import cli
from serving.access.keys import KeyFile
from serving.cli import evaluation
from serving.cli.app import COMMANDS, load
from serving.cli.context import Context
from serving.cli.demo import write_demo_config
from tests.conftest import NOW, World
from training.lifecycle import runner
from training.model import Model


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run `encore` in this process and return its exit code."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "argv", ["encore", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0)


def every_command() -> Iterator[tuple[str, Any]]:
    """Yield every command by what a user types, those of groups and of models among them."""
    for listed in COMMANDS:
        command = load(listed.name)
        if not hasattr(command, "list_commands"):
            yield listed.name, command
            continue
        for name in command.list_commands(None):
            yield f"{listed.name} {name}", command.get_command(None, name)


def test_the_list_has_the_help_of_every_command() -> None:
    assert [one.help for one in COMMANDS] == [load(one.name).help.split("\n")[0] for one in COMMANDS]


def test_every_command_explains_itself_and_its_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = dict(every_command())
    expected = {"demo", "features build", "train churn", "tune churn", "evaluate next-product", "keys revoke", "answer"}
    assert expected <= set(commands)
    for name, command in commands.items():
        assert run(monkeypatch, *name.split(), "--help") == 0
        printed = " ".join(re.sub(r"[│╭╮╰╯─]", " ", capsys.readouterr().out).split())
        assert f"Usage: encore {name}" in printed
        sentence = command.help.split("\n")[0]
        assert sentence in printed
        for parameter in command.params:
            if getattr(parameter, "hidden", False):
                continue
            assert parameter.help, f"{name}: {parameter.name} has a help"
            assert parameter.opts[0] in printed


def test_help_loads_no_heavy_library() -> None:
    heavy = "{'feast', 'mlflow', 'lightgbm', 'pandas', 'numpy', 'duckdb', 'ibis', 'fastapi', 'pydantic'}"
    code = (
        "import sys; from serving import cli; sys.argv = ['encore', '--help']\n"
        "try: cli.main()\n"
        f"except SystemExit: print('LOADED', sorted({heavy} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "LOADED []" in done.stderr


def test_the_pipeline_again_is_skipped(
    at_home: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "demo", "--no-serve") == 0
    text = capsys.readouterr().out
    # the slice is read by queries, which nobody can watch, so it is mapped again, with the same outcome
    models = ("churn model", "next-product model", "value model", "segments model")
    for stage in ("features", "feature registry", *models, "online store"):
        assert any(stage in line and "skipped" in line for line in text.splitlines()), stage
    for row in ("order lines read", "customers", "churn rate", "churn AUC", "average precision", "NDCG@10"):
        assert row in text


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("ingest", ["contract tables", "transactions"]),
        ("features build", ["features", "product_statistics"]),
        ("features apply", ["feature registry"]),
        ("features materialize", ["online store"]),
        ("train churn", ["encore-churn/1 is champion"]),
        ("train next-product", ["encore-next-product/1 is champion"]),
        ("train value", ["encore-value/1 is champion"]),
        ("train segments", ["encore-segments/1 is champion"]),
        ("evaluate segments", ["cluster_1", "adjusted Rand index", "Of shuffled columns", "Grade"]),
        ("evaluate value", ["champion", "recent_spend", "dynamics", "Gini", "median days off", "Grade"]),
        ("evaluate churn", ["champion", "rfm_logistic", "roc_auc", "income", "split by time", "Grade"]),
        ("evaluate reasons", ["agree with the model", "100.0%", "median Jaccard"]),
        (
            "evaluate next-product",
            ["two_stage", "tifu_knn", "ndcg", "2017-11-29", "new_type", "fixed_interval", "pair_auc", "Grade"],
        ),
        ("explain 6", ["encore-churn/1", "chance of no purchase", "Linked to a", "grade"]),
        ("explain 6 --language zh", ["流失风险"]),
        ("recommend 6 --kind cross_sell --limit 3", ["encore-next-product/1", "New for them"]),
        ("recommend 6 --language zh", ["过去 12 个月"]),
        ("recommend 6 --explain --limit 4", ["likely", "evidence", "own_", "baskets", "%"]),
        ("recommend 6 --types --limit 3", ["Buyers of", "as likely as average"]),
        ("recommend 6 --types --explain --language zh", ["type_together", "lift"]),
    ],
)
def test_each_command_on_its_own(
    at_home: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    words: list[str],
) -> None:
    assert run(monkeypatch, *command.split()) == 0
    text = capsys.readouterr().out
    for word in words:
        assert word in text


@pytest.fixture(autouse=True, scope="module")
def measured_once() -> Iterator[None]:
    """Measure each model once, for the table and for JSON."""
    known: dict[tuple[Path, str, str], dict[str, Any]] = {}

    def measure(model: Model[Any], settings: Settings, report: Report, *, which: str) -> dict[str, Any]:
        key = Path.cwd(), model.room, which
        if key not in known:
            known[key] = runner.evaluate(model, settings, report, which=which)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "measure", measure)
        yield


def test_tuning_says_what_it_found(
    at_home: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        assert run(monkeypatch, "tune", "churn", "--trials", "2") == 0
        assert "best of 2 trials" in capsys.readouterr().out
    finally:
        shutil.rmtree(at_home.directory / "data/tuning")


@pytest.mark.parametrize("model", ["churn", "next-product", "value", "segments"])
def test_json_is_one_object_on_standard_output(
    at_home: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], model: str
) -> None:
    assert run(monkeypatch, "evaluate", model, "--format", "json") == 0
    evaluation = json.loads(capsys.readouterr().out)
    assert evaluation["protocol"]["model"] == f"encore-{model}/1"


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_scores_are_written(at_home: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"lists/scores.{suffix}"
    assert run(monkeypatch, "score", "--output", str(file), "--language", "zh", "--language", "en") == 0
    frame = pd.read_parquet(file) if suffix == "parquet" else pd.read_csv(file, dtype={"customer_id": str})
    assert frame["customer_id"].is_unique
    assert frame["risk"].is_monotonic_decreasing
    assert frame["risk"].between(0, 1).all()
    assert len(frame) > 250
    for language, risk, reason, change in (
        ("zh", "不购买的概率", "流失风险", "仅为测算"),
        ("en", "chance of no purchase", "Linked to a", "a calculation, not a promise"),
    ):
        assert frame[f"risk_text_{language}"].str.contains(risk).all()
        assert frame[f"offer_reason_1_{language}"].notna().all()
        assert frame[f"reason_text_1_{language}"].str.contains(reason).sum() > 100
        assert frame[f"strength_text_1_{language}"].str.contains(reason).sum() > 50
        assert frame[f"reason_title_1_{language}"].notna().sum() > 100
        assert frame[f"what_if_{language}"].dropna().str.contains(change).all()
        assert set(frame.loc[frame[f"action_{language}"].notna(), "tier"]) <= {"high", "medium"}
        assert frame[f"action_{language}"].notna().sum() > 20
    assert {grade[0] for grade in frame["churn_model_grade"]} <= {"A", "B", "C"}
    assert [p.name for p in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("explain nobody", ["No customer 'nobody'", "Check the id"]),
        ("recommend nobody", ["No customer 'nobody'"]),
        ("score --output scores.xlsx", [".parquet or .csv", "scores.xlsx"]),
        ("--config none.toml ingest", ["none.toml", "found none"]),
        ("ingest --afresh", ["--afresh is called --full-refresh now"]),
        ("recommend 6 --kind gift", ["gift"]),
    ],
)
def test_bad_arguments_end_with_two(
    at_home: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: str,
    words: list[str],
) -> None:
    assert run(monkeypatch, *arguments.split()) == 2
    text = capsys.readouterr().err
    for word in words:
        assert word in text


def test_a_folder_that_cannot_be_written_is_an_error(
    at_home: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ENCORE_STORES__DATA", str(tmp_path / "file"))
    assert run(monkeypatch, "ingest") == 2
    assert str(tmp_path / "file") in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "remedy"),
    [
        ("features build", "encore ingest"),
        ("features materialize", "encore features build"),
        ("features apply", "encore features build"),
        ("tune churn", "encore features build"),
        ("train churn", "encore features build"),
        ("evaluate churn", "encore train churn"),
        ("evaluate reasons", "encore train churn"),
        ("evaluate next-product", "encore train next-product"),
        ("evaluate value", "encore train value"),
        ("score", "encore features materialize"),
        ("explain 6", "encore features materialize"),
        ("recommend 6", "encore features materialize"),
    ],
)
def test_a_step_without_the_one_before_names_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    remedy: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *command.split()) == 2
    assert remedy in capsys.readouterr().err


@pytest.mark.servers
def test_serve_says_what_is_missing_and_answers_live(tmp_path: Path) -> None:
    log = tmp_path / "log"
    KeyFile(StoreSettings(data=tmp_path / "data")).create("crm", ("score",), NOW)
    command = [sys.executable, "-c", "from serving.cli import main; main()", "serve", "--port", "0"]
    with (
        log.open("w") as output,
        subprocess.Popen(command, cwd=tmp_path, stdout=output, stderr=output) as server,
    ):
        try:
            deadline = time.monotonic() + 60
            while "encore features materialize" not in log.read_text() and time.monotonic() < deadline:
                time.sleep(0.2)
        finally:
            server.terminate()
    assert "encore features materialize" in log.read_text()


def test_a_taken_port_is_an_error(
    at_home: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    KeyFile(at_home.settings[StoreSettings]).renew("crm", ("score",), NOW)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(monkeypatch, "serve", "--port", str(port)) == 2
    assert f"127.0.0.1:{port}" in capsys.readouterr().err


def test_without_a_configuration_nothing_is_read_and_the_error_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports/orders.xml").write_text("<x/>")
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "ingest") == 2
    said = capsys.readouterr().err
    assert "Expected an encore.toml" in said
    assert "`encore init --from <folder of exports>`" in said
    assert "`encore demo`" in said
    assert not (tmp_path / "data/contract").exists()
    # nor where a file says nothing of the data
    (tmp_path / "encore.toml").write_text("[serving]\nport = 8001\n")
    assert run(monkeypatch, "ingest") == 2
    assert not (tmp_path / "data/contract").exists()


def test_only_the_demo_brings_the_data_of_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    context = Context(None)
    write_demo_config(context)
    assert context.settings[DataSettings].source == "completejourney"
    written = (tmp_path / "encore.toml").read_text()
    (tmp_path / "encore.toml").write_text("[serving]\nport = 8001\n")
    write_demo_config(Context(None))
    assert (tmp_path / "encore.toml").read_text() == "[serving]\nport = 8001\n"
    assert "encore init" in written


def test_exports_that_nothing_can_be_learned_from_are_an_error_of_init(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports/notes.csv").write_text("a,b\n1,2\n3,4\n")
    assert run(monkeypatch, "init", "--from", "exports") == 2
    assert "Expected order lines, contracts or labels at exports, found none" in capsys.readouterr().err
    assert "notes.csv (a, b) fits no table" in (tmp_path / "encore.toml").read_text()


@pytest.mark.parametrize(("as_of", "warned"), [("now", True), ("data_end", False)])
def test_a_command_warns_of_old_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], as_of: str, warned: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders.csv").write_text(
        "customer_id,order_id,product_id,event_timestamp,quantity,amount\na,1,x,2017-12-30 10:00:00,1,2\n"
    )
    mapped = '[data]\nsource = "files"\n[[data.inputs]]\ntable = "transactions"\npath = "orders.csv"\n'
    (tmp_path / "encore.toml").write_text(f'[time]\nas_of = "{as_of}"\n{mapped}')
    for command in ("ingest", "ingest", "features build"):
        run(monkeypatch, *command.split())
        printed = capsys.readouterr()
        assert ("Warning: the newest event is of 2017-12-30" in printed.err) == warned
        assert "Warning" not in printed.out
    for command in ("ingest --help", "keys list"):
        run(monkeypatch, *command.split())
        assert "Warning" not in capsys.readouterr().err
