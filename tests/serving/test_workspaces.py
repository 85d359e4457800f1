"""Workspaces: other features and models beside what serves, which stays as it is."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from core.errors import ConfigError, StateError, StoreError
from core.jobs import job
from core.settings import Settings, StoreSettings, workspace_folder
from features.erase import erase_feature_rows
from features.settings import TimeSettings
from serving.cli.app import COMMANDS
from serving.settings import ServingSettings, load_settings
from serving.workspaces import load_workspace
from tests.conftest import World, copied
from tests.serving.cli.test_cli import run
from training.churn.definition import definition_of
from training.churn.fit import PARAMETERS
from training.churn.model import ChurnModel
from training.churn.settings import ChurnSettings
from training.churn.tuning import tuned_parameters
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import Tracking
from training.next_product.settings import NextProductSettings

MAIN = """
[churn]
horizon_days = 28
activity_window_days = 50
test_snapshots = [2017-11-01]
[next_product]
test_snapshots = [2017-11-15]
[serving]
port = 9000
[stores]
online = "redis://127.0.0.1:1/0"
"""


def write(folder: Path, text: str, name: str = "longer") -> Path:
    """Write the configuration of a deployment and of a workspace; return the first."""
    main = folder / "encore.toml"
    if not main.exists():
        main.write_text(MAIN)
    (folder / "workspaces").mkdir(exist_ok=True)
    (folder / "workspaces" / f"{name}.toml").write_text(text)
    return main


def test_its_file_lies_over_that_of_the_deployment(tmp_path: Path) -> None:
    main = write(tmp_path, "[churn]\nhorizon_days = 42\n[time]\nsnapshot_spacing_days = 14\n")
    settings = load_workspace(main, "longer")
    assert (settings[ChurnSettings].horizon_days, settings[ChurnSettings].activity_window_days) == (42, 50)
    assert settings[TimeSettings].snapshot_spacing_days == 14
    assert settings[ServingSettings].port == 9000
    stores, tracking = settings[StoreSettings], settings[TrackingSettings]
    assert (str(stores.data), str(stores.shared)) == ("data/workspaces/longer", "data")
    assert stores.online == "sqlite://data/workspaces/longer/online.db"
    assert stores.registry == "file://data/workspaces/longer/registry.db"
    assert (tracking.experiment, tracking.workspace) == ("encore-longer", "longer")
    assert tracking.uri == load_settings(main)[TrackingSettings].uri


def test_test_snapshots_move_with_a_longer_horizon_and_stay_otherwise(tmp_path: Path) -> None:
    def tests_of(text: str) -> tuple[date, ...]:
        return tuple(t.date() for t in load_workspace(write(tmp_path, text), "longer")[ChurnSettings].test_snapshots)

    assert tests_of("[churn]\nhorizon_days = 42\n") == ()  # the last ones whose labels are complete
    assert tests_of("[churn]\ngap_days = 7\n") == ()
    assert tests_of("[churn]\nhorizon_days = 14\n") == (date(2017, 11, 1),)
    assert tests_of("[churn]\nactivity_window_days = 28\n") == (date(2017, 11, 1),)
    assert tests_of("[churn]\nhorizon_days = 42\ntest_snapshots = [2017-10-04]\n") == (date(2017, 10, 4),)
    other = load_workspace(write(tmp_path, "[churn]\nhorizon_days = 42\n"), "longer")[NextProductSettings]
    assert [t.date() for t in other.test_snapshots] == [date(2017, 11, 15)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[stores]\ndata = 'elsewhere'\n", r"longer.toml: a workspace cannot set stores; expected .*churn"),
        ("[tracking]\nexperiment = 'x'\n", "cannot set tracking"),
        ("[data]\ntimezone = 'UTC'\n", "cannot set data"),
        ("threads = 1\n", "cannot set threads"),
        ("[churn]\n\nhorizon_days = 0\n", r"longer.toml, line 3: churn.horizon_days = 0"),
        ("[churn]\nhorizn_days = 1\n", r"longer.toml, line 2: unknown key churn.horizn_days"),
        ("[churn\n", r"longer.toml is not valid TOML"),
    ],
)
def test_what_it_cannot_set_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_workspace(write(tmp_path, text), "longer")


def test_a_wrong_value_of_the_deployment_is_found_in_its_file(tmp_path: Path) -> None:
    main = write(tmp_path, "[churn]\nhorizon_days = 42\n")
    main.write_text("[churn]\nactivity_window_days = 'soon'\n")
    with pytest.raises(ConfigError, match=r"encore.toml, line 2: churn.activity_window_days = 'soon'"):
        load_workspace(main, "longer")


def test_a_name_without_a_file_and_a_bad_name_are_refused(tmp_path: Path) -> None:
    main = write(tmp_path, "")
    with pytest.raises(ConfigError, match=r"shorter\.toml, found none. Workspaces with a file: longer\."):
        load_workspace(main, "shorter")
    for name in ("..", "a/b", "Upper", ""):
        with pytest.raises(ConfigError, match="lower-case letters"):
            load_workspace(main, name)


@pytest.mark.parametrize("command", [*(one.name for one in COMMANDS if not one.in_workspace), "features materialize"])
def test_commands_of_what_serves_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    write(tmp_path, "")
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "--workspace", "longer", *command.split()) == 2
    printed = capsys.readouterr().err
    assert f"`encore {command}` belongs to the deployment" in printed
    assert "without --workspace" in printed
    assert {path.name for path in (tmp_path / "data").rglob("*") if path.is_file()} <= {"jobs.lock"}


def test_the_list_says_what_runs_in_a_workspace() -> None:
    """Whatever is added is refused until somebody has thought about it."""
    refused = {one.name for one in COMMANDS if not one.in_workspace}
    assert refused >= {"demo", "init", "ingest", "scores", "score", "keys", "serve", "verify", "answer"}
    assert {one.name for one in COMMANDS if one.in_workspace} >= {"features", "train", "tune", "evaluate"}


def test_a_job_of_a_workspace_waits_for_those_that_change_what_it_shares(tmp_path: Path) -> None:
    main = StoreSettings(data=tmp_path)
    own = main.model_copy(update={"data": workspace_folder(main, "longer"), "shared": tmp_path})
    with (
        job(main, "`encore ingest`", alone=True),
        pytest.raises(StoreError, match="encore ingest"),
        job(own, "train", alone=False),
    ):
        pass
    with job(main, "`encore train`", alone=False), job(own, "build", alone=True):
        pass
    with (
        job(own, "`encore --workspace longer train`", alone=False),
        pytest.raises(StoreError, match="longer train"),
        job(main, "an erasure", alone=True),
    ):
        pass


def test_tuned_parameters_of_the_deployment_are_taken_for_the_same_definition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    main = write(tmp_path, "[customers]\nexcluded_attributes = ['age']\n", "same")
    write(tmp_path, "[churn]\nhorizon_days = 42\n", "longer")
    definition = asdict(definition_of(load_settings(main)[ChurnSettings]))
    for folder, leaves in (("data/tuning", 5), ("data/workspaces/own/tuning", 6)):
        Path(folder).mkdir(parents=True)
        kept = {"definition": definition, "parameters": {"num_leaves": leaves}}
        Path(folder, "churn.json").write_text(json.dumps(kept))
    write(tmp_path, "", "own")
    found = {name: tuned_parameters(load_workspace(main, name))["num_leaves"] for name in ("same", "longer", "own")}
    assert found == {"same": 5, "longer": PARAMETERS["num_leaves"], "own": 6}


@pytest.fixture(scope="module")
def place(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A copy of the world with a registry of its own, and a workspace with a longer horizon."""
    directory = tmp_path_factory.mktemp("workspaces")
    with copied(world, directory) as settings:
        (directory / "mlruns").unlink()
        shutil.copytree(world.directory / "mlruns", directory / "mlruns")
        write(directory, "[churn]\nhorizon_days = 42\n")
        yield settings


