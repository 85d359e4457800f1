"""What makes a version stale: an edit in its own room or in how models are measured, and nothing else."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
_CODE = """
import json, sys
from pathlib import Path
from core.settings import Settings
from training.lifecycle.runner import model_fingerprint
from training.registry import MODELS

def stamps():
    return {one.name: model_fingerprint(one.load(), Settings(), "built") for one in MODELS}

found = {"": stamps()}
for name in sys.argv[1:]:
    file = Path(name)
    before = file.read_text()
    file.write_text(before + "\\n# an edit\\n")
    found[name] = stamps()
    file.write_text(before)
print(json.dumps(found))
"""
#: The models that an edit of each file makes stale.
_EDITS = {
    "training/churn/fit.py": {"churn"},
    "training/churn/settings.py": {"churn"},
    "training/next_product/candidates/sources.py": {"next_product"},
    "training/next_product/offers/rules.py": {"next_product"},
    "training/evaluation/metrics.py": {"churn", "next_product"},
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
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    command = [sys.executable, "-c", _CODE, *_EDITS]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=True)
    fingerprints: dict[str, dict[str, str]] = json.loads(done.stdout.splitlines()[-1])
    return fingerprints


@pytest.mark.parametrize(("file", "stale"), _EDITS.items())
def test_an_edit_makes_stale_what_depends_on_it(stamps: dict[str, dict[str, str]], file: str, stale: set[str]) -> None:
    before = stamps[""]
    assert set(before) == {"churn", "next_product"}
    assert {model for model, stamp in stamps[file].items() if stamp != before[model]} == stale
