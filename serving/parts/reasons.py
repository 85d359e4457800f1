"""Why a risk is what it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from features.views.profile import ATTRIBUTE
from serving.explain.reasons import Reason
from serving.parts.churn import ChurnEngine, engine_of, known_customers, reasons_of
from serving.scoring.export import numbered
from serving.scoring.part import AnswerPart, Column, Computed, PartAnswer, Reading

#: Reasons in a row of the score table, and of an exported list.
_TOP = 3
#: Reasons that lower the risk, in a row of an exported list.
_TOP_STRENGTHS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonsAnswer(PartAnswer):
    """Why a risk is what it is, what can be acted on first; none for a customer without a risk."""

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
            description="Share of the explanation without a sentence: small themes, those the model contradicts, and "
            "those that can be compared with nothing",
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
            f"reason_{place}",
            "text",
            "Finding, theme or attribute of a reason that raises the risk, what can be acted on first",
        )
        for place in range(1, _TOP + 1)
    )

    def compute(self, reading: Reading) -> Mapping[str, Computed[ReasonsAnswer]]:
        """Return the reasons of every known customer."""
        known, engine = reading.once(known_customers), engine_of(reading)
        if not known.customers:
            return {}
        answers = {}
        everyone = zip(known.customers, known.vectors, reading.once(reasons_of), known.active, strict=True)
        for customer, vector, reasons, active in everyone:
            answer = ReasonsAnswer(
                model=engine.info.version.label,
                base_risk=engine.champion.base_risk,
                reasons=[reason for reason in reasons if reason.direction == "raises"],
                strengths=[reason for reason in reasons if reason.direction == "lowers"],
                unexplained_share=1 - sum(reason.share for reason in reasons) if active else 0.0,
            )
            answers[customer] = Computed(vector.moment, answer)
        return answers

    def cells(self, value: ReasonsAnswer) -> Mapping[str, object]:
        """Return the strongest reasons, which are the same in all languages; of an attribute its name."""
        return numbered("reason", [name_of(reason) for reason in value.reasons or []], _TOP)

    def texts(self, value: ReasonsAnswer | None) -> Mapping[str, object]:
        """Return the first reasons in words, with their titles, and what lowers the risk."""
        reasons, strengths = (value.reasons or [], value.strengths or []) if value else ([], [])
        return {
            **numbered("reason_title", [reason.title for reason in reasons], _TOP),
            **numbered("reason_text", [reason.text for reason in reasons], _TOP),
            **numbered("strength_title", [reason.title for reason in strengths], _TOP_STRENGTHS),
            **numbered("strength_text", [reason.text for reason in strengths], _TOP_STRENGTHS),
        }


def name_of(reason: Reason) -> str:
    """Return what a reason is called in the score table."""
    return reason.theme if reason.theme.startswith(ATTRIBUTE) else reason.finding or reason.theme
