"""Train, evaluate and register the churn model."""

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.progress import Report, part_of, silent
from core.settings import Settings
from core.stamps import code_fingerprint, fingerprint
from features.categories import Categories
from features.engine.build import built_schedule
from features.settings import CustomerSettings
from features.snapshots import Schedule
from features.store.feature_store import Store
from training.churn.card import model_card
from training.churn.dataset import ChurnSet, churn_set
from training.churn.definition import check_definition
from training.churn.evaluation import (
    CHAMPION,
    Evaluation,
    as_json,
    by_slice,
    by_snapshot,
    evaluate,
    sizes,
    slices_of,
)
from training.churn.fit import fit
from training.churn.grade import RULE, Grading, grade
from training.churn.leakage import leakage_report
from training.churn.model import ChurnModel
from training.churn.pictures import bar, beeswarm, calibration_curve, lift_and_gain
from training.churn.settings import ChurnSettings
from training.churn.tuning import tuned_parameters
from training.evaluation.metrics import ROUNDS
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import CHURN_MODEL, Run, Tracking, Version
from training.lifecycle.trained import Trained, already_trained, check_unseen


@dataclass(frozen=True)
class _Data:
    """Rows by what they are for, the schedule they follow, and the fingerprint of what they come from."""

    schedule: Schedule
    built: str
    everything: ChurnSet
    train: ChurnSet
    validation: ChurnSet
    test: ChurnSet


def train_churn(settings: Settings, report: Report = silent, *, promote: bool = True) -> Trained:
    """Fit, measure on the test snapshots, grade, log to MLflow and register.

    Skipped where a champion made from the same features, settings, parameters and code is registered.

    Raises
    ------
    StateError, DataError, StoreError
        If features are missing, cannot carry a model, or a store does not answer.
    """
    report(0.0, "registry")
    tracking = Tracking(settings[TrackingSettings])
    schedule, built = built_schedule(settings)
    parameters = tuned_parameters(settings)
    stamp = fingerprint(
        built,
        settings[ChurnSettings].learned,
        settings[CustomerSettings].model_attributes,
        parameters,
        code_fingerprint("core", "features", "training"),
    )
    if old := already_trained(tracking, CHURN_MODEL, stamp):
        return old
    report(0.1, "point-in-time training set")
    data = _load(settings, schedule, built)
    report(0.3, "LightGBM")
    model = fit(data.train, data.validation, settings[ChurnSettings], settings.threads, parameters)
    report(0.4, "test snapshots")
    found = evaluate(model, data.train, data.test)
    grading = grade(found.overall)
    protocol = _protocol(model, data)
    with tracking.run("churn", _params(settings, parameters, protocol)) as run:
        run.metrics(_metrics(model, data, found, grading))
        report(0.7, "pictures")
        _log_pictures(run, model, found)
        run.text("model_card.md", model_card(protocol, as_json(found.overall), grading))
        run.environment()
        report(0.9, "registry")
        _log_model(run, model, data)
        version = tracking.register(run, CHURN_MODEL, stamp, promote=promote, grade=grading.grade)
    return Trained(version, skipped=False, left_out=model.origin.features_left_out)


def evaluate_churn(settings: Settings, report: Report = silent) -> dict[str, Any]:
    """Measure the champion and every baseline on the same customers of the test snapshots.

    Returns
    -------
    `{"protocol": …, "methods": {method: {metric: {"value", "low", "high"}}}, "by_snapshot": {date: methods},
    "by_slice": {slice: {group: methods}}, "grade": …, "grading": …, "leakage": …}`, intervals from 200
    bootstrap draws of customers.
    """
    report(0.0, "registry")
    version, model = measurable_champion(settings)
    schedule, built = built_schedule(settings)
    report(0.1, "point-in-time sets")
    data = _load(settings, schedule, built, model.categories)
    report(0.2, "all test rows")
    found = evaluate(model, data.train, data.test)
    slices = slices_of(settings, data.test)
    grading = grade(found.overall)
    return {
        "protocol": {"model": version.label, **_protocol(model, data), "slices": sizes(data.test, slices)},
        "methods": as_json(found.overall),
        "by_snapshot": by_snapshot(found, part_of(report, 0.3, 0.5)),
        "by_slice": by_slice(found, slices, part_of(report, 0.5, 0.95)),
        "grade": grading.grade,
        "grading": {**asdict(grading), "rule": RULE},
        "leakage": leakage_report(model, data.everything, data.test, settings[ChurnSettings]),
    }