@pytest.fixture(scope="module")
def before(place: Settings) -> dict[str, str]:
    """The content of the deployment's files before anything is done in a workspace."""
    return contents()


@pytest.fixture(scope="module")
def trained(place: Settings, before: dict[str, str]) -> Tracking:
    """The workspace with features and a model, made by the commands."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for command in ("features build", "features apply", "train churn"):
            assert run(monkeypatch, "--workspace", "longer", *command.split()) == 0, command
    return Tracking(place[TrackingSettings])


def contents() -> dict[str, str]:
    """The hash of every file of the deployment's data; it may lock and name jobs."""
    files = [path for path in Path("data").rglob("*") if path.is_file()]
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if "workspaces" not in path.parts and path.name != "jobs.lock" and path.parent.name not in {"jobs", "spill"}
    }


def test_the_deployment_is_as_it_was(before: dict[str, str], trained: Tracking) -> None:
    assert len(before) > 300
    assert contents() == before


def test_equal_partitions_are_shared_and_others_are_its_own(trained: Tracking) -> None:
    own, theirs = Path("data/workspaces/longer/features"), Path("data/features")
    files = [file for file in sorted(own.rglob("*.parquet")) if "_vector" not in str(file)]
    shared = [file for file in files if (theirs / file.relative_to(own)).exists()]
    assert len(shared) > 200
    assert all(file.samefile(theirs / file.relative_to(own)) for file in shared)
    assert not Path("data/workspaces/longer/contract").exists()


