"""Where runs and versions of models are kept, and what a version has to show to answer."""

from typing import Annotated, ClassVar

from pydantic import Field

from core.settings import Address, Days, Section, Share
from training.evaluation.grade import Grade

Points = Annotated[float, Field(ge=0, le=1)]


class TrackingSettings(Section):
    """MLflow."""

    section: ClassVar[str] = "tracking"

    uri: Address = "sqlite:///mlruns/mlflow.db"
    artifacts: str = Field(
        "mlruns/artifacts", description="Folder of artifacts, or the URI for those of a new experiment"
    )
    experiment: str = "encore"
    workspace: str = Field("", description="Ends the names of registered models of a workspace; set by --workspace")


class RefreshSettings(Section):
    """The nightly refresh: when it trains."""

    section: ClassVar[str] = "refresh"

    retrain_days: Days = Field(14, description="Days of data after which a model is trained again")
    retrain_days_of: dict[str, Days] = Field(
        default_factory=dict, description="Other days of a model, by its name: `{churn = 7, next_product = 28}`"
    )
    retrain_on_drift: bool = Field(True, description="Train too where the inputs of a model have drifted")
    recalibrate: bool = Field(True, description="Follow newer labels with the percentages of a model")

    def days_of(self, section: str) -> int:
        """Return the days after which a model is trained again."""
        return self.retrain_days_of.get(section, self.retrain_days)


class PromotionSettings(Section):
    """The gate: what a challenger has to show to become the champion."""

    section: ClassVar[str] = "promotion"

    minimum_grade: Grade = Field("C", description="Of a challenger; the first model of its kind is served with any")
    tolerance: Points = Field(
        0.02, description="The 95 % interval of the gain, in AUC or NDCG@10, may begin this far below 0"
    )
    calibration_tolerance: Points = Field(
        0.01, description="The calibration error may be this much higher, where the difference is more than chance"
    )
    slice_tolerance: Points = Field(
        0.05, description="A slice may be this much worse, where the difference is more than chance"
    )
    minimum_fidelity: Share = Field(0.95, description="Share of reasons that agree with the model")
