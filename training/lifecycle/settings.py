"""Where runs and versions of models are kept."""

from typing import ClassVar

from pydantic import Field

from core.settings import Address, Section


class TrackingSettings(Section):
    """MLflow."""

    section: ClassVar[str] = "tracking"

    uri: Address = "sqlite:///mlruns/mlflow.db"
    artifacts: str = Field(
        "mlruns/artifacts", description="Folder of artifacts, or the URI for those of a new experiment"
    )
    experiment: str = "encore"
