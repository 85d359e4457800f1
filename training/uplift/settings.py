"""How the effect of contacts is learned from campaigns whose arms were drawn by lot."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from core.settings import Days
from features.services import FeatureService, ModelSettings
from features.snapshots import Windows


class UpliftSettings(ModelSettings):
    """What an action adds to the probability that a customer is retained in [assigned, assigned + horizon)."""

    section: ClassVar[str] = "uplift"
    # equal to the service of churn, so that both read the same vectors
    service: ClassVar[FeatureService] = FeatureService("churn_v1", groups=frozenset({"customer"}))

    horizon_days: Days = Field(28, description="Days after an assignment in which a customer is retained, or is not")
    folds: Annotated[int, Field(ge=3, le=10)] = Field(
        5, description="Groups of customers; each is measured by models that learned from the others"
    )
    propensities: Literal["given", "equal"] = Field(
        "given",
        description="Campaigns without propensities: given leaves them out; equal learns from them, too, as their arms "
        "were drawn for all of their customers alike",
    )

    @property
    def windows(self) -> Windows:
        """The midnights at or before the assignments; customers are split by folds and not by time."""
        return Windows(self.horizon_days, assigned=True)

    @property
    def learned(self) -> dict[str, Any]:
        """What a model depends on."""
        return self.model_dump(mode="json")
