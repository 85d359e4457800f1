"""Where state lives, and how it is answered from."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from core.settings.fields import Section, Share


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
