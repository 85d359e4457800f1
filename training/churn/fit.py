"""Fit the churn model: LightGBM, or less where customers are few or a rule is as good; then calibrate it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import lightgbm as lgb
import numpy as np

from core.arrays import Floats, matrix
from core.errors import DataError
from training.churn.additive import Additive, fit_additive
from training.churn.choice import Learn, Score, unbeaten_rule
from training.churn.dataset import ChurnSet, usable_features
from training.churn.definition import definition_of
from training.churn.model import ChurnModel, Origin
from training.churn.selection import stable_features
from training.churn.settings import ChurnSettings
from training.churn.trees import Trees
from training.evaluation.calibration import calibrate
from training.evaluation.peers import peers_of, typical_customers

#: Shallow and strongly regularised: the rows of one customer at neighbouring snapshots are nearly copies. Found by
#: `encore tune churn` in 40 trials on the default data's folds, rounded; those of a folder `data/tuning` replace them.
PARAMETERS: dict[str, object] = {
    "objective": "binary",
    "metric": "auc",
    "learning_rate": 0.03,
    "num_leaves": 9,
    "min_data_in_leaf": 500,
    "feature_fraction": 0.45,
    "bagging_fraction": 0.4,
    "bagging_freq": 1,
    "lambda_l2": 2.0,
    "path_smooth": 30.0,
    "max_bin": 127,
    "seed": 7,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
ROUNDS = 1500
PATIENCE = 100
_LEAST_IN_LEAF = 20
#: With fewer customers at the newest training snapshot, a few features and a straight line serve better than trees.
FEW = 300


def fit(
    *,
    train: ChurnSet,
    validation: ChurnSet,
    churn: ChurnSettings,
    threads: int,
    parameters: Mapping[str, object] = PARAMETERS,
    by_customers: bool = False,
) -> ChurnModel:
    """Fit on the training snapshots; stop early, choose and calibrate on the validation snapshots after them.

    With fewer than 300 customers at the newest training snapshot, logistic regression on a few stable features takes
    the place of LightGBM. Where what was learned does not beat the best rule, the model is the rule. The test snapshots
    take no part.

    Parameters
    ----------
    by_customers
        Whether training and validation are of different customers at the same snapshots, which are those of the tests.

    Raises
    ------
    DataError
        If no column has more than one value.
    """
    features, left_out = usable_features(train)
    if not features:
        raise DataError(
            "Expected features that differ between customers, found none.",
            "Name columns of customers in customers.model_attributes, or supply more data.",
        )
    definition = definition_of(churn)
    learned = _learn(train, validation, features, {**parameters, "num_threads": threads})
    scorer, features = learned.scorer, learned.features
    rule = unbeaten_rule(learned.scores, learned.again, train=train, validation=validation, definition=definition)
    if rule is not None:
        scorer = rule[1]
        features = scorer.features
    margins = _margins(scorer, features, validation)
    return ChurnModel(
        scorer=scorer,
        features=features,
        calibration=calibrate(margins, validation.churned),
        categories={name: values for name, values in train.categories.items() if name in features},
        numbers=tuple(name for name in train.numbers if name in features),
        left=_left(train, features),
        peers=peers_of(train, [name for name, values in train.columns.items() if not np.isnan(values).all()]),
        typical=typical_customers(train, _margins(scorer, features, train), features),
        median_margin=float(np.median(margins)),
        definition=definition,
        labels_end=_dates(validation)[0] if by_customers else _dates(validation)[-1] + timedelta(days=churn.label_days),
        origin=Origin(
            parameters=dict(parameters) if isinstance(scorer, Trees) else {},
            training_snapshots=tuple(f"{t:%Y-%m-%d}" for t in _dates(train)),
            validation_snapshots=tuple(f"{t:%Y-%m-%d}" for t in _dates(validation)),
            training_rows=len(train),
            features_left_out=left_out,
        ),
        rule=rule[0] if rule is not None else None,
    )


@dataclass(frozen=True)
class _Learned:
    """What was learned from the training rows.

    Attributes
    ----------
    again
        Learns the same way from other rows.
    """

    scorer: Trees | Additive
    features: tuple[str, ...]
    again: Learn

    def scores(self, rows: ChurnSet) -> Floats:
        """Return the margin of each row."""
        return _margins(self.scorer, self.features, rows)


def _learn(
    train: ChurnSet, validation: ChurnSet, features: tuple[str, ...], parameters: Mapping[str, object]
) -> _Learned:
    """Learn trees, or a straight line on a few features where customers are few."""
    if train.customers_at_last < FEW:
        line = fit_additive(train, stable_features(train, features))
        return _Learned(line, line.features, _additive)
    booster = boost(train=train, validation=validation, features=features, parameters=parameters)
    again = partial(_trees, features=features, parameters=parameters, trees=booster.num_trees())
    return _Learned(Trees(booster), features, again)


def _margins(scorer: Trees | Additive, features: Sequence[str], rows: ChurnSet) -> Floats:
    return scorer.margin(matrix(rows.columns, features, len(rows)))


def _additive(rows: ChurnSet) -> Score:
    return fit_additive(rows, stable_features(rows, usable_features(rows)[0])).scores


def _trees(rows: ChurnSet, *, features: Sequence[str], parameters: Mapping[str, object], trees: int) -> Score:
    return partial(_margins, grow(rows, features, parameters, trees), features)


def boost(
    *, train: ChurnSet, validation: ChurnSet, features: Sequence[str], parameters: Mapping[str, object]
) -> lgb.Booster:
    """Grow trees on the training rows until the validation rows gain no more; keep those up to the best."""
    data = _dataset(train, features)
    later = lgb.Dataset(matrix(validation.columns, features, len(validation)), validation.churned, reference=data)
    booster = lgb.train(
        fitting(parameters, len(train)),
        data,
        num_boost_round=ROUNDS,
        valid_sets=[later],
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
    )
    # what is saved and loaded keeps only the best iterations; predict must not depend on which it is
    return lgb.Booster(model_str=booster.model_to_string(num_iteration=booster.best_iteration))


def grow(rows: ChurnSet, features: Sequence[str], parameters: Mapping[str, object], trees: int) -> Trees:
    """Grow a number of trees on rows."""
    return Trees(lgb.train(fitting(parameters, len(rows)), _dataset(rows, features), num_boost_round=trees))


def _dataset(rows: ChurnSet, features: Sequence[str]) -> lgb.Dataset:
    return lgb.Dataset(
        matrix(rows.columns, features, len(rows)),
        rows.churned,
        feature_name=list(features),
        categorical_feature=[name for name in features if name in rows.categories],
    )


def fitting(parameters: Mapping[str, object], rows: int) -> dict[str, object]:
    """Let leaves be smaller where rows are few: at most a twentieth of them, at least 20, in each leaf."""
    wanted = int(str(parameters["min_data_in_leaf"]))
    return {**parameters, "min_data_in_leaf": min(wanted, max(_LEAST_IN_LEAF, rows // 20))}


def _left(train: ChurnSet, features: Sequence[str]) -> dict[str, tuple[float, ...]]:
    every = float(train.churned.mean())
    shares: dict[str, tuple[float, ...]] = {"": (every,)}
    for name in train.categories.keys() & set(features):
        places = range(len(train.categories[name]))
        by_code = [train.churned[train.columns[name] == place] for place in places]
        shares[name] = tuple(float(churned.mean()) if len(churned) else every for churned in by_code)
    return shares


def _dates(rows: ChurnSet) -> list[datetime]:
    seconds = np.unique(rows.snapshots).astype("datetime64[s]").astype("int64")
    return [datetime.fromtimestamp(second, tz=UTC) for second in seconds.tolist()]
