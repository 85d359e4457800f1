"""Where state lives, and the addresses of servers as the libraries want them."""

import json
import re
from pathlib import Path
from typing import Annotated, ClassVar
from urllib.parse import unquote, urlsplit

from pydantic import Field

from core.settings.secrets import Address, completed
from core.settings.section import Section


class StoreSettings(Section):
    """Where state lives. Relative paths start at the working directory."""

    section: ClassVar[str] = "stores"

    data: Path = Path("data")
    online: Annotated[Address, Field(pattern=r"^(sqlite|rediss?)://.+")] = "sqlite://data/online.db"
    registry: Annotated[Address, Field(pattern=r"^(file|postgresql)://.+")] = "file://data/registry.db"
    shared: Path | None = Field(
        None, description="The data folder whose contract tables and features a workspace takes; set by --workspace"
    )
    memory_limit: Annotated[str, Field(pattern=r"^\d+(MB|GB)$")] = Field("2GB", description="DuckDB's own limit")


def workspace_folder(stores: StoreSettings, name: str) -> Path:
    """Return the data folder of a workspace, below the one whose contract tables it takes."""
    return stores.data / "workspaces" / name


def workspace_folders(stores: StoreSettings) -> list[Path]:
    """Return the data folders of all workspaces."""
    return sorted(folder for folder in workspace_folder(stores, "").glob("*") if folder.is_dir())


def with_password(address: str, password: str) -> str:
    """Return an address with another password in place of its own; one without a password stays as it is."""
    own = urlsplit(address).password
    changed = address.replace(f":{own}@", f":{password}@", 1) if own else address
    return re.sub(r"(?<=[?&]password=)[^&]+", lambda _: password, changed)


def redis_connection(address: str) -> str:
    """Return what Feast calls a connection string: host:port, then options, from a redis:// or rediss:// address.

    Raises
    ------
    ConfigError
        If a `${NAME}` of the address has no value.
    """
    parts = urlsplit(completed(address))
    options = {"db": parts.path.strip("/") or "0"}
    if parts.password:
        options["password"] = _as_json(unquote(parts.password))
    if parts.username:
        options["username"] = _as_json(unquote(parts.username))
    if parts.scheme == "rediss":
        options["ssl"] = "true"
    listed = ",".join(f"{name}={value}" for name, value in options.items())
    return f"{parts.hostname}:{parts.port or 6379},{listed}"


def database_url(address: str) -> str:
    """Complete the address of a database, and name the PostgreSQL driver that Encore installs.

    SQLAlchemy would take another driver by default.

    Raises
    ------
    ConfigError
        If a `${NAME}` of the address has no value.
    """
    return completed(address).replace("postgresql://", "postgresql+psycopg://", 1)


def _as_json(value: str) -> str:
    """Return a JSON string, which Feast decodes, without the comma it splits at and the $ that its files expand."""
    return json.dumps(value).replace(",", r"\u002c").replace("$", r"\u0024")
