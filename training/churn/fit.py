"""Fit the churn model: LightGBM with early stopping, calibrated on later snapshots than it was trained on."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import lightgbm as lgb
import numpy as np

from core.arrays import Floats, matrix
from core.errors import DataError
from training.churn.dataset import ChurnSet, usable_features
from training.churn.definition import definition_of
from training.churn.model import ChurnModel, Origin
from training.churn.peers import peers_of
from training.churn.settings import ChurnSettings
from training.evaluation.calibration import calibrate

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


def fit(
    *,
    train: ChurnSet,
    validation: ChurnSet,
    churn: ChurnSettings,
    threads: int,
    parameters: Mapping[str, object] = PARAMETERS,
    by_customers: bool = False,
) -> ChurnModel:
    """Fit on the training snapshots; stop early and calibrate on the validation snapshots after them.

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
    booster = boost(
        train=train, validation=validation, features=features, parameters={**parameters, "num_threads": threads}
    )
    margins: Floats = np.asarray(booster.predict(matrix(validation.columns, features, len(validation)), raw_score=True))
    return ChurnModel(
        booster=booster,
        features=features,
        calibration=calibrate(margins, validation.churned),
        categories={name: values for name, values in train.categories.items() if name in features},
        numbers=tuple(name for name in train.numbers if name in features),
        left=_left(train, features),
        peers=peers_of(train, features),
        definition=definition_of(churn),
        labels_end=_dates(validation)[0] if by_customers else _dates(validation)[-1] + timedelta(days=churn.label_days),
        origin=Origin(
            parameters=dict(parameters),
            training_snapshots=tuple(f"{t:%Y-%m-%d}" for t in _dates(train)),
            validation_snapshots=tuple(f"{t:%Y-%m-%d}" for t in _dates(validation)),
            training_rows=len(train),
            features_left_out=left_out,
        ),
    )


def boost(
    *, train: ChurnSet, validation: ChurnSet, features: Sequence[str], parameters: Mapping[str, object]
) -> lgb.Booster:
    """Grow trees on the training rows until the validation rows gain no more; keep those up to the best."""
    data = lgb.Dataset(
        matrix(train.columns, features, len(train)),
        train.churned,
        feature_name=list(features),
        categorical_feature=[name for name in features if name in train.categories],
    )
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


def fitting(parameters: Mapping[str, object], rows: int) -> dict[str, object]:
    """Let leaves be smaller where rows are few: at most a hundredth of them, at least 20, in each leaf."""
    wanted = int(str(parameters["min_data_in_leaf"]))
    return {**parameters, "min_data_in_leaf": min(wanted, max(_LEAST_IN_LEAF, rows // 100))}


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
