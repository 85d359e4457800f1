"""docs/scheduling.md: its examples are code that runs the command, and succeed and fail by its exit codes."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from serving.cli.exits import DONE, FAILED, REFUSED, RUNNING, UNAVAILABLE, UNFIT

PAGE = (Path(__file__).parents[1] / "docs/scheduling.md").read_text()
EXAMPLES = dict(re.findall(r"## (\w+)\n\n```python\n(.+?)```", PAGE, re.DOTALL))
#: What each exit code means to a scheduler.
SUCCESS = {DONE, REFUSED, RUNNING}
CODES = (DONE, FAILED, REFUSED, UNFIT, UNAVAILABLE, RUNNING)


def test_every_scheduler_has_an_example() -> None:
    assert set(EXAMPLES) == {"Airflow", "Dagster", "Prefect"}
    for title in ("cron", "Kubernetes"):
        assert f"## {title}" in PAGE


def test_every_exit_code_is_explained() -> None:
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)} == set(CODES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_clean_code(name: str) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--line-length", "120", "--select", "E,F,I,B", "-"]
    done = subprocess.run(command, input=EXAMPLES[name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def shell(line: str, tmp_path: Path, code: int) -> int:
    """Run a line of a shell where `encore` ends with a code."""
    (tmp_path / "encore").write_text(f'#!/bin/sh\n[ "$1" = refresh ] || exit 99\nexit {code}\n')
    (tmp_path / "encore").chmod(0o755)
    variables = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    return subprocess.run(["sh", "-c", line], env=variables, cwd=tmp_path, check=False, capture_output=True).returncode


@pytest.mark.parametrize("code", CODES)
def test_cron_and_airflow_succeed_by_the_exit_code(tmp_path: Path, code: int) -> None:
    (cron,) = re.findall(r"^ +0 3 \* \* \* (cd .+)$", PAGE, re.MULTILINE)
    cron = cron.replace("/srv/business", str(tmp_path))
    (airflow,) = re.findall(r'bash_command="(.+)"', EXAMPLES["Airflow"])
    assert (shell(airflow, tmp_path, code) == 0) == (code in SUCCESS)
    assert (shell(cron, tmp_path, code) == 0) == (code in SUCCESS)


def stand_ins(name: str) -> dict[str, ModuleType]:
    """Return modules with just the names that an example takes from its scheduler."""

    def plain(*arguments: Any, **_: Any) -> Any:
        return arguments[0] if arguments and callable(arguments[0]) else lambda function: function

    dagster = SimpleNamespace(
        op=plain,
        job=plain,
        RetryPolicy=lambda **_: None,
        OpExecutionContext=object,
        Failure=type("Failure", (Exception,), {}),
        Definitions=lambda **_: None,
        ScheduleDefinition=lambda **_: None,
    )
    members = {"Dagster": {"dagster": vars(dagster)}, "Prefect": {"prefect": {"flow": plain, "task": plain}}}
    modules = {}
    for module, values in members[name].items():
        modules[module] = ModuleType(module)
        vars(modules[module]).update(values)
    return modules


@pytest.mark.parametrize("name", ["Dagster", "Prefect"])
@pytest.mark.parametrize("code", CODES)
def test_tasks_fail_by_the_exit_code(name: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, stand_in in stand_ins(name).items():
        monkeypatch.setitem(sys.modules, module, stand_in)
    asked: list[list[str]] = []

    def run(command: list[str], **_: Any) -> SimpleNamespace:
        asked.append(command)
        return SimpleNamespace(returncode=code, stdout="", stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    scope: dict[str, Any] = {"__name__": "example"}
    exec(compile(EXAMPLES[name], name, "exec"), scope)  # noqa: S102 - our own example
    task: Callable[..., None] = scope["refresh"]
    context = [SimpleNamespace(log=SimpleNamespace(info=lambda _: None))] if name == "Dagster" else []
    if code in SUCCESS:
        task(*context)
    else:
        with pytest.raises(Exception, match=str(code)):
            task(*context)
    assert [command[:2] for command in asked] == [["encore", "refresh"]]
