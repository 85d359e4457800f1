"""The gate: whether a version may become the champion, by rules that each give their figures and a sentence."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from training.evaluation.comparison import Comparison, Difference
from training.evaluation.grade import Grade
from training.evaluation.leakage import Signs
from training.lifecycle.settings import PromotionSettings

#: From this AUC on, a single feature is suspected to know the outcome. On the data sets that we know, the strongest
#: honest feature stays below 0.95; an end date that is filled in at cancellation has 1.0.
SUSPICIOUS = 0.98
#: The AUC may fall by this much from the snapshots that stopped training to the 95 % interval of the tests.
_FALL = 0.1
#: The share of known values of a feature may differ by this much between training and test rows.
_AVAILABILITY = 0.5
#: Smaller slices are not judged.
_ROWS_OF_SLICE = 100
_GRADES: dict[str, int] = {"A": 0, "B": 1, "C": 2, "D": 3}


@dataclass(frozen=True)
class Fidelity:
    """Whether the reasons that are given with a model's answers agree with the model.

    Attributes
    ----------
    agreement
        Share of the sentences whose direction is that of the model, from 0 to 1.
    """

    agreement: float
    sentences: int


@dataclass(frozen=True)
class Check:
    """What a rule found: whether the version passes it, a sentence with the figures, and the figures."""

    name: str
    passes: bool
    text: str
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """Whether a version may become the champion, why, and all checks behind it.

    Attributes
    ----------
    against
        Name and number of the champion that it was compared with; None without any.
    """

    passes: bool
    reason: str
    checks: tuple[Check, ...] = ()
    against: str | None = None

    @property
    def refusals(self) -> tuple[str, ...]:
        """What the rules that refuse the version say."""
        return tuple(check.text for check in self.checks if not check.passes)

    def check(self, name: str) -> Check | None:
        """Return what a rule found; None where it did not apply."""
        return next((check for check in self.checks if check.name == name), None)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Decision":
        """Read what `as_json` returned."""
        checks = tuple(Check(**check) for check in values["checks"])
        return cls(values["passes"], values["reason"], checks, values["against"])


@dataclass(frozen=True)
class Evidence:
    """The facts about a version when it is judged.

    Attributes
    ----------
    grade, words
        Of its test snapshots.
    broken
        Why it cannot answer; None where it can.
    comparison
        Beside the champion; None where there is nothing to beat.
    alone
        Why there is nothing to compare it with.
    incomparable
        Why it cannot be compared with a champion that there is; None where it can.
    champion_grade
        None where there is nothing to beat.
    signs
        Signs of leakage; None where the model has none, or where they were judged before.
    fidelity
        None where the model has no reasons, or where they were judged before.
    earlier
        The decision when it was registered, whose checks of leakage and reasons hold on.
    objection
        Why the version itself says that it must not answer; None where it may.
    """

    grade: str
    words: str
    broken: str | None = None
    comparison: Comparison | None = None
    alone: str = "There is no champion to compare it with."
    incomparable: str | None = None
    champion_grade: str | None = None
    signs: Signs | None = None
    fidelity: Fidelity | None = None
    earlier: Decision | None = None
    objection: str | None = None


#: Returns what it found, or None where it does not apply.
Rule = Callable[[Evidence, PromotionSettings], Check | None]


def _answers(evidence: Evidence, _: PromotionSettings) -> Check | None:
    """Refuse a version that cannot be loaded, or cannot be asked."""
    if evidence.broken is None:
        return Check("answers", passes=True, text="It was loaded from the registry and answers.")
    return Check("answers", passes=False, text=f"It cannot answer: {evidence.broken}")


def _leakage(evidence: Evidence, _: PromotionSettings) -> Check | None:
    """Refuse a model that saw what is known only later: it looks best on its tests, and fails in use."""
    signs = evidence.signs
    if signs is None:
        return evidence.earlier.check("leakage") if evidence.earlier else None
    strongest, availability = signs.strongest, signs.availability
    fall = signs.validation_auc - signs.test_auc.high
    figures = signs.metrics()
    if strongest is not None and strongest.roc_auc >= SUSPICIOUS:
        text = (
            f"The feature {strongest.feature} alone separates the outcomes with an AUC of {strongest.roc_auc:.3f}, and "
            f"from {SUSPICIOUS} on it is suspected to be known only later, such as an end date that is filled in when "
            "a customer cancels. Check when its values are written: map end_known_timestamp for contracts, known_since "
            "for attributes, or leave the column out. If they are known in time, add it to the configuration: "
            f'{strongest.trusted_by} = ["{strongest.feature}"].'
        )
        return Check("leakage", passes=False, text=text, figures=figures)
    if fall > _FALL:
        text = (
            f"The AUC falls from {signs.validation_auc:.3f} on the snapshots that stopped training to "
            f"{signs.test_auc.value:.3f} ({signs.test_auc.low:.3f} to {signs.test_auc.high:.3f}) on the tests: old "
            "snapshots may hold values that were filled in later. Check when values of customers and contracts are "
            "written, or whether the business changed between the two."
        )
        return Check("leakage", passes=False, text=text, figures=figures)
    if availability is not None and availability.difference > _AVAILABILITY:
        text = (
            f"The feature {availability.feature} is known in {availability.trained:.0%} of the training rows and in "
            f"{availability.tested:.0%} of the test rows: it was recorded later than the customers, or is recorded no "
            "more. Leave the column out, or train on the time in which it is recorded."
        )
        return Check("leakage", passes=False, text=text, figures=figures)
    text = "There is no sign of leakage."
    if strongest is not None:
        text = f"There is no sign of leakage; the strongest feature alone, {strongest.feature}, has an AUC of "
        text += f"{strongest.roc_auc:.3f}."
    return Check("leakage", passes=True, text=text, figures=figures)


def _grade(evidence: Evidence, promotion: PromotionSettings) -> Check | None:
    """Refuse a grade below the minimum, where the champion's is not below it too."""
    least: Grade = promotion.minimum_grade
    words = f"Grade {evidence.grade}: {evidence.words}." if evidence.words else f"Grade {evidence.grade}."
    if _GRADES.get(evidence.grade, 3) <= _GRADES[least]:
        return Check("grade", passes=True, text=words)
    if evidence.comparison is None and evidence.incomparable is None:
        text = f"{words} It is below {least}, and served since there is no better answer yet."
        return Check("grade", passes=True, text=text)
    if _GRADES.get(evidence.champion_grade or "D", 3) > _GRADES[least]:
        return Check("grade", passes=True, text=f"{words} It is below {least}, as the champion's is.")
    return Check("grade", passes=False, text=f"{words} Expected at least {least} (promotion.minimum_grade).")


