"""What an edit of a file makes stale: the room that it is in, and nothing else."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_CODE = """
import json, sys
from pathlib import Path
from core.settings import Settings
from core.stamps import code_fingerprint
from features.engine.build import _CODE as build
from features.ingest.plan import _CODE as read
from training.lifecycle.runner import model_fingerprint
from training.registry import MODELS

def stamps():
    models = {one.name: model_fingerprint(one.load(), Settings(), "built") for one in MODELS}
    return models | {"features": code_fingerprint(*build), "contract tables": code_fingerprint(*read)}

found = {"": stamps()}
for name in sys.argv[1:]:
    file = Path(name)
    before = file.read_text()
    file.write_text(before + "\\n# an edit\\n")
    found[name] = stamps()
    file.write_text(before)
print(json.dumps(found))
"""
#: What an edit of each file makes stale; models are stale with the features, too.
_EDITS = {
    "training/churn/fit.py": {"churn"},
    "training/churn/settings.py": {"churn"},
    "training/next_product/candidates/sources.py": {"next_product"},
    "training/next_product/offers/rules.py": {"next_product"},
    "training/evaluation/metrics.py": {"churn", "next_product", "value", "segments", "uplift"},
    "training/customer_value/fit.py": {"value"},
    "training/segments/clusters.py": {"segments"},
    "training/uplift/grow.py": {"uplift"},
    "training/btyd/bg_nbd.py": {"churn", "next_product", "value", "segments", "uplift"},
    "features/spans/purchases.py": {"features"},
    "features/engine/inputs.py": {"features"},
    "features/ingest/text.py": {"contract tables"},
    "features/live/updater.py": set(),
    "features/store/online.py": set(),
    "training/lifecycle/runner.py": set(),
    "training/readiness/facts.py": set(),
    "training/registry.py": set(),
    "serving/cli/demo.py": set(),
    "serving/api/models.py": set(),
    "core/progress.py": set(),
    "docs/churn.md": set(),
}


@pytest.fixture(scope="module")
def stamps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """The fingerprint of every model in a copy of the project, after each edit."""
    copy = tmp_path_factory.mktemp("project")
    for name in ("core", "features", "training", "serving", "docs"):
        shutil.copytree(_ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    # coverage is not measured in a copy
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    environment["PYTHONPATH"] = str(copy)
    command = [sys.executable, "-c", _CODE, *_EDITS]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=True)
    fingerprints: dict[str, dict[str, str]] = json.loads(done.stdout.splitlines()[-1])
    return fingerprints


@pytest.mark.parametrize(("file", "stale"), _EDITS.items())
def test_an_edit_makes_stale_what_depends_on_it(stamps: dict[str, dict[str, str]], file: str, stale: set[str]) -> None:
    before = stamps[""]
    assert set(before) == {"churn", "next_product", "value", "segments", "uplift", "features", "contract tables"}
    assert {name for name, stamp in stamps[file].items() if stamp != before[name]} == stale
