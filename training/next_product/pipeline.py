"""Train, evaluate and register the next-product model."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.errors import DataError
from core.progress import Report, part_of, silent
from core.settings import Settings
from core.stamps import code_fingerprint, fingerprint
from features.engine.build import built_schedule
from features.snapshots import Schedule
from features.store.feature_store import Store
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import NEXT_PRODUCT_MODEL, Run, Tracking, Version
from training.lifecycle.trained import Trained, already_trained, check_unseen
from training.limits import MIN_CUSTOMERS
from training.next_product import pictures
from training.next_product.card import model_card
from training.next_product.dataset import Moment, Moments
from training.next_product.evaluation import Evaluation, averaged, flat
from training.next_product.fit import PARAMETERS, fit_purchases
from training.next_product.grade import RULE
from training.next_product.inputs import FEATURES
from training.next_product.metrics import K, Measured
from training.next_product.model import Learned, NextProductModel
from training.next_product.segments import fit_segments
from training.next_product.settings import NextProductSettings
from training.next_product.sources import ALPHA, FACTORS, fit_sources
from training.next_product.upgrades import fit_price_habits
from training.next_product.views import Exam, views


def train_next_product(settings: Settings, report: Report = silent, *, promote: bool = True) -> Trained:
    """Fit the purchase model, measure on the test snapshots, refit the sources at `as_of`, log and register.

    The purchase model never sees a label at or after the first test snapshot; the sources, which are counts of who
    bought what, are fitted at the moment they are asked at. Skipped where a champion made from the same
    features, settings and code is registered.

    Raises
    ------
    StateError, DataError, StoreError
        If features are missing, cannot carry a model, or a store does not answer.
    """
    report(0.0, "registry")
    tracking = Tracking(settings[TrackingSettings])
    schedule, built = built_schedule(settings)
    if not schedule.splits["next_product"].test:
        raise DataError(
            "Expected order lines to learn the next product from, found none.", "Map an input to transactions."
        )
    stamp = fingerprint(built, settings[NextProductSettings], code_fingerprint("core", "features", "training"))
    if old := already_trained(tracking, NEXT_PRODUCT_MODEL, stamp):
        return old
    read = Moments(settings, Store(settings))
    moments = []
    for done, snapshot in enumerate(schedule.splits["next_product"].train):
        report(0.05 + 0.2 * done / len(schedule.splits["next_product"].train), f"histories {snapshot:%Y-%m-%d}")
        moments.append(read.at(snapshot))
    most = max(len(moment.active) for moment in moments)
    if most < MIN_CUSTOMERS:
        raise DataError(
            f"Expected at least {MIN_CUSTOMERS} active customers at a training snapshot, found {most}: nothing learned "
            "from so few could be trusted.",
            "Supply more customers. `encore check-data` says what is missing.",
        )
    fitted = fit_purchases(moments, settings[NextProductSettings], settings.threads, part_of(report, 0.25, 0.7))
    del moments
    labels_end = schedule.splits["next_product"].train[-1] + timedelta(days=settings[NextProductSettings].horizon_days)
    learned = Learned(fitted.booster, fitted.calibration, labels_end)
    found = Evaluation(
        list(_exams(settings, read, learned, schedule.splits["next_product"].test, part_of(report, 0.7, 0.9)))
    )
    protocol = _protocol(settings, schedule, labels_end) | {
        "training_snapshots": [f"{t:%Y-%m-%d}" for t in schedule.splits["next_product"].train],
        "candidate_recall": fitted.recall,
    }
    params = {
        **PARAMETERS,
        "rounds": fitted.booster.current_iteration(),
        **settings[NextProductSettings].model_dump(mode="json"),
        "feature_service": NextProductSettings.service.name,
        "als_factors": FACTORS,
        "als_alpha": ALPHA,
    }
    with tracking.run("next-product", params) as run:
        run.metrics({f"candidate_recall.{date}": share for date, share in fitted.recall.items()})
        run.metrics({f"candidate_recall_new.{date}": share for date, share in fitted.novel_recall.items()})
        _log_evaluation(run, found, protocol)
        report(0.9, "sources as of today")
        today = read.at(schedule.as_of)
        run.metrics({"customers": len(today.histories)})
        _log_model(run, model_at(today, learned, settings))
        version = tracking.register(run, NEXT_PRODUCT_MODEL, stamp, promote=promote, grade=found.grading.grade)
    return Trained(version, skipped=False)


def evaluate_next_product(settings: Settings, report: Report = silent) -> dict[str, Any]:
    """Measure the champion and every baseline on the same customers of the test snapshots.

    Returns
    -------
    `{"protocol": …, "candidate_recall": {date: …}, "views": {view: {date: {method: metrics}}},
    "probability": {list: metrics}, "grade": …, "grading": …}`, views as `training.next_product.views` has them.
    """
    version, found = examine_champion(settings, part_of(report, 0.0, 0.4))
    schedule, _ = built_schedule(settings)
    labels_end = found.exams[0].model.learned.labels_end
    measured: dict[str, dict[str, dict[str, Measured]]] = {}
    for done, exam in enumerate(found.exams):
        date = f"{exam.moment.snapshot:%Y-%m-%d}"
        report(0.4 + 0.6 * done / len(found.exams), f"views {date}")
        for view, methods in views(exam).items():
            measured.setdefault(view, {})[date] = methods
    return {
        "protocol": {"model": version.label, **_protocol(settings, schedule, labels_end)},
        "candidate_recall": {f"{exam.moment.snapshot:%Y-%m-%d}": exam.candidate_recall for exam in found.exams},
        "views": measured,
        "probability": {name: one.measured() for name, one in found.promised.items()},
        "grade": found.grading.grade,
        "grading": {**asdict(found.grading), "rule": RULE},
    }


def examine_champion(settings: Settings, report: Report = silent) -> tuple[Version, Evaluation]:
    """Put the champion before the test snapshots, if they are new to it.

    Raises
    ------
    StateError, DataError, StoreError
        If there is no such champion, features are missing, or a store does not answer.
    """
    report(0.0, "registry")
    tracking = Tracking(settings[TrackingSettings])
    version = tracking.champion(NEXT_PRODUCT_MODEL)
    learned = tracking.load(version, NextProductModel).learned
    schedule, _ = built_schedule(settings)
    check_unseen(version.label, learned.labels_end, schedule.splits["next_product"].test)
    read = Moments(settings, Store(settings))
    exams = _exams(settings, read, learned, schedule.splits["next_product"].test, part_of(report, 0.1, 1.0))
    return version, Evaluation(list(exams))


def _exams(
    settings: Settings, read: Moments, learned: Learned, snapshots: Sequence[datetime], report: Report
) -> Iterator[Exam]:
    """Fit the sources at each test snapshot, as they would have been there."""
    for done, snapshot in enumerate(snapshots):
        report(done / len(snapshots), f"test {snapshot:%Y-%m-%d}")
        moment = read.at(snapshot)
        if not any(moment.bought):
            raise DataError(
                f"Expected active customers who bought something from {snapshot:%Y-%m-%d} on, found none.",
                "Choose other next_product.test_snapshots, a longer next_product.horizon_days, or supply more data.",
            )
        yield Exam(model_at(moment, learned, settings), moment)


def model_at(moment: Moment, learned: Learned, settings: Settings) -> NextProductModel:
    """Return the model with everything but what it learned from labels as of a moment."""
    histories, catalogue = moment.histories, moment.catalogue
    return NextProductModel(
        learned,
        fit_sources(histories, catalogue, settings.threads),
        fit_segments(histories, len(catalogue)),
        fit_price_habits(histories, catalogue, settings[NextProductSettings].upsell),
        catalogue,
        settings[NextProductSettings],
    )


def _protocol(settings: Settings, schedule: Schedule, labels_end: datetime) -> dict[str, Any]:
    return {
        "test_snapshots": [f"{t:%Y-%m-%d}" for t in schedule.splits["next_product"].test],
        "training_labels_end": f"{labels_end:%Y-%m-%d}",
        "activity_window_days": settings[NextProductSettings].activity_window_days,
        "horizon_days": settings[NextProductSettings].horizon_days,
        "min_baskets": settings[NextProductSettings].min_baskets,
        "k": K,
    }


def _log_evaluation(run: Run, found: Evaluation, protocol: Mapping[str, Any]) -> None:
    run.metrics(flat(found.methods))
    for name, one in found.promised.items():
        run.metrics({f"probability.{name}.{metric}": value for metric, value in one.measured().items()})
    methods = averaged(found.methods)
    grading = found.grading
    run.text("model_card.md", model_card(protocol, methods, found.promised["all"].measured(), grading))
    run.figure("coverage", pictures.coverage(methods))
    run.figure("repeat_and_explore", pictures.mix(found.exams[-1]))
    baskets = [pictures.baskets_of(exam) for exam in found.exams]
    run.figure("gain_by_segment", pictures.gain_by_segment(baskets, found.ndcg, grading.best_rule))
    run.figure("calibration", pictures.calibration(found.promised))
    run.environment()


def _log_model(run: Run, model: NextProductModel) -> None:
    example = pd.DataFrame(np.zeros((1, len(FEATURES))), columns=list(FEATURES))
    output = pd.DataFrame({"probability": np.zeros(1)})
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model"
        path.mkdir()
        model.save(path)
        run.model(path, "training.next_product.model", example, output)
