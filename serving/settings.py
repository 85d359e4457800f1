"""The API and its experiment; and the list of all sections of the configuration."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from babel.numbers import is_currency
from pydantic import AfterValidator, Field, SecretStr

from core.settings import Address, Part, Section, Settings, Share, StoreSettings
from core.settings.load import load_settings as load
from features.ingest.settings import DataSettings
from features.services import ModelSettings
from features.settings import CustomerSettings, FeatureSettings, TimeSettings
from training.lifecycle.settings import PromotionSettings, RefreshSettings, TrackingSettings
from training.monitoring.settings import AlertSettings, MonitoringSettings
from training.next_product.settings import NextProductSettings
from training.registry import MODELS

#: Roles of the console; serving/access/keys.py says what each may do.
ConsoleRole = Literal["viewer", "marketer", "analyst", "admin"]


def _currency(code: str) -> str:
    if not is_currency(code):
        raise ValueError(f"expected a code of ISO 4217 such as EUR, found {code!r}")
    return code


class ServingSettings(Section):
    """The API."""

    section: ClassVar[str] = "serving"

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    playbook: Path | None = Field(None, description="What to do about each reason; None is Encore's own")
    rules: Path | None = Field(None, description="What may be offered; None keeps no rule but a withdrawn consent")
    segments: Path | None = Field(None, description="Segments of customers by rules; None defines none in a file")
    segment_age_minutes: Annotated[int, Field(ge=0, le=60 * 24 * 365)] = Field(
        60, description="Segments that were evaluated before are evaluated again when somebody asks for them"
    )
    workers: Annotated[int, Field(ge=1, le=64)] = Field(1, description="Processes that answer requests")
    requests_per_minute: Annotated[int, Field(ge=1)] = Field(
        6_000, description="Of each key that has no rate of its own; ten seconds' worth may come at once"
    )
    max_head_kb: Annotated[int, Field(ge=1, le=1_000)] = Field(32, description="Of a request line with its headers")
    head_seconds: Annotated[float, Field(gt=0)] = Field(10, description="In which a client has to send them")
    body_seconds: Annotated[float, Field(gt=0)] = Field(30, description="In which a client has to send the body then")
    answer_seconds: Annotated[float, Field(gt=0)] = Field(
        30, description="After which a connection ends whose client does not continue to read the answer"
    )
    idle_seconds: Annotated[int, Field(ge=1)] = Field(
        5, description="After which a connection is closed that waits for a further request"
    )
    max_connections: Annotated[int, Field(ge=1)] = Field(
        500, description="Of each worker at a time; a request on a further one gets 503"
    )
    max_body_kb: Annotated[int, Field(ge=1, le=100_000)] = Field(1_024, description="Of a request")
    cors_origins: tuple[str, ...] = Field((), description="Origins of pages that may ask from a browser; none is none")
    score_age_hours: Annotated[int, Field(ge=0, le=24 * 365)] = Field(
        24, description="Older scores are computed again, even without an event"
    )
    audit_file_mb: Annotated[int, Field(ge=1)] = Field(64, description="From which length on a new file is started")
    audit_files: Annotated[int, Field(ge=1)] = Field(100, description="Full files of the audit log that stay")


class TextSettings(Section):
    """How reasons and offers are written: currency, words and names of the business."""

    section: ClassVar[str] = "texts"

    currency: Annotated[str, AfterValidator(_currency)] | None = Field(
        None, description="Code of ISO 4217, such as EUR; None writes amounts without a currency"
    )
    currency_format: Annotated[str, Field(pattern="¤")] | None = Field(
        None, description="Pattern of CLDR, such as #,##0.00 ¤; None is what is usual in the reader's language"
    )
    purchase: Literal["purchase", "order", "visit"] = Field("purchase", description="What the business calls it")
    first_weekday: Literal["monday", "saturday", "sunday"] = Field("monday", description="With which a week begins")
    names: Path | None = Field(
        None, description="CSV of display names: kind (product, type, attribute, value), id, a column a language"
    )
    likely_from: Share = Field(
        0.05, description="Probability from which on an offer is called likely; below it is one of the usual products"
    )


class ExperimentSettings(Section):
    """Whose offers are made another way, so that impressions and purchases can be compared later."""

    section: ClassVar[str] = "experiment"
    #: The model whose lists are compared.
    model: ClassVar[type[ModelSettings]] = NextProductSettings

    name: str | None = Field(
        None, min_length=1, description="None is no experiment; another name draws other customers"
    )
    other: Literal["baseline", "challenger"] = Field(
        "baseline", description="What they get: the list by own frequency and popularity, or that of the challenger"
    )
    share: Share = Field(0.1, description="Of all customers, chosen by a hash of name and customer_id")


class DecisionSettings(Section):
    """What may be done for customers, and by which policy: one file, read again when it changes."""

    section: ClassVar[str] = "decisions"

    file: Path | None = Field(None, description="Actions, policy and moments; None decides nothing")
    webhook: Annotated[Address, Field(pattern=r"^https?://.+")] | None = Field(
        None, description="Address that exports of campaigns are sent to, as JSON by POST"
    )


class OpenIdSettings(Part):
    """Signing in to the console with OpenID Connect."""

    issuer: Address = Field(description="Of the provider, which publishes the rest below it")
    client_id: str
    client_secret: SecretStr = Field(description="May be written as `${NAME}`, as passwords are")
    scopes: str = Field("profile email", description="Scopes besides `openid`, separated by spaces")
    roles_claim: str = Field("groups", description="Claim of the identity token that lists groups or roles")
    roles: dict[str, ConsoleRole] = Field(description="Role of the console by group of the provider")


class ConsoleSettings(Section):
    """The pages for marketers and analysts, below /console."""

    section: ClassVar[str] = "console"

    enabled: bool = Field(True, description="Whether `encore serve` and `encore demo` serve them")
    session_hours: Annotated[int, Field(ge=1, le=24 * 30)] = Field(12, description="After which one signs in again")
    https_only: bool = Field(False, description="Send cookies over HTTPS alone; set it where TLS ends before Encore")
    openid: OpenIdSettings | None = Field(None, description="None signs in with keys alone")


def sections() -> tuple[type[Section], ...]:
    """Return every section that `encore.toml` may have, in the order of its documentation."""
    models = (model.settings for model in MODELS)
    return (
        DataSettings,
        TimeSettings,
        CustomerSettings,
        FeatureSettings,
        *models,
        StoreSettings,
        TrackingSettings,
        PromotionSettings,
        RefreshSettings,
        MonitoringSettings,
        AlertSettings,
        ServingSettings,
        TextSettings,
        ExperimentSettings,
        DecisionSettings,
        ConsoleSettings,
    )


def default_settings(*changed: Section, threads: int | None = None) -> Settings:
    """Return settings with every section at its defaults, but for those that are given; reads no file."""
    return Settings(*(kind() for kind in sections()), threads=threads).replaced(*changed)


def load_settings(path: Path | None = None) -> Settings:
    """Read the settings of this deployment from the file and the environment.

    Parameters
    ----------
    path
        The file; None means `encore.toml` in the working directory if there is one, else the defaults.

    Raises
    ------
    ConfigError
        If the file or an `ENCORE_…` variable is not acceptable.
    """
    return load(path, sections())
