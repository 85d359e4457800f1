"""docs/kubernetes.md: its objects fit each other, and its settings are Encore's."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.settings import StoreSettings, completed, database_url
from serving.settings import load_settings
from training.lifecycle.settings import TrackingSettings

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/kubernetes.md").read_text()
(_TEXT,) = re.findall(r"```yaml\n(.+?)```", PAGE, re.DOTALL)
OBJECTS: list[dict[str, Any]] = list(yaml.safe_load_all(_TEXT))


def named(kind: str, name: str = "encore") -> dict[str, Any]:
    """Return an object of the page."""
    (found,) = (one for one in OBJECTS if (one["kind"], one["metadata"]["name"]) == (kind, name))
    return found


DEPLOYMENT = named("Deployment")["spec"]
JOB = named("CronJob", "encore-nightly")["spec"]
PODS = {"api": DEPLOYMENT["template"]["spec"], "job": JOB["jobTemplate"]["spec"]["template"]["spec"]}


def test_each_kind_has_its_version() -> None:
    assert {(one["apiVersion"], one["kind"]) for one in OBJECTS} == {
        ("v1", "ConfigMap"),
        ("v1", "PersistentVolumeClaim"),
        ("v1", "Service"),
        ("apps/v1", "Deployment"),
        ("policy/v1", "PodDisruptionBudget"),
        ("batch/v1", "CronJob"),
    }


def test_what_selects_the_api_finds_it() -> None:
    labels = DEPLOYMENT["template"]["metadata"]["labels"]
    assert DEPLOYMENT["selector"]["matchLabels"] == labels
    assert named("Service")["spec"]["selector"] == labels
    assert named("PodDisruptionBudget")["spec"] == {"minAvailable": 1, "selector": {"matchLabels": labels}}
    (near,) = PODS["job"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert near["labelSelector"]["matchLabels"] == labels
    assert JOB["jobTemplate"]["spec"]["template"]["metadata"]["labels"] != labels


def test_one_pod_writes_to_the_disk() -> None:
    assert (DEPLOYMENT["replicas"], DEPLOYMENT["strategy"]["type"]) == (1, "Recreate")
    assert named("PersistentVolumeClaim", "encore-data")["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert JOB["concurrencyPolicy"] == "Forbid"


def test_probes_ask_the_api_and_stale_answers_are_not_death() -> None:
    (api,) = PODS["api"]["containers"]
    (port,) = (one["containerPort"] for one in api["ports"])
    assert str(port) in api["args"]
    assert named("Service")["spec"]["ports"][0]["targetPort"] == port
    asked = {name: api[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    assert asked == {
        "startup": {"path": "/health/ready", "port": port},
        "liveness": {"path": "/health/live", "port": port},
        "readiness": {"path": "/health/live", "port": port},
    }


@pytest.mark.parametrize("name", PODS)
def test_pods_are_closed_and_mount_what_there_is(name: str) -> None:
    pod = PODS[name]
    (container,) = pod["containers"]
    assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, 10001)
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "memory" in container["resources"]["limits"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
    assert volumes["data"]["persistentVolumeClaim"]["claimName"] == "encore-data"
    assert container["envFrom"] == [{"configMapRef": {"name": "encore"}}]
    assert container["workingDir"] in {mount["mountPath"] for mount in container["volumeMounts"]}
    written = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert written == {named("ConfigMap")["data"]["ENCORE_STORES__DATA"], "/tmp"}


def test_the_night_is_that_of_compose() -> None:
    nightly = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["nightly"]
    (container,) = PODS["job"]["containers"]
    assert (container["command"], container["args"]) == (["encore"], nightly["command"])


def test_its_settings_are_read_and_its_passwords_arrive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in named("ConfigMap")["data"].items():
        monkeypatch.setenv(name, value.replace("/run/secrets", str(tmp_path)))
    made = re.findall(r"--from-file=(\w+)=secrets/(\w+)", PAGE)
    assert len(made) == 3
    for key, file in made:
        assert key == file
        (tmp_path / key).write_text(f"{key} p@ss/w:ord#%\n")
    (tmp_path / "encore.toml").write_text(named("ConfigMap", "encore-business")["data"]["encore.toml"])
    settings = load_settings(tmp_path / "encore.toml")
    stores = settings[StoreSettings]
    assert completed(stores.online) == "redis://:redis_password%20p%40ss%2Fw%3Aord%23%25@redis:6379/0"
    assert "database_password%20" in database_url(stores.registry)
    assert "mlflow_password%20" in completed(settings[TrackingSettings].uri)
