"""The model card: one page of Markdown that is registered with every version."""

from collections.abc import Sequence
from dataclasses import dataclass

from training.evaluation.grade import Grading, Rule
from training.evaluation.sheet import Sheet


@dataclass(frozen=True)
class Card:
    """What a reader has to know about a version of a model.

    Attributes
    ----------
    title
        The kind of model.
    meaning
        What the model says, in sentences.
    training
        What it was trained on.
    measurement
        What it was measured on.
    results
        The metrics of the model and its baselines; its notes follow the table.
    limits
        What the model must not be used for; one point each.
    """

    title: str
    meaning: Sequence[str]
    training: Sequence[str]
    measurement: Sequence[str]
    results: Sheet
    rule: Rule
    grading: Grading
    limits: Sequence[str]

    def markdown(self) -> str:
        """Write the card."""
        parts = [
            f"# {self.title}, grade {self.grading.shown}",
            "## What it says",
            "\n".join(self.meaning),
            "## How it was made",
            "\n".join(self.training),
            "## How good it is",
            "\n".join(self.measurement),
            "\n".join(self.results.markdown()),
            *self.results.notes,
            f"{self.rule.summary(self.grading)} {self.rule.text}",
            "## Where it ends",
            "\n".join(f"- {limit}" for limit in self.limits),
        ]
        return "\n\n".join(parts) + "\n"
