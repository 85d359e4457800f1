"""The settings as a whole, from the file and the environment."""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from core.errors import ConfigError
from core.settings.data import DataSettings, InputSettings
from core.settings.learning import ChurnSettings, CustomerSettings, NextProductSettings, TimeSettings
from core.settings.running import ExperimentSettings, ServingSettings, StoreSettings, TrackingSettings

DEFAULT_CONFIG = Path("encore.toml")
ENV_PREFIX = "ENCORE_"
#: Variables that carry our prefix and are not settings.
_NOT_SETTINGS = {"ENCORE_CONFIG"}


class Settings(BaseSettings):
    """The whole of `encore.toml`, overlaid with the environment."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    data: DataSettings = DataSettings()
    time: TimeSettings = TimeSettings()
    customers: CustomerSettings = CustomerSettings()
    churn: ChurnSettings = ChurnSettings()
    next_product: NextProductSettings = NextProductSettings()
    stores: StoreSettings = StoreSettings()
    tracking: TrackingSettings = TrackingSettings()
    serving: ServingSettings = ServingSettings()
    experiment: ExperimentSettings = ExperimentSettings()
    threads: Annotated[int, Field(ge=1, le=256)] = Field(
        default_factory=lambda: os.cpu_count() or 1, description="For training and feature building"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is the library's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, the environment over the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(path: Path | None = None) -> Settings:
    """Read the settings from the file and the environment.

    Parameters
    ----------
    path
        The file; None means `encore.toml` in the working directory if there is one, else the defaults.

    Raises
    ------
    ConfigError
        For an unknown key, a bad value, or a file that is missing or not TOML. Names the key, the value
        found and what was expected.
    """
    file = path or DEFAULT_CONFIG
    if path is not None and not path.is_file():
        raise ConfigError(f"Expected a configuration file at {path}, found none.", "Check --config or ENCORE_CONFIG.")
    _refuse_unknown_variables()

    class FileSettings(Settings):
        model_config = SettingsConfigDict(toml_file=file)

    try:
        return FileSettings()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not valid TOML: {error}.", "Mend that line; the file must be UTF-8.") from error
    except SettingsError as error:
        raise ConfigError(
            f"An ENCORE_… variable cannot be read: {error}.",
            "Write lists and tables as JSON, for example ENCORE_CHURN__TEST_SNAPSHOTS='[\"2017-11-01\"]'.",
        ) from error
    except ValidationError as error:
        raise ConfigError(_describe(error, file), "Mend the value or remove it to get the default.") from error


def _refuse_unknown_variables() -> None:
    for name in os.environ:
        if name.startswith(ENV_PREFIX) and name not in _NOT_SETTINGS:
            section = name.removeprefix(ENV_PREFIX).lower().split("__")[0]
            if section not in Settings.model_fields:
                raise ConfigError(
                    f"{name} is no setting of Encore; expected ENCORE_<SECTION>__<KEY> with a section out of "
                    f"{', '.join(Settings.model_fields)}.",
                    "Correct the variable or unset it.",
                )


def _keys_beside(location: list[str]) -> str:
    section = Settings.model_fields.get(location[0]) if len(location) > 1 else None
    model = section.annotation if section is not None else Settings
    if len(location) > 2:
        model = InputSettings
    return ", ".join(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else "none"


def _describe(error: ValidationError, file: Path) -> str:
    return " ".join(_describe_one(dict(item), file) for item in error.errors(include_url=False))


def _describe_one(item: dict[str, Any], file: Path) -> str:
    location = [str(part) for part in item["loc"]]
    key = ".".join(location) or "the whole"
    variable = ENV_PREFIX + "__".join(location[:2]).upper()
    origin = f"{variable} in the environment" if variable in os.environ else str(file)
    if item["type"] == "extra_forbidden":
        return f"{origin}: unknown key {key} (value {item['input']!r}); expected one of {_keys_beside(location)}."
    message = item["msg"].removeprefix("Value error, ")
    return f"{origin}: {key} = {item['input']!r}: {message}."
