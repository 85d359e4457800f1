"""Settings: one file, `encore.toml`, every value of it overridable by an `ENCORE_…` variable.

The variable of a key is `ENCORE_<SECTION>__<KEY>`, for example `ENCORE_CHURN__HORIZON_DAYS=42`.
"""

import codecs
import os
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from features.errors import ConfigError

DEFAULT_CONFIG = Path("encore.toml")
ENV_PREFIX = "ENCORE_"
#: Variables that carry our prefix and are not settings.
_NOT_SETTINGS = {"ENCORE_CONFIG"}

#: The rule that rows are counted under which do not satisfy `where`.
WHERE = "where"

TableName = Literal["transactions", "products", "customers", "interactions", "subscriptions"]
Days = Annotated[int, Field(ge=1, le=3650)]
Share = Annotated[float, Field(gt=0, lt=1)]
#: One word, so that it is never taken for one of ingestion's own rules, which are phrases.
RuleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone; expected a name such as Europe/Berlin") from error
    return name


def _known_encoding(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError as error:
        raise ValueError(f"{name!r} is no encoding; expected a name such as utf-8, latin-1 or gb18030") from error


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_utc)]


class Section(BaseModel):
    """A section of the file: unknown keys are errors, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class InputSettings(Section):
    """Where rows of one contract table come from, and how they are mapped to it.

    `columns` maps a contract column to a source column or to any DuckDB expression over the source's
    columns. A contract column that is not listed is taken from the source column of the same name.
    """

    table: TableName
    path: str | None = Field(
        None, description="CSV, Excel or Parquet file below `root`, by its ending; a glob pattern is allowed"
    )
    database: str | None = Field(
        None, description="SQLAlchemy address that `query` is sent to; ${NAME} is taken from the environment"
    )
    query: str | None = Field(
        None,
        description="Instead of `path`: a query to `database`, or without one to DuckDB, for sources that need a join",
    )
    newer: str | None = Field(
        None, description="Column of `query` by which only rows at or after the last one seen are read again"
    )
    columns: dict[str, str] = Field(default_factory=dict)
    where: str | None = Field(None, description="DuckDB condition over the source's columns; other rows are set aside")
    skip: dict[RuleName, str] = Field(
        default_factory=dict, description="Rows to set aside, conditions by the name they are counted under"
    )
    returns: str | None = Field(
        None, description="transactions only: condition for rows that take goods back; they become interactions"
    )
    timezone: Annotated[str, AfterValidator(_known_zone)] | None = Field(
        None, description="Zone of this input's timestamps that carry none; None is that of `data`"
    )
    dates: tuple[str, ...] = Field((), description="strptime formats of moments, tried in order; empty is ISO 8601")
    decimal: Literal[".", ","] = "."
    encoding: Annotated[str, AfterValidator(_known_encoding)] | None = Field(
        None, description="Of a CSV file; None is UTF-8, or what a byte order mark says"
    )
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = Field(
        None, description="Of a CSV file; None is found from its first lines"
    )
    quote: Annotated[str, Field(min_length=1, max_length=1)] = '"'
    header_line: Annotated[int, Field(ge=1, le=1000)] = Field(1, description="Of a CSV file: where the names stand")
    sheet: str | None = Field(None, description="Of an Excel file; None is the first")

    @model_validator(mode="after")
    def _consistent(self) -> "InputSettings":
        if (self.path is None) == (self.query is None):
            raise ValueError("expected exactly one of `path` and `query`")
        if self.database is not None and self.query is None:
            raise ValueError("expected `query` with `database`")
        if self.newer is not None and self.database is None:
            raise ValueError("expected `newer` with `database` only")
        if self.returns is not None and self.table != "transactions":
            raise ValueError("expected `returns` with transactions only")
        return self

    @property
    def rules(self) -> frozenset[str]:
        """The rules of the configuration that a row can be set aside by."""
        return frozenset({*self.skip, WHERE})

    @property
    def origin(self) -> str:
        """What to call it in messages."""
        return self.path or "query " + " ".join(str(self.query).split())[:60]


class DataSettings(Section):
    """The source of the contract tables."""

    source: Literal["completejourney", "files"] = "completejourney"
    root: Path = Field(Path(), description="Folder that the paths of `inputs` are relative to")
    timezone: Annotated[str, AfterValidator(_known_zone)] = Field(
        "UTC", description="Zone of timestamps that carry none"
    )
    max_unusable: Annotated[float, Field(ge=0, le=1)] = Field(
        0.05, description="Share of an input's rows that may be unusable before ingestion stops"
    )
    keys: dict[TableName, tuple[str, ...]] = Field(
        default_factory=dict,
        description='Columns that name a row of a table; of equal ones the last written stays. ["*"] is all columns',
    )
    inputs: tuple[InputSettings, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> "DataSettings":
        if (self.source == "files") != bool(self.inputs):
            raise ValueError('expected `inputs` with source = "files", and none with any other source')
        for item in self.inputs:
            if item.newer is not None and item.table not in {*self.keys, "products", "customers"}:
                raise ValueError(f"expected a key of {item.table} in `keys` where an input has `newer`")
        return self


class TimeSettings(Section):
    """The clock and the snapshots. All intervals are half-open."""

    as_of: Literal["data_end", "now"] | Moment = Field(
        "data_end",
        description="The moment features are built for: midnight after the last event, the last midnight, or a date",
    )
    snapshot_spacing_days: Days = 7
    min_history_days: Days = Field(84, description="No snapshot earlier than this after the first event")
    history_days: Days = Field(365, description="How far back a customer's purchase history reaches")


class CustomerSettings(Section):
    """What is used of the table of customers."""

    attributes: tuple[str, ...] = Field(
        (), description="Columns of `customers` by which one without purchases is offered what others like them buy"
    )
    learned_from: Annotated[int, Field(ge=100)] = Field(
        50_000, description="Customers that models learn from, drawn by a hash where there are more; all are scored"
    )
    inputs: tuple[str, ...] = Field((), description="Columns of `customers` that the churn model reads, as categories")
    never: tuple[str, ...] = Field((), description="Columns of `customers` that no model reads and no reason names")

    @property
    def kept(self) -> tuple[str, ...]:
        """The columns that features are made of."""
        return tuple(dict.fromkeys((*self.attributes, *self.inputs)))

    @model_validator(mode="after")
    def _never_is_never(self) -> "CustomerSettings":
        if both := [name for name in self.kept if name.lower() in {other.lower() for other in self.never}]:
            raise ValueError(f"{both[0]!r} is named in `never`, and in `attributes` or `inputs` too")
        return self


class ChurnSettings(Section):
    """What churn is, how risk is cut into tiers, and which snapshots measure it.

    Non-contractual: active in the window before t, and no purchase in [t + gap, t + gap + horizon).
    Contractual: a contract runs at t, and one ends in [t + gap, t + gap + horizon) that is not renewed within
    the grace period after its end.
    """

    kind: Literal["non_contractual", "contractual"] = "non_contractual"
    activity_window_days: Days = Field(56, description="Non-contractual only")
    horizon_days: Days = 28
    grace_days: Days = Field(14, description="Contractual only: a renewal starts before the end plus this")
    gap_days: Annotated[int, Field(ge=0, le=365)] = 0
    test_snapshots: tuple[Moment, ...] = Field(
        (), description="Empty: the last snapshots whose label windows are complete"
    )
    validation_snapshots: Annotated[int, Field(ge=1, le=12)] = Field(
        3, description="Snapshots before the tests, for early stopping and calibration"
    )
    slices: tuple[str, ...] = Field((), description="Columns of `customers` to report results by; never inputs")
    tiers: Literal["threshold", "share"] = Field("threshold", description="Cut tiers by risk, or by share of customers")
    high_risk: Share = Field(0.5, description="Risk from which a customer is high")
    medium_risk: Share = 0.2
    high_share: Share = Field(0.05, description="Share of active customers a team can contact at once")
    medium_share: Share = Field(0.15, description="Share of active customers that comes next")

    @property
    def label_days(self) -> int:
        """Days after a snapshot until its labels are known."""
        return self.gap_days + self.horizon_days + (self.grace_days if self.kind == "contractual" else 0)

    @property
    def learned(self) -> dict[str, Any]:
        """What a model depends on: everything but how it is reported and cut into tiers."""
        told = {"slices", "tiers", "high_risk", "medium_risk", "high_share", "medium_share"}
        return self.model_dump(mode="json", exclude=told)

    @model_validator(mode="after")
    def _tiers_in_order(self) -> "ChurnSettings":
        if self.medium_risk >= self.high_risk:
            raise ValueError(f"expected medium_risk below high_risk, found {self.medium_risk} and {self.high_risk}")
        if self.high_share + self.medium_share > 1:
            raise ValueError(
                f"expected high_share and medium_share to be at most 1 together, found {self.high_share} and "
                f"{self.medium_share}"
            )
        return self


class UpsellSettings(Section):
    """What a better tier is. But for a list of upgrades, the type is one that the customer buys regularly."""

    rule: Literal["unit_price", "brand_tier", "price_band", "upgrades"] = Field(
        "unit_price", description="Dearer per unit, a higher brand tier, a higher third of the type's prices, or a list"
    )
    min_step: Annotated[float, Field(gt=1)] = Field(
        1.2, description="unit_price: price per unit over the customer's median in the type, at least"
    )
    max_step: Annotated[float, Field(gt=1)] = Field(
        3.0, description="At most; less where customers of that price habit have accepted less"
    )
    brand_tiers: tuple[str, ...] = Field(
        ("private", "national"), description="brand_tier: values of products.brand_tier, the lowest first"
    )
    upgrades: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="upgrades: what can be offered instead of a product, by ids"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "UpsellSettings":
        if self.min_step >= self.max_step:
            raise ValueError(f"expected min_step below max_step, found {self.min_step} and {self.max_step}")
        if (self.rule == "upgrades") != bool(self.upgrades):
            raise ValueError('expected `upgrades` with rule = "upgrades", and none with any other rule')
        return self


class NextProductSettings(Section):
    """What a customer buys in [t, t + horizon), and what may be offered."""

    activity_window_days: Days = 56
    horizon_days: Days = 14
    test_snapshots: tuple[Moment, ...] = ()
    training_snapshots: Annotated[int, Field(ge=1, le=26)] = 5
    min_baskets: Annotated[int, Field(ge=1)] = Field(5, description="Baskets a product needs to be offered")
    arrival_days: Days = Field(56, description="A product introduced since then needs no baskets to be offered")
    upsell: UpsellSettings = UpsellSettings()


class StoreSettings(Section):
    """Where state lives. Relative paths start at the working directory."""

    data: Path = Path("data")
    online: Annotated[str, Field(pattern=r"^(sqlite|rediss?)://.+")] = "sqlite://data/online.db"
    registry: Annotated[str, Field(pattern=r"^(file|postgresql)://.+")] = "file://data/registry.db"
    memory_limit: Annotated[str, Field(pattern=r"^\d+(MB|GB)$")] = Field("2GB", description="DuckDB's own limit")


class TrackingSettings(Section):
    """MLflow."""

    uri: str = "sqlite:///mlruns/mlflow.db"
    artifacts: str = Field("mlruns/artifacts", description="Folder or URI for artifacts of new experiments")
    experiment: str = "encore"


class ServingSettings(Section):
    """The API."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    playbook: Path | None = Field(None, description="What to do about each reason; None is Encore's own")
    rules: Path | None = Field(None, description="What may be offered; None keeps no rule but a withdrawn consent")
    workers: Annotated[int, Field(ge=1, le=64)] = Field(1, description="Processes that answer requests")
    requests_per_minute: Annotated[int, Field(ge=1)] = Field(
        6_000, description="Of each key that has no rate of its own; ten seconds' worth may come at once"
    )
    max_body_kb: Annotated[int, Field(ge=1, le=100_000)] = Field(1_024, description="Of a request")
    cors_origins: tuple[str, ...] = Field((), description="Origins of pages that may ask from a browser; none is none")
    score_age_hours: Annotated[int, Field(ge=0, le=24 * 365)] = Field(
        24, description="Older scores are computed anew, whatever happened"
    )
    audit_file_mb: Annotated[int, Field(ge=1)] = Field(64, description="From which length on a new file is started")
    audit_files: Annotated[int, Field(ge=1)] = Field(100, description="Full files of the audit log that stay")


class ExperimentSettings(Section):
    """Whose offers are made another way, so that impressions and purchases can be compared later."""

    name: str | None = Field(None, min_length=1, description="None is no experiment; another name draws customers anew")
    other: Literal["baseline", "challenger"] = Field(
        "baseline", description="What they get: the list by own frequency and popularity, or that of the challenger"
    )
    share: Share = Field(0.1, description="Of all customers, chosen by a hash of name and customer_id")


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