def _gain(evidence: Evidence, promotion: PromotionSettings) -> Check | None:
    """Refuse a gain whose interval reaches too far below 0."""
    comparison = evidence.comparison
    if evidence.incomparable is not None:
        text = f"It cannot be compared with the champion: {evidence.incomparable}"
        return Check("gain", passes=False, text=text)
    if comparison is None:
        return Check("gain", passes=True, text=evidence.alone)
    gain = comparison.gain
    text = f"{_metric(comparison.deciding)} {_change(gain)}, paired by customer on {comparison.rows:,} rows"
    if gain.difference.low >= -promotion.tolerance:
        return Check("gain", passes=True, text=f"{text}.", figures=_figures(gain))
    text += f": the interval begins below -{promotion.tolerance:g} (promotion.tolerance)."
    return Check("gain", passes=False, text=text, figures=_figures(gain))


def _calibration(evidence: Evidence, promotion: PromotionSettings) -> Check | None:
    """Refuse percentages or amounts that are further off than the champion's, by more than chance and the tolerance."""
    comparison = evidence.comparison
    if comparison is None or comparison.sizes is None:
        return None
    error = comparison.calibration
    text = f"Calibration error {_change(error)}"
    worse = error.difference.low > 0 and error.difference.value > promotion.calibration_tolerance
    if not worse:
        return Check("calibration", passes=True, text=f"{text}.", figures=_figures(error))
    text += f": its {comparison.sizes} are further off, by more than {promotion.calibration_tolerance:g} "
    return Check("calibration", passes=False, text=f"{text}(promotion.calibration_tolerance).", figures=_figures(error))


