"""What would move a customer a tier down."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from serving.explain.what_if import Manner, WhatIf, what_would_change
from serving.parts.churn import ChurnEngine, engine_of, known_customers, risks, writer_of
from serving.scoring.part import AnswerPart, Computed, PartAnswer, Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIfAnswer(PartAnswer):
    """What would change a risk."""

    what_if: Annotated[
        WhatIf | None,
        Field(
            description="What would move the customer a tier down; null in the lowest tier, or if no small change does"
        ),
    ] = None


class WhatIfPart(AnswerPart[WhatIfAnswer]):
    """The smallest realistic change that moves a customer a tier down."""

    name = "what_if"
    schema = WhatIfAnswer
    role = "explain"
    engine = ChurnEngine

    def compute(self, reading: Reading) -> Mapping[str, Computed[WhatIfAnswer]]:
        """Return what would change the risk of every known customer."""
        known, engine = reading.once(known_customers), engine_of(reading)
        label, manner = engine.info.version.label, Manner(writer_of(reading), reading.as_of, engine.meaning.order_only)
        answers = {}
        columns = {name: values.tolist() for name, values in known.columns.items()}
        everyone = zip(known.customers, known.vectors, reading.once(risks), strict=True)
        for place, (customer, vector, (risk, tier)) in enumerate(everyone):
            change = None
            if risk is not None and tier != "new":
                change = what_would_change(
                    engine.champion,
                    {name: values[place] for name, values in columns.items()},
                    risk,
                    engine.tiers,
                    manner,
                )
            answers[customer] = Computed(vector.moment, WhatIfAnswer(model=label, what_if=change))
        return answers

    def texts(self, value: WhatIfAnswer | None) -> Mapping[str, object]:
        """Return the sentence."""
        return {"what_if": value.what_if.text if value and value.what_if else None}
