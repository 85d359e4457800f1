"""Train, evaluate and register the next-product model."""

import tempfile
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from features.build import built_schedule
from features.config import Settings
from features.definitions import NEXT_PRODUCT_SERVICE
from features.errors import DataError
from features.progress import Report, part_of, silent
from features.state import code_fingerprint, fingerprint
from features.store import Store
from training.next_product.baselines import Recommend, baselines
from training.next_product.candidates import FEATURES
from training.next_product.catalogue import Codes
from training.next_product.dataset import Moment, Moments, hits
from training.next_product.fit import PARAMETERS, fit_ranker
from training.next_product.history import History
from training.next_product.metrics import K, list_metrics
from training.next_product.model import NextProductModel
from training.next_product.sources import ALPHA, FACTORS, fit_sources
from training.tracking import Tracking
from training.trained import Trained, already_trained, check_unseen

NEXT_PRODUCT_MODEL = "encore-next-product"

_Lists = dict[str, Recommend]
_Measured = dict[str, dict[str, float]]


def train_next_product(settings: Settings, report: Report = silent, *, promote: bool = True) -> Trained:
    """Fit the ranker, measure on the test snapshots, refit the sources at `as_of`, log and register.

    The ranker never sees a label at or after the first test snapshot; the sources, which are counts of who
    bought what, are fitted at the moment they are asked at. Skipped where a champion made from the same
    features, settings and code is registered.

    Raises
    ------
    StateError, DataError, StoreError
        If features are missing, cannot carry a model, or a store does not answer.
    """
    report(0.0, "registry")
    tracking = Tracking(settings.tracking)
    schedule, built = built_schedule(settings)
    stamp = fingerprint(built, settings.next_product, code_fingerprint("features", "training"))
    if old := already_trained(tracking, NEXT_PRODUCT_MODEL, stamp):
        return old
    read = Moments(settings, Store(settings))
    moments = []
    for done, snapshot in enumerate(schedule.next_train):
        report(0.05 + 0.2 * done / len(schedule.next_train), f"histories {snapshot:%Y-%m-%d}")
        moments.append(read.at(snapshot))
    ranker, recall = fit_ranker(moments, settings.next_product, settings.threads, part_of(report, 0.25, 0.7))
    del moments
    metrics = {f"candidate_recall.{date}": value for date, value in recall.items()}
    labels_end = schedule.next_train[-1] + timedelta(days=settings.next_product.horizon_days)
    tests = _measure_tests(settings, read, ranker, labels_end, schedule.next_test, part_of(report, 0.7, 0.9))
    for date, measured in tests.items():
        metrics |= {f"{name}.{metric}.{date}": v for name, found in measured.items() for metric, v in found.items()}
    metrics |= {f"{name}.{metric}": value for name, found in _mean(tests).items() for metric, value in found.items()}
    report(0.9, "sources as of today")
    today = read.at(schedule.as_of)
    metrics["customers"] = len(today.histories)
    sources = fit_sources(today.histories, today.catalogue, settings.threads)
    model = NextProductModel(ranker, sources, today.catalogue, settings.next_product, labels_end)
    params = {
        **PARAMETERS,
        **settings.next_product.model_dump(mode="json"),
        "feature_service": NEXT_PRODUCT_SERVICE,
        "als_factors": FACTORS,
        "als_alpha": ALPHA,
        "catalogue": len(today.catalogue),
    }
    with tracking.run("next-product", params) as run, tempfile.TemporaryDirectory() as directory:
        run.metrics(metrics)
        example = pd.DataFrame(np.zeros((1, len(FEATURES))), columns=list(FEATURES))
        output = pd.DataFrame({"score": np.zeros(1)})
        model_directory = Path(directory) / "model"
        model_directory.mkdir()
        model.save(model_directory)
        run.model(model_directory, "training.next_product.model", example, output)
        version = tracking.register(run, NEXT_PRODUCT_MODEL, stamp, promote=promote)
    return Trained(version, skipped=False)


def evaluate_next_product(settings: Settings, report: Report = silent) -> dict[str, Any]:
    """Measure the champion's ranker and every baseline on the same customers of the test snapshots.

    Returns
    -------
    `{"protocol": …, "views": {"all": {date: {method: {"ndcg", "recall", "precision", "hit_rate",
    "coverage"}}}}}`.
    """
    report(0.0, "registry")
    tracking = Tracking(settings.tracking)
    version = tracking.champion(NEXT_PRODUCT_MODEL)
    with tempfile.TemporaryDirectory() as directory:
        champion = NextProductModel.load(tracking.download(version, Path(directory)))
    schedule, _ = built_schedule(settings)
    check_unseen(version.label, champion.labels_end, schedule.next_test)
    read = Moments(settings, Store(settings))
    tests = _measure_tests(
        settings, read, champion.ranker, champion.labels_end, schedule.next_test, part_of(report, 0.1, 1.0)
    )
    protocol = {
        "model": version.label,
        "test_snapshots": list(tests),
        "training_labels_end": f"{champion.labels_end:%Y-%m-%d}",
        "activity_window_days": settings.next_product.activity_window_days,
        "horizon_days": settings.next_product.horizon_days,
        "min_baskets": settings.next_product.min_baskets,
        "k": K,
    }
    return {"protocol": protocol, "views": {"all": tests}}


def _measure_tests(
    settings: Settings,
    read: Moments,
    ranker: lgb.Booster,
    labels_end: datetime,
    snapshots: tuple[datetime, ...],
    report: Report,
) -> dict[str, _Measured]:
    """Fit the sources at each test snapshot, as they would have been there, and measure every method."""
    tests = {}
    for done, snapshot in enumerate(snapshots):
        report(done / len(snapshots), f"test {snapshot:%Y-%m-%d}")
        moment = read.at(snapshot)
        if not moment.asked:
            raise DataError(
                f"Expected active customers who bought something from {snapshot:%Y-%m-%d} on, found none.",
                "Choose other next_product.test_snapshots, a longer next_product.horizon_days, or supply more data.",
            )
        sources = fit_sources(moment.histories, moment.catalogue, settings.threads)
        model = NextProductModel(ranker, sources, moment.catalogue, settings.next_product, labels_end)
        methods: _Lists = {"two_stage": partial(_best, model)}
        methods |= baselines(moment.catalogue, sources)
        tests[f"{snapshot:%Y-%m-%d}"] = {name: _measure(moment, method) for name, method in methods.items()}
    return tests


def _best(model: NextProductModel, history: History) -> Codes:
    return model.rank(history)[0].codes[:K]


def _measure(moment: Moment, recommend: Recommend) -> dict[str, float]:
    """Average over the asked customers; coverage is the share of the catalogue on anybody's list."""
    lists = [(recommend(history), bought) for history, bought in moment.questions()]
    rows = [list_metrics(hits(moment, codes, bought), len(bought)) for codes, bought in lists]
    shown = np.unique(np.concatenate([codes for codes, _ in lists]))
    averages = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    return {**averages, "coverage": len(shown) / len(moment.catalogue)}


def _mean(tests: dict[str, _Measured]) -> _Measured:
    names = next(iter(tests.values()))
    return {
        name: {metric: float(np.mean([t[name][metric] for t in tests.values()])) for metric in found}
        for name, found in names.items()
    }
