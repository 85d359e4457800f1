"""How long answers are kept, and what is worth an alert."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from core.settings import Address, Days, Part, Section

Measure = Literal[
    "high_risk_share",
    "value_at_risk",
    "calibration_error",
    "nps",
    "nps_fall",
    "returns_share",
    "order_lines",
    "feature_age_hours",
    "drift",
]


class MonitoringSettings(Section):
    """What is kept of answers, and for how long."""

    section: ClassVar[str] = "monitoring"

    retention_days: Days = Field(
        180, description="Days that answers are kept; more than a horizon, or nothing can be measured"
    )


class AlertRule(Part):
    """When a figure is worth an alert: outside fixed limits, or unusual beside its own history."""

    measure: Measure
    above: float | None = None
    below: float | None = None
    spreads: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Limits are this number of spreads (1.4826 MAD) from the median of earlier figures"
    )

    @model_validator(mode="after")
    def _limited(self) -> "AlertRule":
        fixed = self.above is not None or self.below is not None
        if fixed == (self.spreads is not None):
            raise ValueError("expected `above`, `below` or both; or `spreads` alone")
        return self

    @property
    def name(self) -> str:
        """The rule in a few words, which differ from those of other rules: `nps below 20`."""
        limits = [("above", self.above), ("below", self.below), ("spreads", self.spreads)]
        return " ".join([self.measure, *(f"{word} {value:g}" for word, value in limits if value is not None)])


_DEFAULT = (
    AlertRule(measure="high_risk_share", spreads=6),
    AlertRule(measure="value_at_risk", spreads=6),
    AlertRule(measure="calibration_error", above=0.08),
    AlertRule(measure="nps", spreads=6),
    AlertRule(measure="nps_fall", above=15),
    AlertRule(measure="returns_share", spreads=6),
    AlertRule(measure="order_lines", spreads=6),
    AlertRule(measure="feature_age_hours", above=36),
    AlertRule(measure="drift", above=0),
)


class AlertSettings(Section):
    """What `encore monitor` sends an alert about, and where to. Alerts are in the log of the command in any case."""

    section: ClassVar[str] = "alerts"

    webhook: Annotated[Address, Field(pattern=r"^https?://.+")] | None = Field(
        None, description="Address that each alert is sent to, as JSON by POST"
    )
    file: Path | None = Field(None, description="File that each alert is appended to, a line of JSON each")
    rules: tuple[AlertRule, ...] = _DEFAULT
