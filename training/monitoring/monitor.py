"""`encore monitor`: how models do in use, whether customers have changed, and which figures are unusual."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from core.errors import EncoreError, StateError
from core.progress import Report, part_of, silent
from core.settings import Settings
from features.engine.labelled import data_range
from features.settings import TimeSettings
from features.snapshots import resolve_as_of
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import Tracking
from training.model import Model
from training.monitoring.alerts import Judged, judge
from training.monitoring.answers import AnswerLog
from training.monitoring.drift import Drift, drift_in, observe_champion
from training.monitoring.figures import Figure, feature_age, from_drift, from_risks, from_use, from_weeks
from training.monitoring.realised import OfferWeek, RiskWeek, offer_weeks, promised, risk_weeks, with_outcomes
from training.monitoring.settings import AlertSettings
from training.names import registered_name_of, title_of


@dataclass(frozen=True)
class InUse:
    """A model in use.

    Attributes
    ----------
    weeks, offers
        Risks and offers by week and version, in the order of time.
    promised
        What training measured, by version.
    drift
        None where it is not known.
    problem
        Why drift is not known; None where it is, and for models that have none.
    """

    model: str
    weeks: tuple[RiskWeek, ...] = ()
    offers: tuple[OfferWeek, ...] = ()
    promised: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    drift: Drift | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Monitored:
    """What was found.

    Attributes
    ----------
    as_of
        The moment taken for now.
    figures
        With their histories, in the order of the rules that are about them.
    judged
        Each rule of `[alerts]` beside its figure.
    """

    as_of: datetime
    models: tuple[InUse, ...]
    figures: tuple[Figure, ...]
    judged: tuple[Judged, ...]


def monitor(settings: Settings, now: datetime, models: Sequence[Model[Any]], report: Report = silent) -> Monitored:
    """Measure answers, drift and the figures that alerts are about. Changes nothing.

    Parameters
    ----------
    now
        The clock.

    Raises
    ------
    StateError, StoreError
        If nothing was ingested yet, or MLflow or the answer log cannot be read.
    """
    as_of = resolve_as_of(settings[TimeSettings], data_range(settings).last, now)
    report(0.0, "answers")
    answers = AnswerLog(settings).read()
    tracking = Tracking(settings[TrackingSettings])
    in_use, figures = [], from_weeks(settings, as_of)
    for number, model in enumerate(models):
        part = part_of(report, number / len(models), (number + 1) / len(models))
        found, of_model = _model(model, settings, as_of, answers, tracking, part)
        in_use.append(found)
        figures += of_model
    figures += from_drift([one.drift for one in in_use if one.drift is not None])
    with suppress(StateError):  # nothing was materialised: there are no answers whose features could be old
        figures += feature_age(settings, as_of)
    return Monitored(as_of, tuple(in_use), tuple(figures), tuple(judge(settings[AlertSettings].rules, figures)))


def _model(
    model: Model[Any],
    settings: Settings,
    as_of: datetime,
    answers: pd.DataFrame,
    tracking: Tracking,
    report: Report,
) -> tuple[InUse, list[Figure]]:
    """Return a model in use, and the figures that alerts may be about."""
    section = model.settings.section
    report(0.0, f"{title_of(section)}: outcomes")
    own = answers[answers["model"].str.startswith(f"{registered_name_of(section)}/")]
    weeks: tuple[RiskWeek, ...] = ()
    offers: tuple[OfferWeek, ...] = ()
    if len(own):
        known = with_outcomes(model, settings, own, as_of)
        weeks = tuple(risk_weeks(known[known["risk"].notna()]))
        offers = tuple(offer_weeks(known[known["offers"].notna()]))
    labels = {week.model for week in weeks} | {week.model for week in offers}
    registered = {one.label: one for one in tracking.versions(registered_name_of(section))} if labels else {}
    metrics = {label: promised(registered.get(label)) for label in sorted(labels)}
    figures = from_use(weeks) if weeks else []
    report(0.4, f"{title_of(section)}: drift")
    drift, problem = None, None
    try:
        observation = observe_champion(model, settings)
        if observation is not None:
            drift = drift_in(observation, settings)
            figures += from_risks(settings, observation.rows, observation.now)
    except EncoreError as error:  # answers are measured without features of now
        problem = str(error)
    return InUse(section, weeks, offers, metrics, drift, problem), figures
