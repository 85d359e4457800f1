"""How long answers are kept to be compared with what came of them."""

from typing import ClassVar

from pydantic import Field

from core.settings import Days, Section


class MonitoringSettings(Section):
    """What is kept of answers, and for how long."""

    section: ClassVar[str] = "monitoring"

    retention_days: Days = Field(
        180, description="Days that answers are kept; more than a horizon, or nothing can be measured"
    )
