"""The settings that the data recommend: when a customer counts as gone, how long to wait, how often to look."""

from core.errors import DataError
from core.settings import Settings
from features.engine.build import schedule_for
from features.settings import TimeSettings
from training.churn.settings import ChurnSettings
from training.readiness.facts import DataFacts

#: Days between snapshots, and how many training snapshots each has to leave; the first that does is taken.
_SPACINGS = ((28, 12), (14, 12), (7, 1))
_WEEK = 7


def recommend(settings: Settings, facts: DataFacts) -> dict[str, int]:
    """Return settings by their key, such as `churn.horizon_days`; none where churn is not defined by purchases.

    The activity window and the horizon are those of the silences of customers. Where the history is too short for
    training, validation and test snapshots with that horizon, the longest whole weeks are recommended that it is long
    enough for. Snapshots lie as far apart as leaves a dozen to train on, since neighbours are nearly copies.
    """
    churn, silence = settings[ChurnSettings], facts.silence
    if churn.kind != "non_contractual" or silence is None:
        return {}
    for horizon in range(silence.horizon, 0, -_WEEK):
        window = max(silence.gone_after or 2 * horizon, horizon)
        for spacing, least in _SPACINGS:
            tried = {
                "churn.activity_window_days": window,
                "churn.horizon_days": horizon,
                "time.snapshot_spacing_days": spacing,
            }
            if _training_snapshots(settings, facts, tried) >= least:
                return tried
    return {}


def _training_snapshots(settings: Settings, facts: DataFacts, tried: dict[str, int]) -> int:
    changed = {
        section: {key.partition(".")[2]: value for key, value in tried.items() if key.startswith(section)}
        for section in ("churn.", "time.")
    }
    churn = settings[ChurnSettings].model_copy(update={**changed["churn."], "test_snapshots": ()})
    time = settings[TimeSettings].model_copy(update=changed["time."])
    # other models have horizons of their own, which are not asked about here
    alone = Settings(churn, time)
    try:
        schedule = schedule_for(alone, facts.first, facts.as_of, sells=True, complete=facts.complete, gaps=facts.gaps)
    except DataError:
        return 0
    return len(schedule.splits[ChurnSettings.section].train)
