"""A grade for those who do not read metrics: from the gain over the best baseline, and from calibration."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from training.evaluation.bootstrap import Estimate

Grade = Literal["A", "B", "C", "D"]
#: What has a calibration error: probabilities in points, amounts in percent of themselves.
Sizes = Literal["percentages", "amounts"]


@dataclass(frozen=True)
class Grading:
    """A grade and what it rests on.

    Attributes
    ----------
    best_rule
        The baseline that the model is compared with: the best of those that are rules and need no model.
    gain
        By how much the model exceeds it, with a paired bootstrap interval.
    improvement
        The share that the limits of the grades ask for, as the rule of the model defines it.
    ece
        The calibration error of the model's probabilities; of amounts the error over deciles.
    bias
        By how much probabilities are too high on average; negative where they are too low. Of amounts a share of them.
    words
        How good it is in words, for those who do not read metrics.
    order_only
        Whether the probabilities or amounts are so far off that only their order can be used.
    caveat
        What a reader has to know beside the grade, such as why the figures are better than they will turn out to be.
    """

    grade: Grade
    best_rule: str
    gain: Estimate
    improvement: float
    ece: float
    bias: float = 0.0
    words: str = ""
    order_only: bool = False
    caveat: str | None = None

    @property
    def shown(self) -> str:
        """The grade with its caveat, as readers see it."""
        return with_caveat(self.grade, self.caveat)


def with_caveat(grade: str, caveat: str | None) -> str:
    """Return a grade as readers see it: never without its caveat."""
    return f"{grade} ({caveat})" if caveat else grade


class Rule(Protocol):
    """How the grade of a kind of model follows from what was measured, in words."""

    @property
    def text(self) -> str: ...  # noqa: D102 - the limits of the grades

    def summary(self, grading: Grading) -> str:
        """Return a grading as a sentence."""
        ...


@dataclass(frozen=True)
class GradeRule:
    """How the grade of a kind of model follows from what was measured.

    Attributes
    ----------
    metric
        Name of the metric that decides, such as AUC.
    explanation
        Sentences on what is compared, and what the improvement is.
    unit
        The word after an improvement in percent, such as "removed".
    result
        How a grading reads: a format with `improvement` and `best_rule`.
    limits
        What each grade asks for: the improvement, at least, and the calibration error, at most; best grade first.
    sizes
        What the model answers beside an order: probabilities, or amounts, whose calibration error is relative.
    verb
        What the metric says how well the model does.
    """

    metric: str
    explanation: str
    unit: str
    result: str
    limits: Mapping[Grade, tuple[float, float]]
    sizes: Sizes = "percentages"
    verb: str = "ranks"

    @property
    def text(self) -> str:
        """The rule in words."""
        limits = "; ".join(
            f"{grade}: at least {least:.0%} {self.unit} and a calibration error of at most {error}"
            for grade, (least, error) in self.limits.items()
        )
        return (
            f"{self.explanation} {limits}; else D. It is D too where the 95 % interval of the gain in {self.metric} "
            f"reaches down to 0, and at best B where a baseline has a higher {self.metric}."
        )

    def grade(
        self,
        measured: Mapping[str, float],
        *,
        model: str,
        best_rule: str,
        gain: Estimate,
        improvement: float,
        ece: float,
        bias: float = 0.0,
    ) -> Grading:
        """Grade a model.

        Parameters
        ----------
        measured
            The metric that decides, of the model and of every baseline.
        model
            The name of the model among them.
        bias
            Mean probability less the observed rate; of amounts their sum over the true one, less 1.
        """
        grade: Grade = "D"
        for candidate, (least, most) in self.limits.items():
            if improvement >= least and ece <= most:
                grade = candidate
                break
        if gain.low <= 0:
            grade = "D"
        elif grade == "A" and measured[model] < max(measured.values()):
            grade = "B"
        order_only = ece > max(most for _, most in self.limits.values())
        words = f"{self._ranking(improvement, gain, best_rule)}; {_sizes(self.sizes, ece, bias, order_only=order_only)}"
        return Grading(grade, best_rule, gain, improvement, ece, bias, words, order_only)

    def _ranking(self, improvement: float, gain: Estimate, best_rule: str) -> str:
        """Say how well a model does by its metric, whatever its probabilities or amounts are."""
        least = sorted(least for least, _ in self.limits.values())
        if gain.low <= 0 or improvement < least[0]:
            return f"{self.verb} no better than the rule {best_rule}"
        if improvement < least[len(least) // 2]:
            return f"{self.verb} somewhat better than the rule {best_rule}"
        return f"{self.verb} well"

    def summary(self, grading: Grading) -> str:
        """Return a grading as a sentence."""
        result = self.result.format(improvement=grading.improvement, best_rule=grading.best_rule)
        words = f" In words: {grading.words}." if grading.words else ""
        return f"Grade {grading.shown}: {result}, calibration error {grading.ece:.3f}.{words}"

    def as_json(self, grading: Grading) -> dict[str, Any]:
        """Return a grading and its rule as plain values."""
        return {**asdict(grading), "summary": self.summary(grading), "rule": self.text}


#: From this bias on, percentages or amounts are said to be too high or too low as a whole.
_POINT = 0.01


def _sizes(what: Sizes, ece: float, bias: float, *, order_only: bool) -> str:
    """Say how far probabilities or amounts can be taken as they are."""
    unit = "points" if what == "percentages" else "%"
    if abs(bias) >= _POINT and abs(bias) >= ece / 2:
        off = f"{max(1, round(100 * abs(bias)))} {unit} too {'high' if bias > 0 else 'low'}"
    else:
        off = f"{max(1, round(100 * ece))} {unit} off on average"
    if order_only:
        return f"{what} are {off}, read them as order only"
    return f"{what} are {off}" if round(100 * ece) >= 2 else f"{what} can be taken as they are"
