"""When a model has to be trained, and why: by its schedule, for new labels, for drift, or since it answers no more."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.errors import EncoreError
from features.snapshots import Schedule
from training.lifecycle.settings import RefreshSettings
from training.lifecycle.tracking import Tracking
from training.lifecycle.version import Version
from training.model import Context, Model, WaitingModel
from training.names import registered_name_of


@dataclass(frozen=True)
class Due:
    """Whether something has to be done, and why, in a sentence."""

    is_due: bool
    why: str


#: Says why a model's inputs have drifted since a version was trained; None where they have not.
Drifted = Callable[[Model[Any], Context, Version], str | None]


def training_due(
    model: Model[Any], context: Context, tracking: Tracking, definition: str, drifted: Drifted | None = None
) -> Due:
    """Say whether a model has to be trained.

    A version that was trained counts whether it was promoted or not, so that a refusal does not train every night.

    Parameters
    ----------
    definition
        What a version of now would depend on besides the data.
    drifted
        Looks for drift, which is only asked where nothing else makes it due; None does not look.
    """
    waits = model.waits(context) if isinstance(model, WaitingModel) else None
    if waits is not None:
        return Due(is_due=False, why=waits)
    section = model.settings.section
    newest = newest_trained(tracking, section)
    champion = tracking.find(registered_name_of(section))
    if newest is None or (champion is None and not _objected(tracking, newest)):
        return Due(is_due=True, why="There is no champion yet.")
    days, every = _age_days(newest, context.schedule), context.settings[RefreshSettings].days_of(section)
    age = f"It was trained on data until {newest.data_end}, {days} days before those of now"
    for found in (
        _another_question(model, context, tracking, champion, newest, definition),
        f"{age}; every {every} days." if days >= every else None,
        _new_labels(model, context, newest),
        _drift(model, context, champion, drifted) if days > 0 and champion is not None else None,
    ):
        if found is not None:
            return Due(is_due=True, why=found)
    return Due(is_due=False, why=f"{age}; due after {every}.")


def newest_trained(tracking: Tracking, section: str) -> Version | None:
    """Return the version of a model that was trained last; recalibrated ones are not trained."""
    versions = tracking.versions(registered_name_of(section))
    return next((one for one in versions if one.recalibrated_from is None), None)


def _objected(tracking: Tracking, version: Version) -> bool:
    """Return whether a version was refused since it has learned nothing that may be acted on."""
    decision = tracking.decision(version)
    return decision is not None and decision.check("objection") is not None and not decision.passes


def _age_days(version: Version, schedule: Schedule) -> int:
    """Return the days of data since a version was trained; the clock is not asked, as old data teach nothing new."""
    if version.data_end is None:
        return 10**6
    return (schedule.as_of - datetime.fromisoformat(version.data_end).replace(tzinfo=UTC)).days


def _another_question(
    model: Model[Any], context: Context, tracking: Tracking, champion: Version | None, newest: Version, definition: str
) -> str | None:
    if newest.definition != definition:
        return "Settings, parameters or code of the model have changed."
    if champion is None:
        return None
    try:
        model.check(champion.label, tracking.load(champion, model.artifact), context.settings)
    except EncoreError as error:
        return f"The champion cannot answer: {error.problem}"
    return None


def _new_labels(model: Model[Any], context: Context, newest: Version) -> str | None:
    """Look for labels of the business at a later moment than the data that a version was trained on."""
    given = context.settings[model.settings].windows.given
    if given and newest.data_end is not None and f"{context.split.test[-1]:%Y-%m-%d}" > newest.data_end:
        return "The business has supplied labels of a later moment."
    return None


def _drift(model: Model[Any], context: Context, champion: Version, drifted: Drifted | None) -> str | None:
    if drifted is None or not context.settings[RefreshSettings].retrain_on_drift:
        return None
    return drifted(model, context, champion)
