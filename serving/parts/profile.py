"""What the feature store holds about a customer, in plain numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from serving.parts.churn import ChurnEngine, engine_of, known_customers
from serving.scoring.part import AnswerPart, Computed, PartAnswer, Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileAnswer(PartAnswer):
    """The features of a customer."""

    profile: Annotated[
        dict[str, float | str | None] | None,
        Field(
            description="Features by name: counts, amounts in the data's currency, ages in days, shares in [0, 1]; "
            "null where a value is missing",
            examples=[{"recency_days": 3.2, "baskets_28d": 4, "amount_84d": 210.5, "top_department": "GROCERY"}],
        ),
    ] = None


class ProfilePart(AnswerPart[ProfileAnswer]):
    """Features of a customer: texts as they are, moments as ages."""

    name = "profile"
    schema = ProfileAnswer
    role = "score"
    engine = ChurnEngine
    kept = False

    def compute(self, reading: Reading) -> Mapping[str, Computed[ProfileAnswer]]:
        """Return the profile of every known customer."""
        known, label = reading.once(known_customers), engine_of(reading).info.version.label
        numeric = engine_of(reading).champion.numbers
        numbers = {name: values.tolist() for name, values in known.columns.items()}
        answers = {}
        for place, (customer, vector) in enumerate(zip(known.customers, known.vectors, strict=True)):
            profile: dict[str, float | str | None] = {
                name: None if np.isnan(values[place]) else values[place] for name, values in numbers.items()
            }
            texts = {name: value for name, value in vector.values.items() if isinstance(value, str)}
            profile |= {name: value for name, value in texts.items() if name not in numeric}
            answers[customer] = Computed(vector.moment, ProfileAnswer(model=label, profile=profile))
        return answers
