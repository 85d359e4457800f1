"""What churn is, and how its risk is reported."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from core.settings import Days, Moment, Share
from features.contract.tables import TableName
from features.services import FeatureService, ModelSettings
from features.snapshots import Windows


class ChurnSettings(ModelSettings):
    """What churn is, how risk is cut into tiers, and which snapshots measure it.

    Non-contractual: active in the window before t, and no purchase in [t + gap, t + gap + horizon).
    Contractual: a contract ends in [t + gap, t + gap + horizon) that is not renewed within the grace period after its
    end. Asked about are the customers whose contract ends in that window for all that is known at t, or all with a
    contract that runs at t.
    Labelled: the business's own label, of the table of labels.
    """

    section: ClassVar[str] = "churn"
    service: ClassVar[FeatureService] = FeatureService("churn_v1", groups=frozenset({"customer"}))

    kind: Literal["non_contractual", "contractual", "labelled"] = "non_contractual"
    population: Literal["up_for_renewal", "all"] | None = Field(
        None,
        description="Whose churn is asked about. up_for_renewal, the default with contracts: whose contract ends in "
        "the label window, for all that is known",
    )
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
    trusted_features: tuple[str, ...] = Field(
        (), description="Features that may separate nearly perfectly on their own: checked to be known in time"
    )
    tiers: Literal["threshold", "share"] = Field("threshold", description="Cut tiers by risk, or by share of customers")
    high_risk: Share = Field(0.5, description="Risk from which a customer is high")
    medium_risk: Share = 0.2
    high_share: Share = Field(0.05, description="Share of active customers a team can contact at once")
    medium_share: Share = Field(0.15, description="Share of active customers that comes next")

    @property
    def renewal(self) -> bool:
        """Whether only customers whose contract ends in the label window are asked about."""
        return self.kind == "contractual" and self.population != "all"

    @property
    def label_days(self) -> int:
        """Days after a snapshot until its labels are known."""
        return self.gap_days + self.horizon_days + (self.grace_days if self.kind == "contractual" else 0)

    @property
    def windows(self) -> Windows:
        """Every snapshot of the grid, or of the labels; before the tests, early stopping and calibration take some."""
        table: TableName = "subscriptions" if self.kind == "contractual" else "transactions"
        given = self.kind == "labelled"
        # customers with a contract are there whether they buy or not
        active = self.activity_window_days if self.kind == "non_contractual" else None
        return Windows(
            self.label_days,
            self.test_snapshots,
            self.validation_snapshots,
            given=given,
            labels=table,
            active_days=active,
        )

    @property
    def learned(self) -> dict[str, Any]:
        """What a model depends on: everything but how it is reported and cut into tiers."""
        reported = {"slices", "trusted_features", "tiers", "high_risk", "medium_risk", "high_share", "medium_share"}
        return self.model_dump(mode="json", exclude=reported)

    @model_validator(mode="after")
    def _renewals_are_of_contracts(self) -> "ChurnSettings":
        if self.population == "up_for_renewal" and self.kind != "contractual":
            raise ValueError(f'expected population "all" with kind {self.kind!r}: only contracts are renewed')
        return self

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
