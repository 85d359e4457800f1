"""A version of a model, and the tags of MLflow that describe it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from training.evaluation.grade import Grading, with_caveat
from training.lifecycle.promotions import Who

FINGERPRINT = "encore.fingerprint"
DEFINITION = "encore.definition"
GRADE = "encore.grade"
CAVEAT = "encore.caveat"
GATE = "encore.gate"
WORDS = "encore.grade_in_words"
ORDER_ONLY = "encore.order_only"
PROMOTED_BY, PROMOTED_WHY = "encore.promoted_by", "encore.promoted_why"
ROLLED_BACK = "encore.rolled_back"


@dataclass(frozen=True)
class Version:
    """A registered model version.

    Attributes
    ----------
    metrics
        Every metric of the run that made it, by its MLflow name.
    fingerprint
        What it was made from; equal fingerprints make equal models.
    grade
        How good it is for those who do not read metrics; None for a version without one.
    gate
        Why it might become the champion, or why not; None for a version that passed no gate.
    caveat
        Why its figures are better than they will turn out to be; None where they are not.
    words
        How good it is in words; None for a version without a grade.
    order_only
        Whether its probabilities are so far off that only their order can be used.
    promoted
        Who made it the champion last, and why; None where no command of Encore did.
    rolled_back
        Whether another version was made to answer in its place; training does not bring it back.
    definition
        What it depends on besides the data; equal definitions answer the same question in the same way.
    data_end
        The date that the data it was trained on end at; None where its run does not say.
    recalibrated_from
        Name and number of the trained version whose calibration it replaces; None for a trained one.
    """

    name: str
    number: str
    run_id: str
    created: int
    aliases: tuple[str, ...]
    fingerprint: str
    metrics: dict[str, float]
    grade: str | None
    gate: str | None = None
    caveat: str | None = None
    words: str | None = None
    order_only: bool = False
    promoted: Who | None = None
    rolled_back: bool = False
    definition: str = ""
    data_end: str | None = None
    recalibrated_from: str | None = None

    @property
    def shown_grade(self) -> str | None:
        """The grade with its caveat, as readers see it; None for a version without one."""
        return with_caveat(self.grade, self.caveat) if self.grade else None

    @property
    def label(self) -> str:
        """Name and number, as every answer names it."""
        return f"{self.name}/{self.number}"

    @classmethod
    def of(cls, registered: Any, run: Any) -> "Version":  # noqa: ANN401 - MLflow ships no types
        """Read a version of MLflow's registry, and the run that made it."""
        tags = registered.tags
        return cls(
            name=registered.name,
            number=str(registered.version),
            run_id=registered.run_id,
            created=int(registered.creation_timestamp),
            aliases=tuple(registered.aliases),
            fingerprint=tags.get(FINGERPRINT, ""),
            definition=tags.get(DEFINITION, ""),
            metrics=dict(run.data.metrics),
            grade=tags.get(GRADE),
            gate=tags.get(GATE),
            caveat=tags.get(CAVEAT),
            words=tags.get(WORDS),
            order_only=ORDER_ONLY in tags,
            promoted=Who(tags[PROMOTED_BY], tags.get(PROMOTED_WHY, "")) if PROMOTED_BY in tags else None,
            rolled_back=ROLLED_BACK in tags,
            data_end=run.data.params.get("data_end"),
            recalibrated_from=run.data.params.get("recalibrated_from"),
        )


@dataclass(frozen=True)
class VersionTags:
    """What is written on a version when it is registered.

    Attributes
    ----------
    definition
        What it depends on besides the data.
    origin
        The data and the code that it was made from, by the names of MLflow's tags.
    description, about
        The version, and all versions of its model, in a sentence.
    """

    fingerprint: str
    definition: str
    grading: Grading
    origin: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    about: str = ""

    def as_mlflow(self) -> dict[str, str]:
        """Return them by the names of MLflow's tags."""
        grading = self.grading
        tags = {FINGERPRINT: self.fingerprint, DEFINITION: self.definition}
        tags |= {GRADE: grading.grade, WORDS: grading.words}
        if grading.order_only:
            tags[ORDER_ONLY] = "true"
        return tags | dict(self.origin) | ({CAVEAT: grading.caveat} if grading.caveat else {})
