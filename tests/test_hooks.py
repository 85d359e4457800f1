"""The hooks of .pre-commit-config.yaml: what they run is there, and commit messages keep to their form."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
HOOKS: dict[str, dict[str, Any]] = {
    hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
}
BODY = "Texts of queries were compared as numbers."


def complaints(message: str, file: Path) -> set[str]:
    """Return the ids of the hooks that refuse a commit message."""
    file.write_text(message)
    refused = set()
    for name in ("subject", "subject-length", "body"):
        hook = HOOKS[name]
        assert hook["stages"] == ["commit-msg"]
        if hook["language"] == "system":
            command = [*hook["entry"].split(), str(file)]
        else:
            assert hook["language"] == "pygrep"
            command = [".venv/bin/python", "-m", "pre_commit.languages.pygrep", *hook["args"], hook["entry"], str(file)]
        if subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode:
            refused.add(name)
    return refused


@pytest.mark.parametrize(
    ("message", "refused"),
    [
        (f"fix(ingest): read query inputs as text\n\n{BODY}\n", set()),
        (f"feat!: name the models in every answer\n\n{BODY}\n", set()),
        ("Merge branch 'lanes'\n", set()),
        (f"Read query inputs as text\n\n{BODY}\n", {"subject"}),
        (f"fix: {'x' * 68}\n\n{BODY}\n", {"subject-length"}),
        ("fix(ingest): read query inputs as text\n", {"body"}),
        ("fix(ingest): read query inputs as text\n\n# comments of git\n#\n", {"body"}),
    ],
)
def test_commit_messages_keep_to_their_form(message: str, refused: set[str], tmp_path: Path) -> None:
    assert complaints(message, tmp_path / "message") == refused


def test_every_check_of_make_runs_at_a_commit() -> None:
    recipe = (ROOT / "Makefile").read_text().split("\ncheck:")[1].split("\n\n")[0]
    tools = {line.split("$(BIN)/")[1].split()[0] for line in recipe.splitlines()[1:]}
    assert tools == {"ruff", "mypy", "lint-imports"}
    assert tools <= {hook["entry"].split()[0].removeprefix(".venv/bin/") for hook in HOOKS.values()}