def test_another_horizon_needs_no_other_test_snapshots_by_hand(trained: Tracking) -> None:
    version = trained.version("encore-churn", "longer:champion")
    tests = [name.rpartition(".")[2] for name in version.metrics if name.startswith("champion.roc_auc.")]
    assert len(tests) == 2
    assert all(pd.Timestamp(one) + pd.Timedelta(days=42) <= pd.Timestamp("2018-01-02") for one in tests)


def test_its_versions_have_names_of_their_own_and_can_be_loaded_from_outside(trained: Tracking) -> None:
    assert trained.label_of("encore-churn") == "encore-churn/1"
    version = trained.version("encore-churn", "longer:1")
    assert (version.label, version.aliases) == ("encore-churn.longer/1", ("champion",))
    assert version == trained.version("encore-churn", "longer:champion")
    assert trained.load(version, ChurnModel).definition.horizon_days == 42
    champion = trained.version("encore-churn", "champion")
    assert champion == trained.version("encore-churn", "1") == trained.version("encore-churn.longer", ":1")
    assert trained.load(champion, ChurnModel).definition.horizon_days == 28
    names = {mlflow.get_experiment(mlflow.get_run(one.run_id).info.experiment_id).name for one in (version, champion)}
    assert names == {"encore", "encore-longer"}


def test_inside_a_workspace_its_own_versions_are_meant(trained: Tracking, place: Settings) -> None:
    inside = Tracking(load_workspace(None, "longer")[TrackingSettings])
    assert inside.label_of("encore-churn") == inside.champion("encore-churn").label == "encore-churn.longer/1"
    assert inside.version("encore-churn", "1").label == "encore-churn.longer/1"
    assert inside.version("encore-churn", ":1").label == "encore-churn/1"
    assert [one.label for one in inside.versions("encore-churn")] == ["encore-churn.longer/1"]
    with pytest.raises(StateError, match=r"No version of encore-next-product\.longer"):
        inside.champion("encore-next-product")


@pytest.mark.parametrize("label", ["7", "longer:2", "other:1", "x", ":", "/"])
def test_a_label_of_no_version_of_the_model_is_refused(trained: Tracking, label: str) -> None:
    with pytest.raises(StateError, match=r"of encore-churn.* is registered"):
        trained.version("encore-churn", label)


def test_its_version_is_compared_with_the_champion_and_cannot_take_its_place(
    trained: Tracking, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "models", "compare", "churn", "churn.longer/1") == 2
    assert "horizon_days=42" in capsys.readouterr().err  # another question
    write(Path(), "[churn]\nvalidation_snapshots = 2\n", "shorter")
    for command in ("features build", "features apply", "train churn"):
        assert run(monkeypatch, "--workspace", "shorter", *command.split()) == 0, command
    capsys.readouterr()
    assert run(monkeypatch, "models", "compare", "churn", "churn.shorter/1") == 0
    printed = capsys.readouterr().out
    assert "encore-churn/1" in printed
    assert "encore-churn.shorter/1" in printed
    assert "The gate would" in printed
    with pytest.raises(StateError, match="features of another workspace"):
        trained.set_champion(trained.version("encore-churn", "longer:1"), "me", "a test")
    assert trained.label_of("encore-churn") == "encore-churn/1"


def test_models_are_those_of_the_workspace(
    trained: Tracking, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = {}
    for place in ((), ("--workspace", "longer")):
        for command in ("list", "history"):
            assert run(monkeypatch, *place, "models", command, "churn", "--format", "json") == 0
            listed[place[-1:], command] = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in listed[("longer",), "list"]] == ["encore-churn.longer"]
    assert {one["name"] for one in listed[(), "list"]} == {"encore-churn"}
    (entry,) = listed[("longer",), "history"]
    assert (entry["model"], entry["action"]) == ("encore-churn.longer", "promoted")
    assert {one["model"] for one in listed[(), "history"]} == {"encore-churn"}


def test_it_is_built_and_trained_once(
    trained: Tracking, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("features build", "train churn"):
        assert run(monkeypatch, "--workspace", "longer", *command.split()) == 0
        assert "skipped" in capsys.readouterr().out
    assert run(monkeypatch, "--workspace", "longer", "evaluate", "churn", "--format", "json") == 0
    assert '"model": "encore-churn.longer/1"' in capsys.readouterr().out


def test_an_erasure_reaches_its_features(trained: Tracking, place: Settings) -> None:
    """The last test, as it changes both folders."""
    folders = [Path("data/features"), Path("data/workspaces/longer/features")]

    def rows() -> list[int]:
        return [
            sum((pd.read_parquet(file)["customer_id"] == "6").sum() for file in folder.glob("customer_*/*.parquet"))
            for folder in folders
        ]

    before = rows()
    assert min(before) > 100
    removed = erase_feature_rows(place, "6")
    assert rows() == [0, 0]
    assert removed >= sum(before)
