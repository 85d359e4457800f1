"""The one way from features to a registered version, and from a version to its evaluation, for every model."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Generic

from core.errors import DataError, StateError
from core.progress import Report, part_of, silent
from core.settings import Settings
from core.stamps import code_fingerprint, fingerprint
from features.engine.build import built_schedule
from features.store.feature_store import Store
from training.lifecycle.gate import Decision, decide
from training.lifecycle.run import Run
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import CAVEAT, GATE, Tracking, Version, VersionTags
from training.model import A, Context, Fitted, Model
from training.names import command_of, registered_name_of, title_of


@dataclass(frozen=True)
class Trained:
    """A registered version.

    Attributes
    ----------
    skipped
        Whether an equal version was the champion already.
    decision
        Of the gate; None where training was skipped.
    left_out
        Features that the data have no values of, where it was trained now.
    """

    version: Version
    skipped: bool
    decision: Decision | None = None
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Champion(Generic[A]):
    """The champion of a model, and the test snapshots that it may be measured on."""

    version: Version
    artifact: A
    context: Context


def train(model: Model[A], settings: Settings, report: Report = silent, *, promote: bool = True) -> Trained:
    """Fit, measure on the test snapshots, pass the gate, log to MLflow and register.

    Skipped where the champion was made from the same features, settings, parameters and code.

    Raises
    ------
    StateError, DataError, StoreError
        If features are missing, cannot carry a model, or a store does not answer.
    """
    report(0.0, "registry")
    tracking = Tracking(settings[TrackingSettings])
    context = context_of(model, settings)
    stamp = model_fingerprint(model, settings, context.built)
    name = registered_name_of(model.settings.section)
    champion = tracking.find(name)
    if champion is not None and champion.fingerprint == stamp:
        return Trained(champion, skipped=True)
    fitted = model.fit(context, part_of(report, 0.05, 0.7))
    decision = decide(fitted, champion)
    with tracking.run(command_of(model.settings.section), _params(model, context, fitted)) as run:
        run.tag(GATE, decision.reason)
        _log(run, model, fitted, part_of(report, 0.7, 1.0))
        caveat = fitted.grading.caveat
        if caveat is not None:
            run.tag(CAVEAT, caveat)
        tags = VersionTags(stamp, fitted.grading.grade, decision.reason, caveat)
        version = tracking.register(run, name, tags, promote=promote and decision.passes)
    return Trained(version, skipped=False, decision=decision, left_out=fitted.left_out)


def evaluate(model: Model[A], settings: Settings, report: Report = silent) -> dict[str, Any]:
    """Measure the champion and every baseline on the same customers of the test snapshots.

    Returns
    -------
    Plain values, as the model's `evaluate` describes them.

    Raises
    ------
    StateError, DataError, StoreError
        If there is no such champion, features are missing, or a store does not answer.
    """
    report(0.0, "registry")
    loaded = champion(model, settings)
    return model.evaluate(loaded.context, loaded.version.label, loaded.artifact, part_of(report, 0.1, 1.0))


def champion(model: Model[A], settings: Settings) -> Champion[A]:
    """Load the champion, if the test snapshots are new to it and it answers the question that the settings ask.

    Raises
    ------
    StateError, DataError, StoreError
        If there is no such champion, features are missing, or MLflow does not answer.
    """
    tracking = Tracking(settings[TrackingSettings])
    version = tracking.champion(registered_name_of(model.settings.section))
    artifact: A = tracking.load(version, model.artifact)
    context = context_of(model, settings)
    check_unseen(version.label, artifact.labels_end, context.split.test)
    model.check(version.label, artifact, settings)
    return Champion(version, artifact, context)


def context_of(model: Model[Any], settings: Settings) -> Context:
    """Return what the model is trained and measured on.

    Raises
    ------
    StateError, DataError
        If features are missing or stale, or the data have no rows of what the model is about.
    """
    schedule, built = built_schedule(settings)
    split = schedule.splits[model.settings.section]
    if not split.test:
        title = title_of(model.settings.section)
        raise DataError(f"Expected order lines to learn the {title} from, found none.", "Map an input to transactions.")
    return Context(settings, Store(settings), schedule, split, built)


def model_fingerprint(model: Model[Any], settings: Settings, built: str) -> str:
    """Name everything that a version depends on: features, settings, its own room, and how models are measured.

    An edit in another model's room, in serving or in documentation leaves it as it is.
    """
    code = code_fingerprint(model.room, "training.evaluation")
    return fingerprint(built, *model.depends_on(settings), code)


def check_unseen(label: str, labels_end: datetime, tests: Sequence[datetime]) -> None:
    """Refuse to measure a version on snapshots that it was trained on.

    Raises
    ------
    StateError
        If a test snapshot lies before the end of the labels that the version learned from.
    """
    if min(tests) < labels_end:
        raise StateError(
            f"{label} was trained on labels up to {labels_end:%Y-%m-%d}; expected test snapshots from then on, "
            f"found {min(tests):%Y-%m-%d}.",
            "Choose later test snapshots, or train again.",
        )


def _params(model: Model[A], context: Context, fitted: Fitted[A]) -> dict[str, object]:
    return {
        "feature_service": model.settings.service.name,
        "data_fingerprint": context.built,
        "data_start": f"{context.schedule.data_start:%Y-%m-%d}",
        "data_end": f"{context.schedule.as_of:%Y-%m-%d}",
        **fitted.params,
    }


def _log(run: Run, model: Model[A], fitted: Fitted[A], report: Report) -> None:
    grade = {"grade.improvement": fitted.grading.improvement, "grade.ece": fitted.grading.ece}
    run.metrics({**fitted.metrics, **grade})
    for number, (name, draw) in enumerate(fitted.pictures.items()):
        report(0.7 * number / len(fitted.pictures), f"picture {name}")
        run.figure(name, draw())
    run.text("model_card.md", fitted.card)
    run.environment()
    report(0.7, "registry")
    with TemporaryDirectory() as directory:
        files = Path(directory) / "model"
        files.mkdir()
        fitted.artifact.save(files)
        run.model(files, model.pyfunc, fitted.example, fitted.output)
