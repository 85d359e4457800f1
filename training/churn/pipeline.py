"""Train, evaluate and register the churn model."""

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.build import built_schedule
from features.config import Settings
from features.definitions import CHURN_SERVICE
from features.progress import Report, silent
from features.snapshots import Schedule
from features.state import code_fingerprint, fingerprint
from features.store import Store
from training.churn.baselines import Scored, recency, recency_over_gap, rfm_logistic
from training.churn.dataset import ChurnSet, churn_set
from training.churn.fit import PARAMETERS, fit, usable_features
from training.churn.model import ChurnModel
from training.churn.pictures import beeswarm, calibration_curve
from training.metrics import Estimate, bootstrap, measure
from training.tracking import Run, Tracking
from training.trained import Trained

CHURN_MODEL = "encore-churn"
_BASELINES: dict[str, Callable[[ChurnSet, ChurnSet], Scored]] = {
    "recency": lambda _, rows: recency(rows),
    "recency_over_gap": lambda _, rows: recency_over_gap(rows),
    "rfm_logistic": rfm_logistic,
}


@dataclass(frozen=True)
class _Data:
    schedule: Schedule
    train: ChurnSet
    validation: ChurnSet
    test: ChurnSet


def train_churn(settings: Settings, report: Report = silent, *, promote: bool = True) -> Trained:
    """Fit, measure on the test snapshots, log to MLflow and register.

    Skipped where a champion made from the same features, settings and code is registered.

    Raises
    ------
    StateError, DataError, StoreError
        If features are missing, cannot carry a model, or a store does not answer.
    """
    report(0.0, "registry")
    tracking = Tracking(settings.tracking)
    schedule, built = built_schedule(settings)
    stamp = fingerprint(built, settings.churn, code_fingerprint("features", "training"))
    old = tracking.find(CHURN_MODEL)
    if old is not None and old.fingerprint == stamp:
        return Trained(old, skipped=True)
    report(0.1, "point-in-time training set")
    data = _load(settings, schedule, Store(settings))
    report(0.4, "LightGBM")
    model = fit(data.train, data.validation, settings.churn, settings.threads)
    with tracking.run("churn", _params(settings, data)) as run:
        report(0.5, "test snapshots")
        run.metrics(_metrics(model, data))
        _log(run, model, data, report)
        version = tracking.register(run, CHURN_MODEL, stamp, promote=promote)
    return Trained(version, skipped=False)


def evaluate_churn(settings: Settings, report: Report = silent) -> dict[str, Any]:
    """Measure the champion and every baseline on the same customers of the test snapshots.

    Returns
    -------
    `{"protocol": …, "methods": {method: {metric: {"value", "low", "high"}}}, "by_snapshot": {date: …}}`,
    intervals from 200 bootstrap draws of customers.
    """
    report(0.0, "registry")
    tracking = Tracking(settings.tracking)
    version = tracking.champion(CHURN_MODEL)
    with tempfile.TemporaryDirectory() as directory:
        model = ChurnModel.load(tracking.download(version, Path(directory)))
    schedule, _ = built_schedule(settings)
    report(0.1, "point-in-time sets")
    data = _load(settings, schedule, Store(settings))
    overall = _estimates(model, data, data.test, report)
    by_snapshot = {
        f"{moment:%Y-%m-%d}": {
            name: measure(rows.churned, scored.scores, scored.probabilities)
            for name, scored in _scored(model, data.train, rows).items()
        }
        for moment in schedule.churn_test
        for rows in [data.test.at([moment])]
    }
    protocol = {
        "model": version.label,
        "test_snapshots": [f"{t:%Y-%m-%d}" for t in schedule.churn_test],
        "training_labels_end": f"{min(schedule.churn_test):%Y-%m-%d}",
        "definition": asdict(model.definition),
        "customers": len(data.test),
        "churn_rate": float(data.test.churned.mean()),
        "bootstrap_draws": 200,
    }
    methods = {name: {metric: asdict(e) for metric, e in found.items()} for name, found in overall.items()}
    return {"protocol": protocol, "methods": methods, "by_snapshot": by_snapshot}


def _load(settings: Settings, schedule: Schedule, store: Store) -> _Data:
    wanted = (*schedule.churn_train, *schedule.churn_validation, *schedule.churn_test)
    rows = churn_set(settings, store, wanted)
    return _Data(
        schedule,
        rows.at(schedule.churn_train),
        rows.at(schedule.churn_validation),
        rows.at(schedule.churn_test),
    )


def _scored(model: ChurnModel, train: ChurnSet, rows: ChurnSet) -> dict[str, Scored]:
    risk = model.risk(model.inputs(rows.columns, len(rows)))
    return {"champion": Scored(risk, risk)} | {name: score(train, rows) for name, score in _BASELINES.items()}


def _estimates(model: ChurnModel, data: _Data, rows: ChurnSet, report: Report) -> dict[str, dict[str, Estimate]]:
    found = {}
    methods = _scored(model, data.train, rows)
    for done, (name, scored) in enumerate(methods.items()):
        report(0.4 + 0.6 * done / len(methods), f"bootstrap {name}")
        found[name] = bootstrap(rows.churned, scored.scores, scored.probabilities, rows.customers)
    return found


def _metrics(model: ChurnModel, data: _Data) -> dict[str, float]:
    metrics = {
        f"{method}.{metric}": value
        for method, scored in _scored(model, data.train, data.test).items()
        for metric, value in measure(data.test.churned, scored.scores, scored.probabilities).items()
    }
    for moment in data.schedule.churn_test:
        rows = data.test.at([moment])
        risk = model.risk(model.inputs(rows.columns, len(rows)))
        for metric, value in measure(rows.churned, risk, risk).items():
            metrics[f"champion.{metric}.{moment:%Y-%m-%d}"] = value
    return metrics | {
        "test.customers": len(data.test),
        "test.churn_rate": float(data.test.churned.mean()),
        "train.rows": len(data.train),
        "trees": model.booster.num_trees(),
    }


def _params(settings: Settings, data: _Data) -> dict[str, object]:
    usable, left_out = usable_features(data.train)
    return {
        **PARAMETERS,
        **settings.churn.model_dump(mode="json"),
        "feature_service": CHURN_SERVICE,
        "features": len(usable),
        "features_left_out": ", ".join(left_out) or "none",
        "train_snapshots": f"{data.schedule.churn_train[0]:%Y-%m-%d} to {data.schedule.churn_train[-1]:%Y-%m-%d}",
    }


def _log(run: Run, model: ChurnModel, data: _Data, report: Report) -> None:
    inputs = model.inputs(data.test.columns, len(data.test))
    report(0.6, "pictures")
    run.figure("calibration", calibration_curve(data.test.churned, model.risk(inputs)))
    run.figure("shap_beeswarm", beeswarm(model, inputs[np.random.default_rng(7).permutation(len(inputs))]))
    report(0.8, "registry")
    example = pd.DataFrame(inputs[:3], columns=list(model.features))
    with tempfile.TemporaryDirectory() as directory:
        model.save(Path(directory) / "model")
        output = pd.DataFrame({"risk": model.risk(inputs[:3])})
        run.model(Path(directory) / "model", "training.churn.model", example, output)
