"""Fit the value model: a start by snapshot, trees on top of it where customers are enough, and intervals."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from zlib import crc32

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from core.arrays import Floats, Ints
from core.progress import Report, silent
from training.customer_value.contributions import READ
from training.customer_value.dataset import ValueSet, usable_features
from training.customer_value.intervals import fit_ratios
from training.customer_value.model import AMOUNT, NEXT, ORDERS, Origin, ValueModel
from training.customer_value.settings import ValueSettings
from training.customer_value.start import with_purchases
from training.customer_value.targets import Target, starts_of, targets_of
from training.customer_value.trees import Trees
from training.evaluation.peers import typical_customers

#: Chosen by cross-validation over customers at the training snapshots of the default data: Poisson had a mean absolute
#: error of 177.7 there and Tweedie one of 177.9; other shapes of the trees were within 0.2 of it.
PARAMETERS: dict[str, object] = {
    "learning_rate": 0.03,
    "num_leaves": 9,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.5,
    "bagging_freq": 1,
    "lambda_l2": 2.0,
    "max_bin": 127,
    "seed": 7,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
#: With fewer customers at the newest training snapshot the start alone forecasts.
FEW = 300
_FOLDS = 5
_ROUNDS, _STEP = 200, 10
_LEAST_IN_LEAF = 20
#: As many rows are enough to choose the number of trees by and to fit intervals to; neighbouring snapshots are nearly
#: copies.
_CROSS_VALIDATED = 30_000
#: Up to this many rows are learned from by one thread: shallow trees are grown faster than threads start and wait.
_ONE_THREAD = 100_000


def fit(
    train: ValueSet,
    settings: ValueSettings,
    threads: int,
    parameters: Mapping[str, object] = PARAMETERS,
    report: Report = silent,
) -> ValueModel:
    """Fit on the training snapshots; the test snapshots take no part.

    The number of trees is the one with the lowest mean absolute error in cross-validation over customers; intervals
    come from the same forecasts of customers that trees did not learn from. With fewer than 300 customers at the newest
    training snapshot the start alone forecasts.

    Raises
    ------
    DataError
        If nobody bought for an amount above 0 before a training snapshot.
    """
    served, starts = starts_of(train, settings.horizon_days)
    whole = replace(train, columns=with_purchases(train.columns, len(train)))
    usable, left_out = usable_features(train)
    # the start reads its columns even where trees can learn nothing from them
    features = tuple(sorted({*usable, *READ}))
    fold = _folds(train)
    chosen = _chosen(train)
    few = len(train.newest) < FEW
    trees: dict[str, Trees] = {}
    ratios = {}
    for number, (name, target) in enumerate(targets_of(train, starts, features).items()):
        report(number / 3, name)
        rows = chosen & ~np.isnan(target.truth)
        if not rows.any():
            rows = ~np.isnan(target.truth)
        rounds, forecast = (
            (0, target.start[rows]) if few else _cross_validated(target.at(rows), fold[rows], parameters, threads)
        )
        every = target.at(~np.isnan(target.truth))
        trees[name] = Trees(_grown(every, parameters, threads, rounds) if rounds else None)
        ratios[name] = fit_ratios(forecast, target.truth[rows], settings.interval)
    return ValueModel(
        start=served,
        features=features,
        amounts=trees[AMOUNT],
        orders=trees[ORDERS],
        next_order=trees[NEXT],
        ratios=ratios,
        interval=settings.interval,
        labels_end=train.moments[-1] + timedelta(days=settings.horizon_days),
        origin=Origin(
            parameters={} if few else dict(parameters),
            training_snapshots=tuple(f"{moment:%Y-%m-%d}" for moment in train.moments),
            training_rows=len(train),
            features_left_out=left_out,
        ),
        typical=typical_customers(whole, served.amount(whole.columns), features),
    )


def _folds(train: ValueSet) -> Ints:
    """Return the fold of each row: that of its customer, by a hash of the id."""
    ids, places = np.unique(train.customers.astype(str), return_inverse=True)
    return np.array([crc32(one.encode()) % _FOLDS for one in ids.tolist()], dtype="int64")[places]


def _chosen(train: ValueSet) -> npt.NDArray[np.bool_]:
    """Return which rows are cross-validated: of every snapshot, or of every second or third from the newest back."""
    step = max(1, -(-len(train) // _CROSS_VALIDATED))
    moments = np.unique(train.snapshots)[::-1][::step]
    return np.isin(train.snapshots, moments)


def _cross_validated(target: Target, fold: Ints, parameters: Mapping[str, object], threads: int) -> tuple[int, Floats]:
    """Return the best number of trees, and the forecast of each row by trees that did not learn from its customer."""
    steps = range(_STEP, _ROUNDS + 1, _STEP)
    found = {0: target.start, **{rounds: np.array(target.start) for rounds in steps}}
    for number in np.unique(fold).tolist():
        held_out = fold == number
        booster = _grown(target.at(~held_out), parameters, threads, _ROUNDS)
        rest = target.at(held_out)
        for rounds in steps:
            raw = np.asarray(booster.predict(rest.inputs, raw_score=True, num_iteration=rounds, num_threads=1))
            found[rounds][held_out] = rest.start * np.exp(raw)
    errors = {rounds: _error(target, forecast) for rounds, forecast in found.items()}
    best = min(errors, key=errors.__getitem__)
    return best, found[best]


def _error(target: Target, forecast: Floats) -> float:
    """Return the mean absolute error, of logarithms where logarithms are learned."""
    if target.objective == "poisson":
        return float(np.abs(forecast - target.truth).mean())
    return float(np.abs(np.log(forecast) - target.learned).mean())


def _grown(target: Target, parameters: Mapping[str, object], threads: int, rounds: int) -> lgb.Booster:
    wanted = int(str(parameters["min_data_in_leaf"]))
    fitting = {
        **parameters,
        "objective": target.objective,
        "num_threads": 1 if len(target.truth) <= _ONE_THREAD else threads,
        # leaves may be smaller where rows are few
        "min_data_in_leaf": min(wanted, max(_LEAST_IN_LEAF, len(target.truth) // 20)),
    }
    data = lgb.Dataset(
        target.inputs,
        target.learned,
        weight=target.weights,
        init_score=np.log(target.start),
        feature_name=list(target.names),
    )
    return lgb.train(fitting, data, num_boost_round=rounds)
