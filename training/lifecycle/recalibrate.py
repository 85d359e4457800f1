"""A champion whose probabilities follow the newest labels, without training: a version of its own, through the gate."""

from dataclasses import dataclass

from core.progress import Report, part_of, silent
from core.settings import Settings
from core.stamps import fingerprint
from training.evaluation.comparison import Difference
from training.lifecycle.champions import Champions
from training.lifecycle.gate import Decision
from training.lifecycle.judge import Inspect, Judge, unseen_by, without_reasons
from training.lifecycle.promotions import Who
from training.lifecycle.registration import register
from training.lifecycle.runner import context_of, definition_of, settle
from training.lifecycle.version import Version, VersionTags
from training.model import A, Model, RecalibratableModel
from training.names import registered_name_of

#: A smaller improvement of the calibration error is not worth a version.
WORTH = 0.005
_WHO = Who("encore", "recalibrated on newer labels")


@dataclass(frozen=True)
class Recalibrated:
    """What came of it.

    Attributes
    ----------
    reason
        In a sentence.
    version
        The version that was registered; None where there was nothing to gain.
    decision
        Of the gate, about that version.
    error
        The calibration error of both on the last test snapshot; None where there are no newer labels.
    """

    reason: str
    version: Version | None = None
    decision: Decision | None = None
    error: Difference | None = None


def recalibrate(
    model: Model[A],
    settings: Settings,
    report: Report = silent,
    *,
    inspect: Inspect = without_reasons,
    who: Who = _WHO,
) -> Recalibrated:
    """Fit the champion's calibration to the newest complete labels, where that makes its percentages clearly better.

    Measured on the last test snapshot, which is new to both, paired by customer.

    Raises
    ------
    StateError, DataError, StoreError
        If features are missing, or a store does not answer.
    """
    if not isinstance(model, RecalibratableModel):
        return Recalibrated("Its probabilities are not fitted apart from it.")
    report(0.0, "registry")
    champions, context = Champions(settings), context_of(model, settings)
    tracking, name = champions.tracking, registered_name_of(model.settings.section)
    champion = champions.current(name)
    if champion is None:
        return Recalibrated("There is no champion.")
    judge = Judge(model, context, tracking, inspect)
    artifact = judge.load(champion)
    fitted = model.recalibrate(context, artifact, part_of(report, 0.1, 0.5))
    if fitted is None:
        return Recalibrated("No labels are newer than those it knows.")
    tests = unseen_by(name, fitted.artifact.labels_end, context)
    error = model.compare(tests, fitted.artifact, artifact, part_of(report, 0.5, 0.7)).calibration
    if error.difference.high >= 0 or error.difference.value > -WORTH:
        return Recalibrated(f"Its percentages hold: calibration error {error.champion:.3f}.", error=error)
    labels_end = fitted.artifact.labels_end
    stamp = fingerprint(champion.fingerprint, "recalibrated", labels_end)
    version = tracking.made_from(name, stamp)
    if version is not None:
        return Recalibrated(f"{version.label} was recalibrated on the same labels.", error=error)
    tags = VersionTags(stamp, definition_of(model, settings), fitted.grading)
    # it is as old as the version that it was made of, by which training becomes due
    others = {
        "recalibrated_from": champion.recalibrated_from or champion.label,
        "data_end": champion.data_end or f"{context.schedule.as_of:%Y-%m-%d}",
    }
    version = register(tracking, model, context, fitted, tags, part_of(report, 0.7, 0.9), others)
    decision = judge.decide(version, champion, fitted.signs, part_of(report, 0.9, 1.0))
    tracking.note(version, decision)
    version = settle(champions, version, decision, who)
    what = "promoted" if decision.passes else "refused"
    reason = f"{version.label} is {what}: calibration error {error.champion:.3f} before, {error.challenger:.3f} after."
    return Recalibrated(reason, version, decision, error)
