"""A third language is one folder: with a toy one beside the others, reasons, commands and the API have it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
#: Esperanto has the two forms of the plural that English has, and numbers of its own.
_TOY = "eo"
_SCRIPT = """
from serving.cli.options import LanguageOption
from serving.explain.actions import choose_actions
from serving.explain.language import LANGUAGES, preferred
from serving.explain.playbook import load_playbook
from serving.explain.wording import make_writers
from serving.settings import TextSettings, default_settings
from serving.api.app import create_app
from datetime import UTC, datetime

print(*LANGUAGES, preferred("eo, en;q=0.5"))
writer = make_writers(TextSettings(currency="EUR"))["eo"]
print(writer.say("fact.recency_days", value=writer.amount(23, "ago")), writer.amount(1234.5, "price"))
print(load_playbook(None).suggestions["long_silence"].plain["eo"])
schema = create_app(default_settings(), lambda: datetime.now(UTC)).openapi()
asked = schema["paths"]["/v1/customers/{customer_id}/risk"]["get"]["parameters"]
print(next(one["schema"] for one in asked if one["name"] == "language"))
"""


@pytest.fixture
def extended(tmp_path: Path) -> Path:
    """The code, with the English texts in capitals as a language of their own."""
    for name in ("core", "features", "training", "serving"):
        shutil.copytree(_ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    texts = tmp_path / "serving/explain/texts"
    (texts / _TOY).mkdir()
    for file in (texts / "en").glob("*.toml"):
        lines = [
            re.sub(r'(?<== ")(.*)(?="$)', lambda text: _capitals(text[1]), line)
            for line in file.read_text(encoding="utf-8").splitlines()
        ]
        (texts / _TOY / file.name).write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def _capitals(text: str) -> str:
    """Write a text in capitals, but for placeholders and words of the trade."""
    return re.sub(r"(\{\w+\}|<\w+>)|([^{<]+)", lambda part: part[1] or part[2].upper(), text)


def run(extended: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run Python with the extended code alone."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=extended, env={"PYTHONPATH": str(extended)}, capture_output=True, check=False)


def test_a_folder_is_a_language(extended: Path) -> None:
    languages, reason, action, schema = run(extended, "-c", _SCRIPT).stdout.decode().splitlines()
    assert languages == "en eo zh eo"
    assert re.fullmatch(r"LAST PURCHASE 23 DAYS AGO 1\s234,50\s€", reason)
    assert action == "GET IN TOUCH WITH A PERSONAL MESSAGE."
    assert "'enum': ['en', 'eo', 'zh']" in schema


def test_the_checks_of_the_catalogues_see_it(extended: Path) -> None:
    for name in ("__init__.py", "serving/__init__.py", "serving/explain/__init__.py", "serving/explain/test_texts.py"):
        (extended / "tests" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(_ROOT / "tests" / name, extended / "tests" / name)
    check = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    assert run(extended, *check).returncode == 0
    file = extended / f"serving/explain/texts/{_TOY}/silence.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("{value}", "{valoro}"), encoding="utf-8")
    broken = run(extended, *check)
    assert broken.returncode == 1
    assert b"fact.recency_days" in broken.stdout
