"""Train, evaluate and register the churn model."""

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.build import built_schedule
from features.config import ChurnSettings, Settings
from features.definitions import CHURN_SERVICE
from features.errors import StateError
from features.progress import Report, silent
from features.snapshots import Schedule
from features.state import code_fingerprint, fingerprint
from features.store import Store
from training.churn.baselines import Scored, all_features_logistic, bg_nbd, recency, recency_over_gap, rfm_logistic
from training.churn.dataset import ChurnSet, churn_set
from training.churn.fit import PARAMETERS, definition_of, fit, usable_features
from training.churn.model import ChurnModel, Definition
from training.churn.pictures import beeswarm, calibration_curve
from training.metrics import bootstrap, measure
from training.tracking import Run, Tracking
from training.trained import Trained, already_trained, check_unseen

CHURN_MODEL = "encore-churn"


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
    # tiers are cut when a risk is served
    definition = settings.churn.model_dump(mode="json", exclude={"high_risk", "medium_risk"})
    stamp = fingerprint(built, definition, code_fingerprint("features", "training"))
    if old := already_trained(tracking, CHURN_MODEL, stamp):
        return old
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
    check_unseen(version.label, model.labels_end, schedule.churn_test)
    check_definition(version.label, model.definition, settings.churn)
    report(0.1, "point-in-time sets")
    data = _load(settings, schedule, Store(settings))
    rows = data.test
    methods = _scored(model, data.train, rows)
    overall = {}
    for done, (name, scored) in enumerate(methods.items()):
        report(0.4 + 0.6 * done / len(methods), f"bootstrap {name}")
        found = bootstrap(rows.churned, scored.scores, scored.probabilities, rows.customers)
        overall[name] = {metric: asdict(estimate) for metric, estimate in found.items()}
    by_snapshot = {
        f"{moment:%Y-%m-%d}": {name: _measured(scored, rows, mask) for name, scored in methods.items()}
        for moment in schedule.churn_test
        for mask in [rows.mask([moment])]
    }
    protocol = {
        "model": version.label,
        "test_snapshots": [f"{t:%Y-%m-%d}" for t in schedule.churn_test],
        "training_labels_end": f"{model.labels_end:%Y-%m-%d}",
        "definition": asdict(model.definition),
        "customers": len(rows),
        "churn_rate": float(rows.churned.mean()),
        "bootstrap_draws": 200,
    }
    return {"protocol": protocol, "methods": overall, "by_snapshot": by_snapshot}


def check_definition(model: str, definition: Definition, churn: ChurnSettings) -> None:
    """Refuse to measure a model on labels of another definition.

    Raises
    ------
    StateError
        If the definition in force is not the model's.
    """
    if definition != definition_of(churn):
        raise StateError(
            f"{model} was trained for {definition}; the settings say {definition_of(churn)}.",
            "Train again, or set the definition back.",
        )


def _load(settings: Settings, schedule: Schedule, store: Store) -> _Data:
    wanted = (*schedule.churn_train, *schedule.churn_validation, *schedule.churn_test)
    rows = churn_set(settings, store, wanted)
    groups = schedule.churn_train, schedule.churn_validation, schedule.churn_test
    train, validation, test = (rows.at(group) for group in groups)
    for name, part in (("training", train), ("validation", validation), ("test", test)):
        part.check(name)
    return _Data(schedule, train, validation, test)


def _scored(model: ChurnModel, train: ChurnSet, rows: ChurnSet) -> dict[str, Scored]:
    risk = model.risk(model.inputs(rows.columns, len(rows)))
    return {
        "champion": Scored(risk, risk),
        "recency": recency(rows),
        "recency_over_gap": recency_over_gap(rows),
        "rfm_logistic": rfm_logistic(train, rows),
        "all_features_logistic": all_features_logistic(train, rows),
        "bg_nbd": bg_nbd(train, rows, model.definition.horizon_days),
    }


def _measured(scored: Scored, rows: ChurnSet, mask: npt.NDArray[np.bool_]) -> dict[str, float]:
    """Measure on some rows; nothing where all or none of them churned, since there is no ranking to measure."""
    labels = rows.churned[mask]
    if not 0 < labels.sum() < len(labels):
        return {}
    probabilities = None if scored.probabilities is None else scored.probabilities[mask]
    return measure(labels, scored.scores[mask], probabilities)


def _metrics(model: ChurnModel, data: _Data) -> dict[str, float]:
    rows = data.test
    methods = _scored(model, data.train, rows)
    everything = np.ones(len(rows), dtype=bool)
    metrics = {
        f"{method}.{metric}": value
        for method, scored in methods.items()
        for metric, value in _measured(scored, rows, everything).items()
    }
    for moment in data.schedule.churn_test:
        for metric, value in _measured(methods["champion"], rows, rows.mask([moment])).items():
            metrics[f"champion.{metric}.{moment:%Y-%m-%d}"] = value
    return metrics | {
        "test.customers": len(rows),
        "test.churn_rate": float(rows.churned.mean()),
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
