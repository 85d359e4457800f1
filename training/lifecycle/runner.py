"""The one way from features to a registered version, and from a version to its evaluation, for every model."""

from dataclasses import dataclass
from typing import Any, Generic

from core.errors import DataError
from core.progress import Report, part_of, silent
from core.settings import Settings
from core.stamps import code_fingerprint, fingerprint
from features.engine.build import built_schedule
from features.snapshots import Windows
from features.store.feature_store import Store
from training.lifecycle.champions import Champions
from training.lifecycle.gate import Decision
from training.lifecycle.judge import Inspect, Judge, unseen_by, without_reasons
from training.lifecycle.promotions import Who
from training.lifecycle.registration import register
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import CHAMPION, Tracking
from training.lifecycle.version import Version, VersionTags
from training.model import A, Context, Model
from training.names import registered_name_of, title_of

#: What every model may be made with: how models are measured, and buy-till-you-die models.
_SHARED = ("training.evaluation", "training.btyd")
#: Who decides where nobody says it.
AUTOMATIC = Who("encore", "trained")


@dataclass(frozen=True)
class Trained:
    """A registered version.

    Attributes
    ----------
    skipped
        Whether an equal version was registered already.
    decision
        Of the gate; None where the champion is equal.
    left_out
        Features that the data have no values of, where it was trained now.
    """

    version: Version
    skipped: bool
    decision: Decision | None = None
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Loaded(Generic[A]):
    """A version of a model, and the test snapshots that it may be measured on."""

    version: Version
    artifact: A
    context: Context


def train(
    model: Model[A],
    settings: Settings,
    report: Report = silent,
    *,
    promote: bool = True,
    inspect: Inspect = without_reasons,
    who: Who = AUTOMATIC,
) -> Trained:
    """Fit, measure on the test snapshots, log to MLflow, register, and promote what passes the gate.

    Skipped where an equal version (same features, settings, parameters and code) is the champion, was rolled back, or
    was refused beside the same champion.

    Raises
    ------
    StateError, DataError, StoreError
        If features are missing, cannot carry a model, or a store does not answer.
    """
    report(0.0, "registry")
    context = context_of(model, settings)
    stamp = model_fingerprint(model, settings, context.built)
    champions = Champions(settings)
    tracking, name = champions.tracking, registered_name_of(model.settings.section)
    champion = champions.current(name)
    if champion is not None and champion.fingerprint == stamp:
        return Trained(champion, skipped=True)
    equal = tracking.made_from(name, stamp)
    if equal is not None and champion is not None and champion.recalibrated_from == equal.label:
        return Trained(champion, skipped=True)
    if equal is not None and (settled := _settled(tracking, equal, champion, promote=promote)):
        return Trained(equal, skipped=True, decision=settled)
    fitted = None
    version = equal
    if version is None or not _is_usable(tracking, model, version):
        fitted = model.fit(context, part_of(report, 0.05, 0.7))
        tags = VersionTags(stamp, definition_of(model, settings), fitted.grading)
        version = register(tracking, model, context, fitted, tags, part_of(report, 0.7, 0.9))
    judge = Judge(model, context, tracking, inspect)
    decision = judge.decide(version, champion, fitted.signs if fitted else None, part_of(report, 0.9, 1.0))
    tracking.note(version, decision)
    return Trained(
        settle(champions, version, decision, who) if promote else tracking.version(name, version.number),
        skipped=fitted is None,
        decision=decision,
        left_out=fitted.left_out if fitted else (),
    )


def settle(champions: Champions, version: Version, decision: Decision, who: Who) -> Version:
    """Promote a version that passed the gate; note in the promotion log that another one was refused."""
    if decision.passes:
        return champions.promote(version, decision, who)
    champions.refuse(version, decision, who)
    return champions.tracking.version(version.name, version.number)


def _settled(tracking: Tracking, equal: Version, champion: Version | None, *, promote: bool) -> Decision | None:
    """Return the decision about an equal version where nothing has to be done again; else None."""
    if equal.rolled_back:
        return Decision(
            passes=False,
            reason=f"{equal.label} was made from the same data and settings, and was rolled back: it is not promoted "
            f"again by training. `encore models promote {equal.label.removeprefix('encore-')}` does so.",
        )
    decision = tracking.decision(equal)
    against = champion.label if champion else None
    is_same = decision is not None and decision.against == against
    return decision if is_same and decision and not (promote and decision.passes) else None


def _is_usable(tracking: Tracking, model: Model[A], version: Version) -> bool:
    """Return whether a registered version can be loaded, so that it does not have to be trained again."""
    try:
        tracking.load(version, model.artifact)
    except Exception:  # whatever is wrong with its files
        return False
    return True


def evaluate(model: Model[A], settings: Settings, report: Report = silent, *, which: str = CHAMPION) -> dict[str, Any]:
    """Measure a version and every baseline on the same customers of the test snapshots that are new to it.

    Parameters
    ----------
    which
        Number or alias of the version.

    Returns
    -------
    Plain values, as the model's `evaluate` describes them.

    Raises
    ------
    StateError, DataError, StoreError
        If there is no such version, features are missing, or a store does not answer.
    """
    report(0.0, "registry")
    loaded = version_of(model, settings, which)
    return model.evaluate(loaded.context, loaded.version.label, loaded.artifact, part_of(report, 0.1, 1.0))


def champion(model: Model[A], settings: Settings) -> Loaded[A]:
    """Load the champion; see `version_of`."""
    return version_of(model, settings, CHAMPION)


def version_of(model: Model[A], settings: Settings, which: str) -> Loaded[A]:
    """Load a version by its number or alias.

    It answers the question that the settings ask, and some test snapshots are new to it: the context has those.

    Raises
    ------
    StateError, DataError, StoreError
        If there is no such version, features are missing, or MLflow does not answer.
    """
    tracking = Tracking(settings[TrackingSettings])
    name = registered_name_of(model.settings.section)
    version = tracking.champion(name) if which == CHAMPION else tracking.version(name, which)
    artifact: A = tracking.load(version, model.artifact)
    context = unseen_by(version.label, artifact.labels_end, context_of(model, settings))
    model.check(version.label, artifact, settings)
    return Loaded(version, artifact, context)


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
        raise _nothing_to_learn_from(model.settings.section, settings[model.settings].windows)
    return Context(settings, Store(settings), schedule, split, built)


def _nothing_to_learn_from(section: str, windows: Windows) -> DataError:
    if windows.assigned:
        return DataError(
            f"Expected assignments to campaigns to learn the {title_of(section)} from, found none up to now.",
            "Start a campaign, or map an input to assignments.",
        )
    if windows.optional:
        return DataError(
            f"Expected order lines over more than {2 * windows.reach_days} days to learn the {title_of(section)} from: "
            f"training and test snapshots need {windows.reach_days} days after them each. Found less.",
            f"Supply a longer history, or lower {section}.horizon_days; or map an input to transactions.",
        )
    return DataError(
        f"Expected order lines to learn the {title_of(section)} from, found none.", "Map an input to transactions."
    )


def model_fingerprint(model: Model[Any], settings: Settings, built: str) -> str:
    """Name everything that a version depends on: features, settings, its own room, and what all models share.

    An edit in another model's room, in serving or in documentation leaves it as it is.
    """
    return fingerprint(built, definition_of(model, settings))


def definition_of(model: Model[Any], settings: Settings) -> str:
    """Name what a version depends on besides the data: settings, parameters, its room, and what all models share."""
    return fingerprint(*model.depends_on(settings), code_fingerprint(model.room, *_SHARED))
