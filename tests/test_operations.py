"""The commands of docs/operations.md."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from core.errors import StateError
from core.settings import Settings, StoreSettings
from features.store.feature_store import Store
from serving.access.keys import ROLES, KeyFile
from tests.conftest import NOW, World, connected, copied, inside
from tests.servers import ENCORE, Encore, wait_until
from tests.serving.api.test_events import purchase, score, send
from training.churn.pipeline import CHURN
from training.churn.settings import ChurnSettings
from training.lifecycle.promotions import PromotionLog
from training.lifecycle.runner import train
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import CHALLENGER, CHAMPION

_ROOT = Path(__file__).parents[1]
_DOCS = _ROOT / "docs/operations.md"
CUSTOMER = "12"


def test_what_was_backed_up_answers_as_before(world: World, tmp_path: Path) -> None:
    """The machine is gone: its backup, restored into another folder, answers, learns and takes events."""
    (home := tmp_path / "home").mkdir()
    (commands,) = re.findall(r"```bash\n(.+?)```", _DOCS.read_text(), re.DOTALL)
    with copied(world, home) as settings:
        (home / "mlruns").unlink()  # a link to the world's
        shutil.copytree(world.directory / "mlruns", home / "mlruns")
        decided = PromotionLog(settings[StoreSettings]).entries()
        with connected(settings) as client:
            send(client, purchase(1))
            known = score(client, "12", "risk", "profile")
            script = commands.replace("python -c", f"{sys.executable} -c")
            subprocess.run(["bash", "-euc", script], cwd=home, check=True)
            send(client, purchase(2))  # lost with the machine; its source sends it again
            later = score(client, "12", "risk", "profile")
    shutil.copytree(home / "backup", restored := tmp_path / "restored")
    shutil.rmtree(home)
    with inside(restored):
        with pytest.raises(StateError, match="encore features apply"), connected(settings):
            pass
        with pytest.raises(StateError, match="encore features apply"):
            train(CHURN, retrained(settings))
        assert PromotionLog(settings[StoreSettings]).entries() == decided != []
        assert Store(settings).apply()
        with connected(settings) as client:
            assert score(client, "12", "risk", "profile") | {"computed": None} == known | {"computed": None}
            assert send(client, purchase(1), purchase(2))["applied"]
            again = score(client, "12", "risk", "profile")
            assert (again["risk"], again["profile"]) == (later["risk"], later["profile"])
        assert not train(CHURN, retrained(settings), promote=False).skipped
        uri = f"sqlite:///{Path(settings[TrackingSettings].uri.removeprefix('sqlite:///')).resolve()}"
        registry = MlflowClient(tracking_uri=uri, registry_uri=uri)
        for alias in (CHAMPION, CHALLENGER):
            version = registry.get_model_version_by_alias("encore-churn", alias)
            address = registry.get_model_version_download_uri("encore-churn", version.version)
            assert address.startswith(restored.as_uri())
        assert not Store(settings).materialize()
    assert not home.exists()


@pytest.mark.servers
def test_after_an_upgrade_events_wait_until_features_are_built_again(world: World, tmp_path: Path) -> None:
    """Rows of new feature code are never next to rows of the code before, and it is said wherever operators look."""
    upgraded = tmp_path / "upgraded"
    for name in ("core", "features", "training", "serving"):
        shutil.copytree(_ROOT / name, upgraded / name, ignore=shutil.ignore_patterns("__pycache__"))
    view = upgraded / "features/views/value.py"
    view.write_text(view.read_text() + "\n# computed in another way\n")
    environment = {"PYTHONPATH": str(upgraded)}
    (home := tmp_path / "home").mkdir()
    with copied(world, home) as settings:
        key = KeyFile(settings[StoreSettings]).renew("tests", ROLES, NOW)
        with Encore(home, key, environment) as api:
            (warning,) = api.ask("GET", "/health/ready")[1]["warnings"]
            assert "encore features build" in warning
            assert "encore_features_outdated 1.0" in api.ask("GET", "/metrics")[1]
            assert "features_outdated" in api.log.read_text()
            before = baskets(api)
            event = purchase(1, customer=CUSTOMER)
            assert not api.ask("POST", "/v1/events", {"events": [event]})[1]["applied"]
            assert baskets(api) == before
            for command in ("build", "apply", "materialize"):
                run = [*ENCORE, "features", command]
                subprocess.run(run, cwd=home, env={**os.environ, **environment}, check=True, timeout=240)
            wait_until(lambda: api.ask("GET", "/health/ready")[1].get("warnings") == [], api.log)
            wait_until(lambda: "encore_events_pending 0.0" in api.ask("GET", "/metrics")[1], api.log)
            assert "encore_features_outdated 0.0" in api.ask("GET", "/metrics")[1]
            assert baskets(api) == before + 1
        with Encore(home, key) as not_upgraded:
            assert len(not_upgraded.ask("GET", "/health/ready")[1]["warnings"]) == 1


def baskets(api: Encore) -> int:
    """Return how many baskets of the last week a customer's features have."""
    number: int = api.score(CUSTOMER, "profile")["profile"]["profile"]["baskets_7d"]
    return number


def retrained(settings: Settings) -> Settings:
    """Return settings by which a version is made that is not there yet."""
    return settings.replaced(settings[ChurnSettings].model_copy(update={"validation_snapshots": 5}))
