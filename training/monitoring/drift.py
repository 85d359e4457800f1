"""Drift: whether customers differ now from those that a version was trained on, more than they do by themselves.

Ages, counts and the season always move. So the difference between the last training snapshot and now is compared with
the differences between earlier snapshots as far apart, and with those of two samples of the same customers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain, pairwise
from typing import Any, Literal
from zlib import crc32

import lightgbm as lgb
import numpy as np
import pandas as pd

from core.arrays import Floats, matrix
from core.settings import Settings
from features.engine.build import built_schedule
from features.snapshots import Schedule
from features.store.feature_store import Store
from training.evaluation.alone import separation
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import Tracking
from training.lifecycle.version import Version
from training.model import Context, Model, ObservableModel, Observed
from training.monitoring.history import usual
from training.monitoring.psi import noise, psi
from training.monitoring.realised import labels_end
from training.monitoring.volume import weekly
from training.names import registered_name_of

Kind = Literal["feature", "features", "scores", "base rate", "volume"]
Pair = tuple[datetime, datetime]

#: Pairs of earlier snapshots that show how customers move by themselves, and the time from their end to now, at least.
_PAIRS, _BEFORE = 6, timedelta(days=28)
#: The probability that chance alone lets any feature count as drifted, where nothing moves.
_ALPHA = 0.01
#: Below this index nobody would act; above the second one everybody does, where no natural movement is known.
_SMALL, _LARGE = 0.1, 0.25
#: How often the highest natural movement a movement has to be.
_TIMES = 2.0
#: As many features of all may have drifted before a version counts as such.
_FEW = 0.05
#: Spreads by which a churn rate or a volume may differ from the median.
_SPREADS = 6.0
_FOLDS = 3
_MOST_ROWS = 4_000
_TREES: Mapping[str, Any] = {
    "objective": "binary",
    "num_leaves": 8,
    "learning_rate": 0.1,
    "min_data_in_leaf": 20,
    "verbosity": -1,
    "seed": 7,
    "deterministic": True,
    "num_threads": 1,
}


@dataclass(frozen=True)
class Finding:
    """Something that was compared.

    Attributes
    ----------
    name
        The feature, or what it is.
    value
        A stability index; the AUC of a classifier that separates now from then; a rate or a number.
    limit
        From which value on it has drifted; None where it is not judged, or has limits to both sides.
    natural
        The highest value between earlier snapshots as far apart; None without any.
    text
        A sentence.
    """

    kind: Kind
    name: str
    value: float
    limit: float | None
    natural: float | None
    drifted: bool
    text: str


@dataclass(frozen=True)
class Drift:
    """What a champion was trained on, beside now.

    Attributes
    ----------
    trained
        Its last training snapshot.
    pairs
        How many pairs of earlier snapshots show the natural movement.
    """

    model: str
    trained: datetime
    now: datetime
    pairs: int
    findings: tuple[Finding, ...]

    @property
    def drifted(self) -> bool:
        """Whether the version may not fit any more: some features have drifted, or anything else.

        One feature is none: a holiday on the last day moves the recency of everybody, and no risk.
        """
        features = [one for one in self.findings if one.kind == "feature"]
        few = max(1, int(_FEW * len(features)))
        return len(self.moved_features) > few or any(one.drifted for one in self.findings if one.kind != "feature")

    @property
    def moved_features(self) -> tuple[str, ...]:
        """The features that have drifted, the one that has moved most first."""
        moved = sorted(
            (one for one in self.findings if one.kind == "feature" and one.drifted), key=lambda one: -one.value
        )
        return tuple(one.name for one in moved)

    @property
    def reasons(self) -> tuple[str, ...]:
        """A sentence for each of what has drifted."""
        return tuple(one.text for one in self.findings if one.drifted)


@dataclass(frozen=True)
class Observation:
    """The champion of a model with what it reads and answers, now and at earlier snapshots.

    Attributes
    ----------
    label
        Of the version.
    trained
        Its last training snapshot.
    pairs
        Pairs of earlier snapshots as far apart as that one and now.
    """

    model: Model[Any]
    label: str
    trained: datetime
    now: datetime
    pairs: tuple[Pair, ...]
    rows: Observed


def drift_of(model: Model[Any], settings: Settings) -> Drift | None:
    """Compare what the champion of a model was trained on with now.

    Returns
    -------
    None for a model without a champion, for one whose inputs are not those of single customers, and where no snapshot
    before now has features that the champion could have been trained on.

    Raises
    ------
    StateError, StoreError
        If features are missing or stale, the champion answers another question than the settings ask, or MLflow does
        not answer.
    """
    observation = observe_champion(model, settings)
    return None if observation is None else drift_in(observation, settings)


def drifted(model: Model[Any], context: Context, champion: Version) -> str | None:
    """Say why the inputs of a version have drifted since its training; None where they have not, or cannot be seen.

    This is what `training.lifecycle.due` asks; errors are those of `drift_of`.
    """
    observation = _observe(model, context.settings, context.schedule, champion)
    found = None if observation is None else drift_in(observation, context.settings)
    return " ".join(("It has drifted.", *found.reasons)) if found is not None and found.drifted else None


def observe_champion(model: Model[Any], settings: Settings) -> Observation | None:
    """Return what the champion of a model reads and answers; None and errors are those of `drift_of`."""
    version = Tracking(settings[TrackingSettings]).find(registered_name_of(model.settings.section))
    return None if version is None else _observe(model, settings, built_schedule(settings)[0], version)


def _observe(model: Model[Any], settings: Settings, schedule: Schedule, version: Version) -> Observation | None:
    if not isinstance(model, ObservableModel):
        return None
    artifact = Tracking(settings[TrackingSettings]).load(version, model.artifact)
    model.check(version.label, artifact, settings)
    now = schedule.as_of
    earlier = [moment for moment in schedule.needed[model.settings.section] if moment < now]
    # snapshots may have moved since, with the settings: then the last one before that has features
    trained = max((moment for moment in earlier if moment <= model.learned_at(artifact)[-1]), default=None)
    if trained is None:
        return None
    pairs = natural_pairs(earlier, trained, now)
    snapshots = {trained, now, *_ended(model, settings, earlier, now), *chain.from_iterable(pairs)}
    observed = model.observe(settings, Store(settings), artifact, sorted(snapshots))
    return Observation(model, version.label, trained, now, tuple(pairs), observed)


def drift_in(observation: Observation, settings: Settings) -> Drift:
    """Compare features, scores, churn rate and volume of now with those of before."""
    rows, pairs = observation.rows, observation.pairs
    pair = observation.trained, observation.now
    findings = [
        *moved_features(rows, pair, pairs),
        *moved_scores(rows, pair, pairs),
        *_base_rate(observation.model, settings, rows, observation.now),
        *_volume(settings, observation.now),
    ]
    return Drift(observation.label, *pair, len(pairs), tuple(findings))


def natural_pairs(earlier: Sequence[datetime], trained: datetime, now: datetime) -> list[Pair]:
    """Return pairs of earlier snapshots as far apart as the last training snapshot and now; none near to now.

    Parameters
    ----------
    earlier
        All snapshots before now, in ascending order.
    """
    apart = now - trained
    gaps = [(second - first).total_seconds() for first, second in pairwise(earlier)]
    near = timedelta(seconds=float(np.median(gaps)) / 2) if gaps else timedelta()
    pairs = []
    for first in earlier:
        second = min(earlier, key=lambda moment: abs(moment - first - apart))
        if abs(second - first - apart) <= near and first < second <= now - _BEFORE:
            pairs.append((first, second))
    spread = np.linspace(0, max(0, len(pairs) - 1), min(_PAIRS, len(pairs))).round()
    return [pairs[int(place)] for place in spread]


def moved_features(observed: Observed, pair: Pair, pairs: Sequence[Pair]) -> list[Finding]:
    """Compare each feature of two snapshots, and all of them together; the season is left out."""
    names = [name for name in observed.columns if not name.startswith("season_")]
    indexes = {name: _index(observed, observed.columns[name], pair, pairs) for name in names}
    single = [_judged("feature", name, index, pair, _ALPHA / len(names)) for name, index in indexes.items()]
    # what always moves separates any two moments, and says nothing of these two
    steady = [name for name, index in indexes.items() if index.natural is None or index.natural < _LARGE]
    return single + ([_together(observed, steady, pair, pairs)] if steady else [])


def moved_scores(observed: Observed, pair: Pair, pairs: Sequence[Pair]) -> list[Finding]:
    """Compare the scores of two snapshots."""
    return [_judged("scores", "scores", _index(observed, observed.scores, pair, pairs), pair, _ALPHA)]


@dataclass(frozen=True)
class _Index:
    value: float
    bins: int
    rows: tuple[int, int]
    natural: float | None


def _index(observed: Observed, values: Floats, pair: Pair, pairs: Sequence[Pair]) -> _Index:
    at = {moment: values[_at(observed, moment)] for moment in {*pair, *chain.from_iterable(pairs)}}
    value, bins = psi(at[pair[0]], at[pair[1]])
    natural = [psi(at[first], at[second])[0] for first, second in pairs]
    return _Index(value, bins, (len(at[pair[0]]), len(at[pair[1]])), max(natural, default=None))


def _judged(kind: Kind, name: str, index: _Index, pair: Pair, alpha: float) -> Finding:
    chance = noise(index.bins, *index.rows, alpha)
    limit = max(chance, _LARGE if index.natural is None else max(_SMALL, _TIMES * index.natural))
    drifted = index.value > limit
    natural = (
        "no earlier snapshots are as far apart"
        if index.natural is None
        else f"{index.natural:.2f} at most between earlier snapshots as far apart"
    )
    text = (
        f"{name[0].upper()}{name[1:]} moved by {index.value:.2f} (stability index) from {pair[0]:%Y-%m-%d} to "
        f"{pair[1]:%Y-%m-%d}: {natural}, {limit:.2f} is the limit."
    )
    return Finding(kind, name, index.value, limit, index.natural, drifted, text)


def _together(observed: Observed, names: Sequence[str], pair: Pair, pairs: Sequence[Pair]) -> Finding:
    """Separate customers of two moments by all features; not judged without natural pairs."""
    value, by = separated(observed, names, pair)
    natural = max((separated(observed, names, one)[0] for one in pairs), default=None)
    rows = [min(_MOST_ROWS, int(_at(observed, moment).sum())) for moment in pair]
    error = float(np.sqrt((sum(rows) + 1) / (12 * rows[0] * rows[1])))
    limit = None if natural is None else natural + 3 * error + 0.02
    beside = "nothing to compare it with" if natural is None else f"{natural:.2f} at most for earlier snapshots"
    text = (
        f"A classifier separates customers of {pair[1]:%Y-%m-%d} from those of {pair[0]:%Y-%m-%d} with an AUC of "
        f"{value:.2f}: {beside}. It uses {', '.join(by)} most."
    )
    return Finding(
        "features", "all features together", value, limit, natural, limit is not None and value > limit, text
    )


def separated(observed: Observed, names: Sequence[str], pair: Pair) -> tuple[float, list[str]]:
    """Return the AUC of a classifier that separates customers of two moments, and the features that do it.

    Cross-validated; a customer who is there at both moments is in one fold only, so that none is recognised.

    Source: Lopez-Paz and Oquab, Revisiting Classifier Two-Sample Tests (ICLR 2017).
    """
    rng = np.random.default_rng(7)
    rows = [np.flatnonzero(_at(observed, moment)) for moment in pair]
    rows = [part if len(part) <= _MOST_ROWS else np.sort(rng.choice(part, _MOST_ROWS, replace=False)) for part in rows]
    chosen = np.concatenate(rows)
    later = np.repeat([0, 1], [len(part) for part in rows])
    inputs = matrix({name: observed.columns[name][chosen] for name in names}, names, len(chosen))
    folds = np.array([crc32(str(customer).encode()) % _FOLDS for customer in observed.customers[chosen]])
    scores, gains = np.zeros(len(chosen)), np.zeros(len(names))
    for fold in range(_FOLDS):
        held = folds == fold
        if len(np.unique(later[~held])) < 2 or not held.any():
            continue
        booster = lgb.train(dict(_TREES), lgb.Dataset(inputs[~held], later[~held]), num_boost_round=60)
        scores[held] = booster.predict(inputs[held])
        gains += booster.feature_importance("gain")
    return separation(later, scores), [names[place] for place in np.argsort(-gains)[:3]]


def _ended(model: Model[Any], settings: Settings, earlier: Sequence[datetime], now: datetime) -> list[datetime]:
    """Return the last snapshot whose labels are complete."""
    of_model = settings[model.settings]
    end = labels_end(settings, of_model, now)
    reach = timedelta(days=of_model.windows.reach_days)
    return [moment for moment in earlier if moment + reach <= end][-1:]


def _base_rate(model: Model[Any], settings: Settings, observed: Observed, as_of: datetime) -> list[Finding]:
    of_model = settings[model.settings]
    end = labels_end(settings, of_model, as_of)
    moments = pd.to_datetime(pd.Series(observed.snapshots), utc=True).dt.as_unit("us")
    asked = pd.DataFrame({"customer_id": observed.customers, "as_of": moments, "snapshot": moments})
    asked = asked[asked["snapshot"] + timedelta(days=of_model.windows.reach_days) <= end]
    if asked.empty:
        return []
    known = model.outcomes(settings, asked)
    by_snapshot = known.assign(outcome=known["outcome"].astype("float64")).groupby("snapshot")["outcome"]
    rates = by_snapshot.mean()
    expected = usual(rates.iloc[:-1].tolist(), _SPREADS)
    if expected is None:
        return []
    value, count = float(rates.iloc[-1]), int(by_snapshot.size().iloc[-1])
    chance = 3 * float(np.sqrt(expected.median * (1 - expected.median) / count))
    limits = replace(
        expected, low=min(expected.low, expected.median - chance), high=max(expected.high, expected.median + chance)
    )
    text = (
        f"Of the customers of {rates.index[-1]:%Y-%m-%d} {value:.1%} churned; usual are {max(0, limits.low):.1%} to "
        f"{limits.high:.1%}."
    )
    return [Finding("base rate", "churn rate", value, None, None, not limits.holds(value), text)]


def _volume(settings: Settings, as_of: datetime) -> list[Finding]:
    lines = weekly(settings, as_of)["order_lines"]
    expected = usual(lines[:-1], _SPREADS)
    if expected is None:
        return []
    text = (
        f"{lines[-1]:,.0f} order lines in the last 7 days; usual are {max(0, expected.low):,.0f} to "
        f"{expected.high:,.0f}."
    )
    return [Finding("volume", "order lines of 7 days", lines[-1], None, None, not expected.holds(lines[-1]), text)]


def _at(observed: Observed, moment: datetime) -> np.ndarray:
    at: np.ndarray = observed.snapshots == np.datetime64(moment.replace(tzinfo=None))
    return at
