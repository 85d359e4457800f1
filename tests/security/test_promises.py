"""What SECURITY.md promises of the API as a whole."""

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

from fastapi.testclient import TestClient

from core.settings import StoreSettings
from serving.access.keys import KeyFile
from serving.api.app import create_app
from serving.settings import default_settings

ROOT = Path(__file__).parents[2]
#: Addresses without a key; SECURITY.md names them.
OPEN = {"/health/live", "/health/ready", "/docs", "/openapi.json"}
#: The names of parameters serve as values.
_NAMES = str.maketrans("", "", "{}")


def test_every_other_address_takes_a_key(tmp_path: Path) -> None:
    client = TestClient(create_app(default_settings(StoreSettings(data=tmp_path))), raise_server_exceptions=False)
    paths = json.loads((ROOT / "docs/openapi.json").read_text())["paths"]
    asked = {(method, path) for path, ways in paths.items() for method in ways} | {("get", path) for path in OPEN}
    refused = {one for one in asked if client.request(one[0], one[1].translate(_NAMES)).status_code == 401}
    assert refused == {(method, path) for method, path in asked if path not in OPEN}
    named = (ROOT / "SECURITY.md").read_text()
    assert all(f"`{path}`" in named for path in OPEN)


def test_keys_are_kept_as_hashes_that_only_their_owner_may_read(tmp_path: Path) -> None:
    keys = KeyFile(StoreSettings(data=tmp_path))
    secret = keys.create("crm", ("score",), datetime.now(UTC))
    assert secret.encode() not in keys.path.read_bytes()
    assert len(secret.split("_", 2)[2]) == 43  # 256 bits, six a letter
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600
