"""The commands of docs/operations.md."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from core.errors import StateError
from core.settings import Settings
from features.store.feature_store import Store
from tests.conftest import World, connected, copied, inside
from tests.serving.api.test_events import purchase, score, send
from training.churn.pipeline import CHURN
from training.churn.settings import ChurnSettings
from training.lifecycle.runner import train
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import CHALLENGER, CHAMPION

_DOCS = Path(__file__).parents[1] / "docs/operations.md"


def test_what_was_backed_up_answers_as_before(world: World, tmp_path: Path) -> None:
    """The machine is gone: its backup, restored into another folder, answers, learns and takes events."""
    (home := tmp_path / "home").mkdir()
    (commands,) = re.findall(r"```bash\n(.+?)```", _DOCS.read_text(), re.DOTALL)
    with copied(world, home) as settings:
        (home / "mlruns").unlink()  # a link to the world's
        shutil.copytree(world.directory / "mlruns", home / "mlruns")
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


def retrained(settings: Settings) -> Settings:
    """Return settings by which a version is made that is not there yet."""
    return settings.replaced(settings[ChurnSettings].model_copy(update={"validation_snapshots": 1}))
