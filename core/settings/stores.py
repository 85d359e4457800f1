"""Where state lives, and the addresses of servers as the libraries want them."""

from pathlib import Path
from typing import Annotated, ClassVar
from urllib.parse import unquote, urlsplit

from pydantic import Field

from core.settings.section import Section


class StoreSettings(Section):
    """Where state lives. Relative paths start at the working directory."""

    section: ClassVar[str] = "stores"

    data: Path = Path("data")
    online: Annotated[str, Field(pattern=r"^(sqlite|rediss?)://.+")] = "sqlite://data/online.db"
    registry: Annotated[str, Field(pattern=r"^(file|postgresql)://.+")] = "file://data/registry.db"
    memory_limit: Annotated[str, Field(pattern=r"^\d+(MB|GB)$")] = Field("2GB", description="DuckDB's own limit")


def redis_connection(address: str) -> str:
    """Return what Feast calls a connection string: host:port, then options, from a redis:// or rediss:// address."""
    parts = urlsplit(address)
    options = {"db": parts.path.strip("/") or "0"}
    if parts.password:
        options["password"] = unquote(parts.password)
    if parts.username:
        options["username"] = unquote(parts.username)
    if parts.scheme == "rediss":
        options["ssl"] = "true"
    listed = ",".join(f"{name}={value}" for name, value in options.items())
    return f"{parts.hostname}:{parts.port or 6379},{listed}"


def database_url(address: str) -> str:
    """Name the PostgreSQL driver that Encore installs; SQLAlchemy would take another by default."""
    return address.replace("postgresql://", "postgresql+psycopg://", 1)
