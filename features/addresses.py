"""Addresses of servers, as the libraries want them."""


def database_url(address: str) -> str:
    """Name the PostgreSQL driver that Encore installs; SQLAlchemy would take another by default."""
    return address.replace("postgresql://", "postgresql+psycopg://", 1)