def _slices(evidence: Evidence, promotion: PromotionSettings) -> Check | None:
    """Refuse a version that does clearly worse for a group of customers."""
    comparison = evidence.comparison
    if comparison is None:
        return None
    fallen = {
        f"{name} {group}": one.deciding
        for name, groups in comparison.slices.items()
        for group, one in groups.items()
        if one.rows >= _ROWS_OF_SLICE and one.deciding.difference.high < -promotion.slice_tolerance
    }
    if not fallen:
        count = sum(one.rows >= _ROWS_OF_SLICE for groups in comparison.slices.values() for one in groups.values())
        return Check("slices", passes=True, text=f"No slice of {count} collapses.")
    name, worst = min(fallen.items(), key=lambda item: item[1].difference.value)
    text = (
        f"The slice {name} collapses: {_metric(comparison.deciding)} {_change(worst)}, worse by more than "
        f"{promotion.slice_tolerance:g} (promotion.slice_tolerance)."
    )
    return Check("slices", passes=False, text=text, figures=_figures(worst))


def _objection(evidence: Evidence, _: PromotionSettings) -> Check | None:
    """Refuse a version that the model itself objects to, alone or beside the champion.

    Such as one that has learned nothing that may be acted on, or one that renames groups that people work with.
    """
    if evidence.objection is not None:
        return Check("objection", passes=False, text=evidence.objection)
    if evidence.comparison is None or evidence.comparison.objection is None:
        return None
    return Check("objection", passes=False, text=evidence.comparison.objection)


def _reasons(evidence: Evidence, promotion: PromotionSettings) -> Check | None:
    """Refuse a version whose reasons contradict it too often."""
    fidelity = evidence.fidelity
    if fidelity is None:
        return evidence.earlier.check("reasons") if evidence.earlier else None
    figures = {"agreement": fidelity.agreement, "sentences": float(fidelity.sentences)}
    text = f"{fidelity.agreement:.1%} of {fidelity.sentences:,} reasons agree with the model"
    if fidelity.agreement >= promotion.minimum_fidelity:
        return Check("reasons", passes=True, text=f"{text}.", figures=figures)
    text += f"; expected at least {promotion.minimum_fidelity:.0%} (promotion.minimum_fidelity)."
    return Check("reasons", passes=False, text=text, figures=figures)


#: Every rule is asked, in this order. Adding one is its function and one entry here.
RULES: list[Rule] = [_answers, _leakage, _grade, _gain, _calibration, _slices, _objection, _reasons]


def decide(evidence: Evidence, promotion: PromotionSettings) -> Decision:
    """Ask every rule of `RULES`; a version passes where none refuses it."""
    found = [rule(evidence, promotion) for rule in RULES]
    checks = tuple(check for check in found if check is not None)
    decision = Decision(passes=True, reason=" ".join(check.text for check in checks), checks=checks)
    if not decision.refusals:
        return decision
    return replace(decision, passes=False, reason=" ".join(("It is not promoted.", *decision.refusals)))


def _metric(name: str) -> str:
    return {"roc_auc": "AUC", "ndcg": "NDCG@10"}.get(name, name)


def _change(one: Difference) -> str:
    change = one.difference
    return (
        f"{one.champion:.3f} to {one.challenger:.3f}, a difference of {change.value:+.3f} "
        f"({change.low:+.3f} to {change.high:+.3f})"
    )


def _figures(one: Difference) -> dict[str, float]:
    change = one.difference
    return {
        "challenger": one.challenger,
        "champion": one.champion,
        "difference": change.value,
        "low": change.low,
        "high": change.high,
    }
