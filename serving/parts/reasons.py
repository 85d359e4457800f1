"""Why a risk is what it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from features.views.profile import ATTRIBUTE
from serving.explain.contributions import explain
from serving.explain.reasons import Reason, risk_reasons
from serving.parts.churn import ChurnEngine, engine_of, known_customers
from serving.scoring.export import numbered
from serving.scoring.part import AnswerPart, Column, Computed, PartAnswer, Reading

#: Reasons in a row of the score table, and of an exported list.
_TOP = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonsAnswer(PartAnswer):
    """Why a risk is what it is, strongest reasons first; none for a customer without a risk."""

    base_risk: Annotated[
        float | None,
        Field(
            description="Risk at the model's average log odds, where every explanation starts",
            examples=[0.11],
        ),
    ] = None
    reasons: Annotated[list[Reason] | None, Field(description="Themes that raise the risk")] = None
    strengths: Annotated[list[Reason] | None, Field(description="Themes that lower the risk")] = None
    unexplained_share: Annotated[
        float | None,
        Field(
            description="Share of the explanation without a sentence: small themes, and those the model contradicts",
            examples=[0.04],
        ),
    ] = None


class ReasonsPart(AnswerPart[ReasonsAnswer]):
    """Reasons by theme, in both directions."""

    name = "reasons"
    schema = ReasonsAnswer
    role = "explain"
    engine = ChurnEngine
    columns = tuple(
        Column(
            f"reason_{place}", "text", "Finding, theme or attribute of a reason that raises the risk, strongest first"
        )
        for place in range(1, _TOP + 1)
    )

    def compute(self, reading: Reading) -> Mapping[str, Computed[ReasonsAnswer]]:
        """Return the reasons of every known customer."""
        known, engine = reading.once(known_customers), engine_of(reading)
        if not known.customers:
            return {}
        language, label = reading.question.language, engine.info.version.label
        answers = {}
        explained = explain(engine.champion, known.inputs)
        for customer, vector, one, active in zip(known.customers, known.vectors, explained, known.active, strict=True):
            reasons = risk_reasons(one, engine.playbook, language) if active else []
            answer = ReasonsAnswer(
                model=label,
                base_risk=engine.champion.base_risk,
                reasons=[reason for reason in reasons if reason.direction == "raises"],
                strengths=[reason for reason in reasons if reason.direction == "lowers"],
                unexplained_share=1 - sum(reason.share for reason in reasons) if active else 0.0,
            )
            answers[customer] = Computed(vector.moment, answer)
        return answers

    def cells(self, value: ReasonsAnswer) -> Mapping[str, object]:
        """Return the strongest reasons, which are the same in all languages; of an attribute its name."""
        found = [
            reason.theme if reason.theme.startswith(ATTRIBUTE) else reason.finding or reason.theme
            for reason in value.reasons or []
        ]
        return numbered("reason", found, _TOP)

    def exported(self, value: ReasonsAnswer | None) -> Mapping[str, object]:
        """Return the strongest reasons in words, and what to do about each."""
        reasons = value.reasons or [] if value else []
        return {
            **numbered("reason", [reason.text for reason in reasons], _TOP),
            **numbered("action", [reason.action for reason in reasons], _TOP),
        }
