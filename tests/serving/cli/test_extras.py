"""The base serves without the packages of the extras, and a missing package names its extra."""

import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import httpx
import pandas as pd
import pytest

from core.errors import ConfigError
from core.settings import Settings, StoreSettings
from serving.access.keys import ROLES, KeyFile
from serving.cli import extras
from serving.cli.extras import EXTRAS, check_drivers
from tests.conftest import NOW, World, copied
from tests.servers import Encore
from tests.serving.console.visits import token_of
from training.lifecycle.settings import TrackingSettings

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
#: Runs `encore` as if some packages were not installed.
WITHOUT = """
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {names} else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
from serving.cli import main
main()
"""


def normal(name: str) -> str:
    """Return the name of a package as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(file: str) -> set[str]:
    """Return the names of the packages in a lock file."""
    return {normal(name) for name in re.findall(r"^([\w.-]+)==", (ROOT / file).read_text(), re.MULTILINE)}


def required(names: list[str]) -> set[str]:
    """Return the names of packages in a list of requirements."""
    return {normal(re.split(r"[\[<>=]", name)[0]) for name in names}


@cache
def without_extras() -> list[str]:
    """Return `encore` as the base installs it: every package that only an extra brings is blocked."""
    only_extras = locked("requirements-dev.lock") - locked("requirements.lock")
    for extra in ("servers", "oidc"):
        only_extras |= required(PROJECT["optional-dependencies"][extra])
    blocked = {
        module
        for module, packages in packages_distributions().items()
        if {normal(package) for package in packages} <= only_extras
    }
    assert {"sklearn", "matplotlib", "shap", "optuna", "flask", "python_calamine", "redis", "psycopg"} <= blocked
    return [sys.executable, "-c", WITHOUT.replace("{names}", repr(blocked))]


def test_the_list_of_packages_is_that_of_the_project() -> None:
    listed = PROJECT["optional-dependencies"]
    base = required(PROJECT["dependencies"])
    for package, extra in EXTRAS.items():
        name = {"sklearn": "scikit-learn"}.get(package, normal(package))
        assert name in required(listed[extra])
        assert name not in base


@pytest.mark.parametrize(
    ("command", "extra"),
    [("train churn", "train"), ("check-data", "train"), ("evaluate churn", "train"), ("ingest", "ingest")],
)
def test_a_missing_package_names_its_extra(tmp_path: Path, command: str, extra: str) -> None:
    done = subprocess.run(
        [*without_extras(), *command.split()], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert f"pip install 'encore-crm[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_needs_no_extra() -> None:
    done = subprocess.run([*without_extras(), "--help"], capture_output=True, text=True, check=True)
    assert "recommend" in done.stdout


@pytest.mark.parametrize(
    ("settings", "package"),
    [
        ([StoreSettings(online="redis://localhost:6379/0")], "redis"),
        ([StoreSettings(registry="postgresql://localhost/feast")], "psycopg"),
        ([StoreSettings(), TrackingSettings(uri="postgresql://localhost/mlflow")], "psycopg"),
    ],
)
def test_a_missing_driver_names_its_extra(
    settings: list[StoreSettings | TrackingSettings], package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_drivers(Settings(*settings))
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=rf"{package}.*encore-crm\[servers\]"):
        check_drivers(Settings(*settings))
    check_drivers(Settings())


def test_a_company_account_names_its_extra(tmp_path: Path) -> None:
    KeyFile(StoreSettings(data=tmp_path / "data")).create("crm", ("score",), NOW)
    openid = 'issuer = "https://x"\nclient_id = "x"\nclient_secret = "x"\nroles = {}'
    (tmp_path / "encore.toml").write_text(f"[console.openid]\n{openid}\n")
    for workers in ("1", "2"):
        command = [*without_extras(), "serve", "--port", "0", "--workers", workers]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 2, done.stderr
        assert "pip install 'encore-crm[oidc]'" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "settings",
    [
        StoreSettings(online="redis://:${WORD}@localhost/0"),
        StoreSettings(registry="postgresql://me:${WORD}@localhost/feast"),
        TrackingSettings(uri="http://me:${WORD}@localhost:5000"),
    ],
)
def test_a_missing_password_is_named_at_once(
    settings: StoreSettings | TrackingSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=r"WORD and WORD_FILE, found none"):
        check_drivers(Settings(settings))
    monkeypatch.setenv("WORD", "p@ss")
    check_drivers(Settings(settings))


@pytest.mark.servers
def test_the_base_scores_and_serves(world: World, tmp_path: Path) -> None:
    with copied(world, tmp_path) as copy:
        command = [*without_extras(), "score", "--output", str(tmp_path / "scores.parquet")]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert len(pd.read_parquet(tmp_path / "scores.parquet")) > 250
        key = KeyFile(copy[StoreSettings]).create("crm", ROLES, NOW)
        with Encore(tmp_path, key, encore=without_extras()) as api:
            assert 0 < api.score("6", "risk", "reasons", "what_if", "offers")["risk"]["risk"] < 1
            _analysts_see_models(api.url, key)


def _analysts_see_models(url: str, key: str) -> None:
    """Figures and decisions are shown without the libraries of training; what needs them says where it can be done."""
    with httpx.Client(base_url=url) as browser:
        page = browser.get("/console/sign-in").text
        answer = browser.post("/console/sign-in", data={"csrf": token_of(page), "key": key})
        assert answer.status_code == 303
        page = browser.get("/console/models/encore-churn").text
        assert "AUC" in page
        assert "became the champion" in page
        token = token_of(page)
        for path in ("models", "models/encore-churn/1", "data", "data/rejected"):
            assert browser.get(f"/console/{path}").status_code == 200
        answer = browser.post("/console/data/check", data={"csrf": token})
        assert answer.status_code == 409
        assert "encore check-data" in answer.text
