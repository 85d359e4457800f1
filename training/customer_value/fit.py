"""Fit the value model: a start by snapshot, trees on top of it where customers are enough, and intervals."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from zlib import crc32

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from core.arrays import Columns, Floats, Ints, Rows, matrix
from core.errors import DataError
from core.progress import Report, silent
from training.customer_value.dataset import ValueSet, usable_features
from training.customer_value.intervals import fit_ratios
from training.customer_value.model import (
    ALIVE,
    AMOUNT,
    NEXT,
    ORDERS,
    OVERDUE,
    SHIFT_DAYS,
    Origin,
    ValueModel,
    next_start,
    rhythm,
    with_purchases,
)
from training.customer_value.settings import ValueSettings
from training.customer_value.start import Start, fit_start
from training.customer_value.trees import Trees

#: Chosen by cross-validation over customers at the training snapshots of the default data: Poisson had a lower error
#: than Tweedie there (177.7 to 178.0 on average), and nothing else made a difference.
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
#: Amounts and orders above this quantile count as it, so that a single customer does not make a leaf.
CAP = 0.995
_FOLDS = 5
_ROUNDS, _STEP = 200, 10
_LEAST_IN_LEAF = 20
#: As many rows are enough to choose the number of trees by and to fit intervals to; neighbouring snapshots are nearly
#: copies.
_CROSS_VALIDATED = 30_000
#: Up to this many rows are learned from by one thread: shallow trees are grown faster than threads start and wait.
_ONE_THREAD = 100_000
#: A start may be exceeded this many times before the cap holds.
_ABOVE_START = 2.0
_TYPICAL, _LEAST = 12, 5


@dataclass(frozen=True)
class _Target:
    """What trees are grown for. One entry a row.

    Attributes
    ----------
    truth
        In the unit of the forecast.
    learned
        What the trees are fitted to: the truth with its highest values cut, or its logarithm.
    start
        The forecast that is corrected, above 0.
    inputs
        Rows x features.
    """

    objective: str
    truth: Floats
    learned: Floats
    start: Floats
    inputs: Floats
    weights: Floats
    names: tuple[str, ...]

    def at(self, rows: Rows) -> "_Target":
        """Return some rows."""
        return _Target(
            self.objective,
            self.truth[rows],
            self.learned[rows],
            self.start[rows],
            self.inputs[rows],
            self.weights[rows],
            self.names,
        )


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
    served, starts = _starts(train, settings.horizon_days)
    features, left_out = usable_features(train)
    fold = _folds(train)
    chosen = _chosen(train)
    few = len(train.newest) < FEW
    trees: dict[str, Trees] = {}
    ratios = {}
    for number, (name, target) in enumerate(_targets(train, starts, features).items()):
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
        typical=typical_customers(train.newest, served, features),
    )


def _starts(train: ValueSet, horizon_days: int) -> tuple[Start, Columns]:
    """Fit a start at each snapshot; return that of the newest, and columns with what each says of its own rows."""
    columns = with_purchases(train.columns, len(train))
    found: Columns = {name: np.full(len(train), np.nan) for name in (AMOUNT, ORDERS, NEXT, OVERDUE, ALIVE)}
    start = None
    for moment in np.unique(train.snapshots):
        rows = train.snapshots == moment
        own = {name: values[rows] for name, values in columns.items()}
        try:
            start = fit_start(own, horizon_days)
        except ValueError as error:
            raise DataError(
                f"Expected order lines with an amount above 0 before {moment.astype('datetime64[D]')}, found none.",
                "Map transactions.amount, or correct its sign.",
            ) from error
        found[AMOUNT][rows], found[ORDERS][rows] = start.amount(own), start.orders(own)
        found[NEXT][rows] = next_start(start, own)
        of_rhythm = rhythm(start, own)
        found[OVERDUE][rows], found[ALIVE][rows] = of_rhythm[OVERDUE], of_rhythm[ALIVE]
    if start is None:
        raise DataError(
            "Expected customers with a purchase at the training snapshots, found none.", "Supply more data."
        )
    return start, found


def _targets(train: ValueSet, starts: Columns, features: tuple[str, ...]) -> dict[str, _Target]:
    """Return what each of the forecasts is learned from."""
    inputs = matrix(train.columns, features, len(train))
    with_rhythm = np.column_stack([inputs, starts[OVERDUE], starts[ALIVE]])
    found = {}
    for name, truth in ((AMOUNT, train.spent), (ORDERS, train.orders)):
        start = starts[name]
        cap = max(float(np.quantile(truth, CAP)), float(np.finfo("float64").tiny))
        # a very large customer is learned from without a bias, and weighs no more than one at the cap
        learned = np.minimum(truth, np.maximum(cap, _ABOVE_START * start))
        weights = np.minimum(1.0, cap / start)
        found[name] = _Target("poisson", truth, learned, start, inputs, weights, features)
    days = train.next_days + SHIFT_DAYS
    found[NEXT] = _Target(
        "regression_l1", days, np.log(days), starts[NEXT], with_rhythm, np.ones(len(days)), (*features, OVERDUE, ALIVE)
    )
    return found


def _folds(train: ValueSet) -> Ints:
    """Return the fold of each row: that of its customer, by a hash of the id."""
    ids, places = np.unique(train.customers.astype(str), return_inverse=True)
    return np.array([crc32(one.encode()) % _FOLDS for one in ids.tolist()], dtype="int64")[places]


def _chosen(train: ValueSet) -> npt.NDArray[np.bool_]:
    """Return which rows are cross-validated: of every snapshot, or of every second or third from the newest back."""
    step = max(1, -(-len(train) // _CROSS_VALIDATED))
    moments = np.unique(train.snapshots)[::-1][::step]
    return np.isin(train.snapshots, moments)


def _cross_validated(target: _Target, fold: Ints, parameters: Mapping[str, object], threads: int) -> tuple[int, Floats]:
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


def _error(target: _Target, forecast: Floats) -> float:
    """Return the mean absolute error, of logarithms where logarithms are learned."""
    if target.objective == "poisson":
        return float(np.abs(forecast - target.truth).mean())
    return float(np.abs(np.log(forecast) - target.learned).mean())


def _grown(target: _Target, parameters: Mapping[str, object], threads: int, rounds: int) -> lgb.Booster:
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


def typical_customers(rows: ValueSet, start: Start, features: tuple[str, ...]) -> tuple[tuple[float, ...], ...]:
    """Return typical customers, groups x features: the medians of customers whose amounts are alike.

    They represent all customers where the model is asked for its forecast without a theme. None of them is a person.
    """
    amounts = start.amount(with_purchases(rows.columns, len(rows)))
    inputs = matrix(rows.columns, features, len(rows))
    everyone = _medians(inputs)
    groups = np.array_split(np.argsort(amounts, kind="stable"), max(1, min(_TYPICAL, len(rows) // _LEAST)))
    found = []
    for group in groups:
        own = _medians(inputs[group])
        found.append(tuple(np.where(np.isnan(own), everyone, own).tolist()))
    return tuple(found)


def _medians(inputs: Floats) -> Floats:
    """Return the median of each column; NaN where it is missing in every row."""
    known = ~np.isnan(inputs).all(axis=0)
    medians = np.full(inputs.shape[1], np.nan)
    medians[known] = np.nanmedian(inputs[:, known], axis=0)
    return medians
