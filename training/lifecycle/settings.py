"""Where runs and versions of models are kept."""

from typing import ClassVar

from pydantic import Field

from core.settings import Address, Section


class TrackingSettings(Section):
    """MLflow."""

    section: ClassVar[str] = "tracking"

    uri: Address = "sqlite:///mlruns/mlflow.db"
    artifacts: str = Field("mlruns/artifacts", description="Folder or URI for artifacts of new experiments")
    experiment: str = "encore"
