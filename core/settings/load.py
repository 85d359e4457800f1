"""The settings as a whole, from the file and the environment."""

import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import Field, ValidationError, create_model
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from core.errors import ConfigError
from core.settings.lines import line_of
from core.settings.section import Part, Section

DEFAULT_CONFIG = Path("encore.toml")
ENV_PREFIX = "ENCORE_"
#: Variables that carry our prefix and are not settings.
_NOT_SETTINGS = {"ENCORE_CONFIG", "ENCORE_USER", "ENCORE_WORKSPACE"}
_Kind = TypeVar("_Kind", bound=Section)


class Settings:
    """The sections of the configuration, each asked for by its class: `settings[StoreSettings].data`.

    Never changes after it was made. A section that was not given has its defaults.

    Attributes
    ----------
    threads
        For training and feature building.
    """

    def __init__(self, *sections: Section, threads: int | None = None) -> None:
        self._sections = {type(section): section for section in sections}
        self.threads = threads or os.cpu_count() or 1

    def __getitem__(self, kind: type[_Kind]) -> _Kind:
        section = self._sections.get(kind)
        return section if isinstance(section, kind) else kind()

    def every(self, kind: type[_Kind]) -> tuple[_Kind, ...]:
        """Return all sections of a kind, subclasses among them, in the order in which they were registered."""
        return tuple(section for section in self._sections.values() if isinstance(section, kind))

    def replaced(self, *sections: Section, threads: int | None = None) -> "Settings":
        """Return settings with other sections in the place of those of the same class."""
        merged = self._sections | {type(section): section for section in sections}
        return Settings(*merged.values(), threads=threads or self.threads)


class _File(BaseSettings):
    """What a configuration file may say beside its sections."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    threads: Annotated[int, Field(ge=1, le=256)] | None = Field(
        None, description="For training and feature building; None is all cores"
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
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, deep_merge=True)


def load_settings(path: Path | None, sections: Sequence[type[Section]], over: Path | None = None) -> Settings:
    """Read the settings from the file and the environment.

    Parameters
    ----------
    path
        The file; None means `encore.toml` in the working directory if there is one, else the defaults.
    sections
        The sections that there are.
    over
        A further file, whose values take the place of those of the first one, key by key.

    Raises
    ------
    ConfigError
        For an unknown key, a bad value, or a file that is missing or not TOML. Names the key, the value
        found and what was expected.
    """
    file = path or DEFAULT_CONFIG
    if path is not None and not path.is_file():
        raise ConfigError(f"Expected a configuration file at {path}, found none.", "Check --config or ENCORE_CONFIG.")
    known = {section.section: section for section in sections}
    _refuse_unknown_variables(known)
    fields: dict[str, Any] = {name: (section, section()) for name, section in known.items()}
    model = create_model("FileSettings", __base__=_File, **fields)
    files = [file] if over is None else [file, over]
    model.model_config["toml_file"] = files
    try:
        values = model()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        names = " or ".join(map(str, files))
        raise ConfigError(
            f"{names} is not valid TOML: {error}.", "Correct that line; the file must be UTF-8."
        ) from error
    except SettingsError as error:
        raise ConfigError(
            f"An ENCORE_… variable cannot be read: {error}.",
            "Write lists and tables as JSON, for example ENCORE_CHURN__TEST_SNAPSHOTS='[\"2017-11-01\"]'.",
        ) from error
    except ValidationError as error:
        raise ConfigError(
            _describe(error, files, known), "Correct the value or remove it to get the default."
        ) from error
    return Settings(*(getattr(values, name) for name in known), threads=values.threads)


def _refuse_unknown_variables(known: Iterable[str]) -> None:
    expected = {*known, *_File.model_fields}
    for name in os.environ:
        if name.startswith(ENV_PREFIX) and name not in _NOT_SETTINGS:
            section = name.removeprefix(ENV_PREFIX).lower().split("__")[0]
            if section not in expected:
                raise ConfigError(
                    f"{name} is no setting of Encore; expected ENCORE_<SECTION>__<KEY> with a section out of "
                    f"{', '.join(sorted(expected))}.",
                    "Correct the variable or unset it.",
                )


def _describe(error: ValidationError, files: Sequence[Path], known: Mapping[str, type[Section]]) -> str:
    return " ".join(_describe_one(dict(item), files, known) for item in error.errors(include_url=False))


def _describe_one(item: dict[str, Any], files: Sequence[Path], known: Mapping[str, type[Section]]) -> str:
    location = [str(part) for part in item["loc"]]
    key = ".".join(location) or "the whole"
    variable = ENV_PREFIX + "__".join(location[:2]).upper()
    origin = f"{variable} in the environment" if variable in os.environ else _place(files, location)
    if item["type"] == "extra_forbidden":
        part = _part_of(location, known)
        expected = ", ".join(part.model_fields) if part else ", ".join([*known, *_File.model_fields])
        if part and location[-1] in part.renamed:
            return f"{origin}: {key} is called {part.renamed[location[-1]]} now."
        # somebody may have meant to give a password here
        value = "***" if "password" in key else repr(item["input"])
        return f"{origin}: unknown key {key} (value {value}); expected one of {expected}."
    message = item["msg"].removeprefix("Value error, ")
    # a whole section says nothing to who wrote two lines of it
    value = "" if isinstance(item["input"], dict) else f" = {item['input']!r}"
    return f"{origin}: {key}{value}: {message}."


def _place(files: Sequence[Path], location: Sequence[str]) -> str:
    """Return the last file that has a value, or else the first one, with the line of the value."""
    file = next((one for one in reversed(files) if _holds(one, location)), files[0])
    try:
        line = line_of(file.read_text(encoding="utf-8"), location)
    except (OSError, UnicodeDecodeError):
        line = None
    return f"{file}, line {line}" if line is not None else str(file)


def _holds(file: Path, location: Sequence[str]) -> bool:
    try:
        value: Any = tomllib.loads(file.read_text(encoding="utf-8"))
        for name in location:
            value = value[int(name)] if isinstance(value, list) else value[name]
    except (OSError, ValueError, LookupError, TypeError):
        return False
    return True


def _part_of(location: Sequence[str], known: Mapping[str, type[Section]]) -> type[Part] | None:
    """Return the section, or the part of one, that a key is in; None for the top of the file."""
    if len(location) < 2:
        return None
    part: type[Part] | None = known.get(location[0])
    for name in location[1:-1]:
        if part is not None and not name.isdigit():
            part = next(iter(_parts_in(part.model_fields[name].annotation)), None)
    return part


def _parts_in(annotation: object) -> Iterable[type[Part]]:
    """Yield the parts that an annotation speaks of, such as those that a list holds."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        yield annotation
    for argument in get_args(annotation):
        yield from _parts_in(argument)
