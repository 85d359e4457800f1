"""The risk that a customer churns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from serving.explain.tiers import AnyTier
from serving.parts.churn import ChurnEngine, engine_of, known_customers, risks, writer_of
from serving.scoring import metrics
from serving.scoring.deployment import Deployment
from serving.scoring.part import AnswerPart, Column, Computed, PartAnswer, Reading, Shown
from training.monitoring.answers import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskAnswer(PartAnswer):
    """The risk that a customer churns; see the definition of the churn model in `models`."""

    risk: Annotated[
        float | None,
        Field(description="Calibrated probability of churn; null in the tiers not_due and inactive", examples=[0.37]),
    ] = None
    tier: Annotated[
        AnyTier | None,
        Field(
            description="high, medium or low; new: one purchase, too early to tell; not_due: the contract does not "
            "end within the horizon; inactive: the customer has left",
            examples=["medium"],
        ),
    ] = None
    text: Annotated[
        str | None,
        Field(
            description="What the risk is a risk of, or why there is none, in the reader's language",
            examples=["37% chance of no purchase in the next 28 days; typical here: 4%"],
        ),
    ] = None


class RiskPart(AnswerPart[RiskAnswer]):
    """Risk and tier."""

    name = "risk"
    schema = RiskAnswer
    role = "score"
    engine = ChurnEngine
    columns = (
        Column("risk", "number", "Calibrated probability of churn"),
        Column("tier", "text", "high, medium, low, new, not_due or inactive"),
        Column("churn_model", "text", "Name and version of the model that computed the risk"),
    )

    def compute(self, reading: Reading) -> Mapping[str, Computed[RiskAnswer]]:
        """Return the risk of every known customer."""
        known, engine = reading.once(known_customers), engine_of(reading)
        label, writer = engine.info.version.label, writer_of(reading)
        answers = {}
        for customer, vector, (risk, tier) in zip(known.customers, known.vectors, reading.once(risks), strict=True):
            text = engine.meaning.text(risk, tier, writer)
            answers[customer] = Computed(vector.moment, RiskAnswer(model=label, risk=risk, tier=tier, text=text))
        return answers

    def cells(self, value: RiskAnswer) -> Mapping[str, object]:
        """Return risk, tier and the version."""
        return {"risk": value.risk, "tier": value.tier, "churn_model": value.model}

    def exported(self, value: RiskAnswer | None) -> Mapping[str, object]:
        """Return risk and tier."""
        return {"risk": value.risk if value else None, "tier": value.tier if value else None}

    def texts(self, value: RiskAnswer | None) -> Mapping[str, object]:
        """Return what the risk means."""
        return {"risk_text": value.text if value else None}

    def shown(self, _: Deployment, one: Shown) -> None:
        """Count the risk."""
        risk = one.answered.field("risk")
        if risk is not None:
            metrics.RISK.observe(risk)

    def logged(self, one: Shown) -> Answer | None:
        """Keep risk and tier of a customer who is active."""
        risk, model, tier = (one.answered.field(name) for name in ("risk", "model", "tier"))
        return None if risk is None else Answer(one.customer_id, model, one.as_of, risk=risk, tier=tier)

    def listed(self, row: Mapping[str, Any]) -> Answer | None:
        """Keep risk and tier of a row that has a risk."""
        if row.get("risk") is None or row.get("churn_model") is None:
            return None
        return Answer(row["customer_id"], row["churn_model"], row["as_of"], risk=row["risk"], tier=row["tier"])
