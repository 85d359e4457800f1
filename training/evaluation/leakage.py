"""Signs that a model saw what is known only later; the gate looks at them."""

from dataclasses import dataclass

from training.evaluation.alone import Strongest
from training.evaluation.bootstrap import Estimate


@dataclass(frozen=True)
class Availability:
    """The feature whose share of known values differs most between training and test rows.

    Attributes
    ----------
    trained, tested
        Share of the training and of the test rows in which it has a value, from 0 to 1.
    """

    feature: str
    trained: float
    tested: float

    @property
    def difference(self) -> float:
        """How far the two shares are apart."""
        return abs(self.trained - self.tested)


@dataclass(frozen=True)
class Signs:
    """Signs of leakage.

    Attributes
    ----------
    strongest
        The feature that separates the outcomes best on its own; None where all are trusted.
    validation_auc, test_auc
        AUC on the snapshots by which training stopped, and on the later ones that it never saw. A value that is filled
        in later makes old snapshots look better than new ones.
    availability
        The feature that is known most unequally in both; None where there is no feature.
    """

    strongest: Strongest | None
    validation_auc: float
    test_auc: Estimate
    availability: Availability | None

    def metrics(self) -> dict[str, float]:
        """Return the figures as metrics of the run."""
        found = {"leakage.validation_auc": self.validation_auc, "leakage.test_auc": self.test_auc.value}
        if self.strongest is not None:
            found["leakage.strongest_auc"] = self.strongest.roc_auc
        if self.availability is not None:
            found["leakage.availability_difference"] = self.availability.difference
        return found