def measurable_champion(settings: Settings) -> tuple[Version, ChurnModel]:
    """Load the champion, if the test snapshots are new to it and the definition in force is its own.

    Raises
    ------
    StateError, StoreError
        If there is no such champion, features are missing, or MLflow does not answer.
    """
    tracking = Tracking(settings[TrackingSettings])
    version = tracking.champion(CHURN_MODEL)
    model = tracking.load(version, ChurnModel)
    check_unseen(version.label, model.labels_end, built_schedule(settings)[0].splits["churn"].test)
    check_definition(version.label, model.definition, settings[ChurnSettings])
    return version, model


def _load(settings: Settings, schedule: Schedule, built: str, categories: Categories | None = None) -> _Data:
    groups = schedule.splits["churn"].train, schedule.splits["churn"].validation, schedule.splits["churn"].test
    rows = churn_set(settings, Store(settings), tuple(t for group in groups for t in group), categories)
    train, validation, test = (rows.at(group) for group in groups)
    for name, some in (("training", train), ("validation", validation), ("test", test)):
        some.check(name)
    return _Data(schedule, built, rows, train, validation, test)


def _protocol(model: ChurnModel, data: _Data) -> dict[str, Any]:
    """Tell what the model was learned from, and what it is measured on."""
    origin = model.origin
    return {
        "test_snapshots": [f"{t:%Y-%m-%d}" for t in data.schedule.splits["churn"].test],
        "validation_snapshots": list(origin.validation_snapshots),
        "training_snapshots": list(origin.training_snapshots),
        "training_labels_end": f"{model.labels_end:%Y-%m-%d}",
        "training_rows": origin.training_rows,
        "definition": asdict(model.definition),
        "customers": len(data.test),
        "churn_rate": float(data.test.churned.mean()),
        "bootstrap_draws": ROUNDS,
        "feature_service": ChurnSettings.service.name,
        "features": len(model.features),
        "features_left_out": list(origin.features_left_out),
        "data_fingerprint": data.built,
        "data_start": f"{data.schedule.data_start:%Y-%m-%d}",
        "data_end": f"{data.schedule.as_of:%Y-%m-%d}",
    }


def _metrics(model: ChurnModel, data: _Data, found: Evaluation, grading: Grading) -> dict[str, float]:
    metrics = {
        f"{method}.{metric}": value for method, of in found.overall.points.items() for metric, value in of.items()
    }
    for moment in data.schedule.splits["churn"].test:
        for metric, value in found.point(CHAMPION, data.test.mask([moment])).items():
            metrics[f"{CHAMPION}.{metric}.{moment:%Y-%m-%d}"] = value
    return metrics | {
        "grade.removed": grading.removed,
        "test.customers": len(data.test),
        "test.churn_rate": float(data.test.churned.mean()),
        "train.rows": len(data.train),
        "trees": model.booster.num_trees(),
    }


def _params(settings: Settings, parameters: dict[str, object], protocol: dict[str, Any]) -> dict[str, object]:
    told = ("feature_service", "features", "data_fingerprint", "data_start", "data_end", "training_labels_end")
    return {
        **parameters,
        **settings[ChurnSettings].learned,
        **{name: protocol[name] for name in told},
        "features_left_out": ", ".join(protocol["features_left_out"]) or "none",
        "train_snapshots": f"{protocol['training_snapshots'][0]} to {protocol['training_snapshots'][-1]}",
    }


def _log_pictures(run: Run, model: ChurnModel, found: Evaluation) -> None:
    rows = found.rows
    inputs = model.inputs(rows.columns, len(rows))
    some = inputs[np.random.default_rng(7).permutation(len(inputs))]
    run.figure("calibration", calibration_curve(rows.churned, found.methods[CHAMPION].scores))
    run.figure("lift_and_gain", lift_and_gain(rows.churned, found.methods))
    run.figure("shap_beeswarm", beeswarm(model, some))
    run.figure("shap_bar", bar(model, some))


def _log_model(run: Run, model: ChurnModel, data: _Data) -> None:
    inputs = model.inputs(data.test.columns, len(data.test))[:3]
    example = pd.DataFrame(inputs, columns=list(model.features))
    with tempfile.TemporaryDirectory() as directory:
        model.save(Path(directory) / "model")
        output = pd.DataFrame({"risk": model.risk(inputs)})
        run.model(Path(directory) / "model", "training.churn.model", example, output)
