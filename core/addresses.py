"""Addresses of servers, as the libraries want them."""

from urllib.parse import unquote, urlsplit


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
    told = ",".join(f"{name}={value}" for name, value in options.items())
    return f"{parts.hostname}:{parts.port or 6379},{told}"


def database_url(address: str) -> str:
    """Name the PostgreSQL driver that Encore installs; SQLAlchemy would take another by default."""
    return address.replace("postgresql://", "postgresql+psycopg://", 1)
