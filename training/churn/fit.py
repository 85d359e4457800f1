"""Fit the churn model: LightGBM with early stopping, calibrated on later snapshots than it was trained on."""

from datetime import UTC, datetime, timedelta

import lightgbm as lgb
import numpy as np
from sklearn.linear_model import LogisticRegression

from features.config import ChurnSettings
from features.errors import DataError
from features.vectors import Floats, matrix
from training.churn.dataset import ChurnSet
from training.churn.model import Calibration, ChurnModel, Definition

#: Shallow and strongly regularised: the rows of one customer at neighbouring snapshots are nearly copies.
PARAMETERS: dict[str, object] = {
    "objective": "binary",
    "metric": "auc",
    "learning_rate": 0.03,
    "num_leaves": 15,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "max_bin": 127,
    "seed": 7,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
ROUNDS = 1500
PATIENCE = 100


def usable_features(train: ChurnSet) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split the columns into those a model can learn from and those it cannot.

    A column that is missing in every row, or that has one value only, cannot exist for this data.
    """
    usable: list[str] = []
    left_out: list[str] = []
    for name in sorted(train.columns):
        known = train.columns[name][~np.isnan(train.columns[name])]
        (usable if len(known) and known.min() < known.max() else left_out).append(name)
    return tuple(usable), tuple(left_out)


def fit(train: ChurnSet, validation: ChurnSet, churn: ChurnSettings, threads: int) -> ChurnModel:
    """Fit on the training snapshots; stop early and calibrate on the validation snapshots after them.

    Raises
    ------
    DataError
        If no column has more than one value.
    """
    features, _ = usable_features(train)
    if not features:
        raise DataError("Expected features that differ between customers, found none.", "Supply more data.")
    inputs = matrix(train.columns, features, len(train))
    later = matrix(validation.columns, features, len(validation))
    data = lgb.Dataset(inputs, train.churned, feature_name=list(features))
    booster = lgb.train(
        {**PARAMETERS, "num_threads": threads},
        data,
        num_boost_round=ROUNDS,
        valid_sets=[lgb.Dataset(later, validation.churned, reference=data)],
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
    )
    # what is saved and loaded keeps only the best iterations; predict must not depend on which it is
    booster = lgb.Booster(model_str=booster.model_to_string(num_iteration=booster.best_iteration))
    margins: Floats = np.asarray(booster.predict(later, raw_score=True))
    return ChurnModel(
        booster,
        features,
        calibrate(margins, validation.churned),
        {name: _median(train.columns[name]) for name in features},
        definition_of(churn),
        _last(validation) + timedelta(days=churn.gap_days + churn.horizon_days),
    )


def definition_of(churn: ChurnSettings) -> Definition:
    """Return the churn definition that the settings put in force."""
    return Definition("non_contractual", churn.activity_window_days, churn.horizon_days, churn.gap_days)


def _last(rows: ChurnSet) -> datetime:
    return datetime.fromtimestamp(rows.snapshots.max().astype("datetime64[s]").astype("int64"), tz=UTC)


def calibrate(margins: Floats, labels: np.ndarray) -> Calibration:
    """Fit Platt scaling of raw margins to labels."""
    platt = LogisticRegression(C=1e6).fit(margins.reshape(-1, 1), labels)
    return Calibration(float(platt.coef_[0, 0]), float(platt.intercept_[0]))


def _median(values: Floats) -> float:
    return float(np.nanmedian(values))
