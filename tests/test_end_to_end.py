"""A newcomer's path on a slice of the real data: `encore demo` prints addresses and commands that work."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import World, copied
from tests.servers import ENCORE


@contextmanager
def running(command: list[str], directory: Path, log: Path, until: str, **environment: str) -> Iterator[str]:
    """Run a server until it has printed `until`; yield what it printed; stop it with Ctrl-C."""
    variables = {**os.environ, "COLUMNS": "300", "PYTHONUNBUFFERED": "1", **environment}
    with (
        log.open("w") as output,
        subprocess.Popen(command, cwd=directory, stdout=output, stderr=subprocess.STDOUT, env=variables) as server,
    ):
        try:
            deadline = time.monotonic() + 180
            while until not in log.read_text():
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
            yield log.read_text()
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=20)


@pytest.mark.servers
@pytest.mark.skipif(shutil.which("curl") is None, reason="the demo's commands are curl's")
def test_the_demo_ends_with_addresses_and_commands_that_work(world: World, tmp_path: Path) -> None:
    home, jar = tmp_path / "home", tmp_path / "cookies"
    with (
        copied(world, home),
        running([*ENCORE, "demo"], home, tmp_path / "log", "/v1/scores", ENCORE_SERVING__PORT="0") as printed,
    ):
        url = re.findall(r"API +(http\S+)", printed)[0]
        docs = re.findall(r"API docs +(\S+)", printed)[0]
        commands = re.findall(r"^ +(curl .*)$", printed, re.MULTILINE)
        assert len(commands) == 3
        for command in commands:
            assert url in command
            assert "Authorization: Bearer encore_" in command
            answer = subprocess.run(f"{command} -sS --fail", shell=True, capture_output=True, text=True, check=False)  # noqa: S602
            assert answer.returncode == 0, answer.stderr
            assert '"customer_id"' in answer.stdout
        page = subprocess.run(["curl", "-sS", "--fail", docs], capture_output=True, text=True, check=True)
        assert "swagger" in page.stdout.lower()
        console = re.findall(r"Console +(\S+)", printed)[0]
        for address, says in {
            console: "Keep these customers first",
            f"{url}/console/models": "How models do in use was measured on",
            f"{url}/console/data": "Checked on",
        }.items():
            followed = ["curl", "-sSL", "--fail", "-b", jar, "-c", jar, address]
            page = subprocess.run(followed, capture_output=True, text=True, check=True)
            assert says in page.stdout
        assert "mlflow ui --backend-store-uri" in printed


@pytest.mark.servers
def test_a_build_that_is_killed_leaves_what_was_there(world: World, tmp_path: Path) -> None:
    config = (world.directory / "encore.toml").read_text()
    (tmp_path / "encore.toml").write_text(config.replace("threads = 2", "threads = 2\n[time]\nhistory_days = 300"))
    for name in ("contract", "features"):
        shutil.copytree(world.directory / "data" / name, tmp_path / "data" / name)
    features = tmp_path / "data/features"
    before = {file: file.read_bytes() for file in features.rglob("*") if file.is_file()}
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen([*ENCORE, "features", "build"], cwd=tmp_path, stdout=log, stderr=log) as killed,
    ):
        deadline = time.monotonic() + 60
        while not list((tmp_path / "data").glob(".unfinished-features-*/features/*/*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        killed.kill()
    assert list((tmp_path / "data").glob(".unfinished-features-*"))
    assert {file: file.read_bytes() for file in features.rglob("*") if file.is_file()} == before
