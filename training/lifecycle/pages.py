"""Where MLflow's own pages are."""

from urllib.parse import quote, urlsplit

from core.errors import hide_passwords
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.version import Version


def server_of(settings: TrackingSettings) -> str | None:
    """Return the address of MLflow's server without user and password; None where its files are read directly."""
    if not settings.uri.startswith(("http://", "https://")):
        return None
    parts = urlsplit(settings.uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")


def page_of(version: Version, settings: TrackingSettings) -> str | None:
    """Return the address of a version's page; None where no server runs."""
    server = server_of(settings)
    return None if server is None else f"{server}/#/models/{quote(version.name)}/versions/{quote(version.number)}"


def command_of(settings: TrackingSettings) -> str:
    """Return the command that starts MLflow's pages where no server runs."""
    return f"mlflow ui --backend-store-uri {hide_passwords(settings.uri)}"
