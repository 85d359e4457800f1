"""One file, every value overridable, and errors that name the key, the value and what was expected."""

from pathlib import Path

import pytest

from core.errors import ConfigError
from core.settings import StoreSettings, redis_connection, with_password
from features.settings import CustomerSettings, TimeSettings
from serving.settings import load_settings
from training.churn.settings import ChurnSettings


def write(folder: Path, text: str) -> Path:
    file = folder / "encore.toml"
    file.write_text(text)
    return file


def test_the_file_and_then_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, "[churn]\nhorizon_days = 21\nactivity_window_days = 30\n")
    monkeypatch.setenv("ENCORE_CHURN__HORIZON_DAYS", "42")
    settings = load_settings(file)
    assert settings[ChurnSettings].horizon_days == 42
    assert settings[ChurnSettings].activity_window_days == 30
    assert settings[TimeSettings].snapshot_spacing_days == 7


def test_the_file_in_the_working_directory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "threads = 1\n")
    monkeypatch.chdir(tmp_path)
    assert load_settings().threads == 1


def test_the_committed_file_holds_the_defaults_it_shows() -> None:
    settings = load_settings(Path(__file__).parents[2] / "encore.toml")
    assert [f"{t:%Y-%m-%d}" for t in settings[ChurnSettings].test_snapshots] == [
        "2017-11-01",
        "2017-11-15",
        "2017-12-03",
    ]
    assert settings[StoreSettings].online == "sqlite://data/online.db"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[churn]\nhorizn = 1\n", ["unknown key churn.horizn", "value 1", "horizon_days"]),
        ("[chrun]\n", ["unknown key chrun", "churn"]),
        ("[churn]\nhorizon_days = 'soon'\n", ["churn.horizon_days = 'soon'", "valid integer"]),
        ("[churn]\nhorizon_days = 0\n", ["churn.horizon_days = 0", "greater than or equal to 1"]),
        ("[churn]\nhigh_risk = 0.1\n", ["churn", "medium_risk below high_risk"]),
        ("[stores]\nonline = 'mysql://x'\n", ["stores.online = 'mysql://x'", "sqlite|rediss?"]),
        ("[data]\ntimezone = 'Mars'\n", ["data.timezone = 'Mars'", "Europe/Berlin"]),
        ("[data]\nsource = 'files'\n", ["line 1", "data: expected [[data.inputs]]"]),
        ("[[data.inputs]]\ntable = 'transactions'\n", ["exactly one of `path` and `query`"]),
        ("[churn\n", ["not valid TOML"]),
        ("[customers]\nnever = ['x']\n", ["customers.never is called excluded_attributes now"]),
        ("[customers]\ninputs = ['x']\n", ["customers.inputs is called model_attributes now"]),
        ("[customers]\nlearned_from = 500\n", ["customers.learned_from is called max_training_customers now"]),
        ("[data]\nmax_unusable = 0.1\n", ["data.max_unusable is called max_rejected_share now"]),
        (
            "[data]\nsource = 'files'\n[[data.inputs]]\ntable = 'products'\npath = 'x.csv'\nnewer = 'id'\n",
            ["data.inputs.0.newer is called incremental_column now"],
        ),
        ("[next_product.upsell]\nrul = 'x'\n", ["unknown key next_product.upsell.rul", "min_step"]),
    ],
)
def test_a_bad_file_is_an_error(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, text))
    for word in words:
        assert word in str(caught.value)


def test_what_no_model_may_read_is_in_no_list_that_models_read(tmp_path: Path) -> None:
    text = "[customers]\nexcluded_attributes = ['Gender']\n"
    assert load_settings(write(tmp_path, text + "model_attributes = ['region']\n"))[CustomerSettings].kept == (
        "region",
    )
    for name in ("model_attributes", "attributes"):
        with pytest.raises(ConfigError, match=r"'gender' is named in `excluded_attributes`"):
            load_settings(write(tmp_path, text + f"{name} = ['gender']\n"))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ENCORE_CHURN__HORIZON_DAYS", "soon", ["ENCORE_CHURN__HORIZON_DAYS in the environment", "'soon'"]),
        ("ENCORE_CHURN__HORIZN", "1", ["ENCORE_CHURN__HORIZN in the environment", "unknown key"]),
        ("ENCORE_HORIZON", "1", ["ENCORE_HORIZON is no setting", "churn"]),
        ("ENCORE_CHURN__TEST_SNAPSHOTS", "2017-11-01", ["churn", "JSON"]),
        ("ENCORE_TIME", "abc", ["time", "JSON"]),
    ],
)
def test_a_bad_variable_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: list[str]
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, ""))
    for word in words:
        assert word in str(caught.value)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="found none"):
        load_settings(tmp_path / "other.toml")


@pytest.mark.parametrize(
    ("address", "connection"),
    [
        ("redis://cache:6379/2", "cache:6379,db=2"),
        ("redis://cache", "cache:6379,db=0"),
        ("redis://:p%40ss@cache:1/0", 'cache:1,db=0,password="p@ss"'),
        ("rediss://me:secret@cache:1", 'cache:1,db=0,password="secret",username="me",ssl=true'),
    ],
)
def test_redis_addresses_are_passed_to_feast(address: str, connection: str) -> None:
    assert redis_connection(address) == connection


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("redis://:p%40ss@cache:1/0", "redis://:…@cache:1/0"),
        ("rediss://me:cache@cache:1", "rediss://me:…@cache:1"),
        ("postgresql://me:a:b@host/feast", "postgresql://me:…@host/feast"),
        (
            "postgresql://me@host/feast?password=secret&sslmode=require",
            "postgresql://me@host/feast?password=…&sslmode=require",
        ),
        ("sqlite:///mlruns/mlflow.db", "sqlite:///mlruns/mlflow.db"),
        ("redis://cache:6379/0", "redis://cache:6379/0"),
    ],
)
def test_addresses_are_shown_without_their_password(address: str, shown: str) -> None:
    assert with_password(address, "…") == shown
