"""Train, evaluate and register the next-product model."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
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
from training.next_product.candidates import FEATURES
from training.next_product.dataset import Moment, Moments
from training.next_product.fit import PARAMETERS, fit_rankers
from training.next_product.metrics import K, Measured
from training.next_product.model import NextProductModel
from training.next_product.sources import ALPHA, FACTORS, Sources, fit_sources
from training.next_product.types import fit_types
from training.next_product.views import first_view, views
from training.tracking import Tracking
from training.trained import Trained, already_trained, check_unseen

NEXT_PRODUCT_MODEL = "encore-next-product"

#: What was measured, by view, date and method.
_Tests = dict[str, dict[str, dict[str, Measured]]]


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
    rankers = fit_rankers(moments, settings.next_product, settings.threads, part_of(report, 0.25, 0.7))
    del moments
    labels_end = schedule.next_train[-1] + timedelta(days=settings.next_product.horizon_days)
    ranking = _Ranking(rankers.general, rankers.novel, labels_end)
    tests = _measure_tests(settings, read, ranking, schedule.next_test, first_view, part_of(report, 0.7, 0.9))
    metrics = {f"candidate_recall.{date}": value for date, value in rankers.recall.items()}
    metrics |= {f"candidate_recall_new.{date}": value for date, value in rankers.novel_recall.items()}
    metrics |= _flat(tests)
    report(0.9, "sources as of today")
    today = read.at(schedule.as_of)
    metrics["customers"] = len(today.histories)
    sources = fit_sources(today.histories, today.catalogue, settings.threads)
    model = ranking.at(today, sources, settings)
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
    """Measure the champion's rankers and every baseline on the same customers of the test snapshots.

    Returns
    -------
    `{"protocol": …, "views": {view: {date: {method: metrics}}}}`, as `training.next_product.views` has them.
    """
    report(0.0, "registry")
    tracking = Tracking(settings.tracking)
    version = tracking.champion(NEXT_PRODUCT_MODEL)
    with tempfile.TemporaryDirectory() as directory:
        champion = NextProductModel.load(tracking.download(version, Path(directory)))
    schedule, _ = built_schedule(settings)
    check_unseen(version.label, champion.labels_end, schedule.next_test)
    read = Moments(settings, Store(settings))
    ranking = _Ranking(champion.general, champion.novel, champion.labels_end)
    tests = _measure_tests(settings, read, ranking, schedule.next_test, views, part_of(report, 0.1, 1.0))
    protocol = {
        "model": version.label,
        "test_snapshots": [f"{t:%Y-%m-%d}" for t in schedule.next_test],
        "training_labels_end": f"{champion.labels_end:%Y-%m-%d}",
        "activity_window_days": settings.next_product.activity_window_days,
        "horizon_days": settings.next_product.horizon_days,
        "min_baskets": settings.next_product.min_baskets,
        "k": K,
    }
    return {"protocol": protocol, "views": tests}


@dataclass(frozen=True)
class _Ranking:
    """What was learned from labels, without the sources of a moment."""

    general: lgb.Booster
    novel: lgb.Booster
    labels_end: datetime

    def at(self, moment: Moment, sources: Sources, settings: Settings) -> NextProductModel:
        """Return the model with sources of a moment."""
        types = fit_types(moment.histories, moment.catalogue)
        return NextProductModel(
            self.general, self.novel, sources, types, moment.catalogue, settings.next_product, self.labels_end
        )


def _measure_tests(
    settings: Settings,
    read: Moments,
    ranking: _Ranking,
    snapshots: tuple[datetime, ...],
    measure: Callable[[NextProductModel, Moment], dict[str, dict[str, Measured]]],
    report: Report,
) -> _Tests:
    """Fit the sources at each test snapshot, as they would have been there, and measure."""
    tests: _Tests = {}
    for done, snapshot in enumerate(snapshots):
        report(done / len(snapshots), f"test {snapshot:%Y-%m-%d}")
        moment = read.at(snapshot)
        if not moment.asked:
            raise DataError(
                f"Expected active customers who bought something from {snapshot:%Y-%m-%d} on, found none.",
                "Choose other next_product.test_snapshots, a longer next_product.horizon_days, or supply more data.",
            )
        sources = fit_sources(moment.histories, moment.catalogue, settings.threads)
        for view, methods in measure(ranking.at(moment, sources, settings), moment).items():
            tests.setdefault(view, {})[f"{snapshot:%Y-%m-%d}"] = methods
    return tests


def _flat(tests: _Tests) -> dict[str, float]:
    """Name every metric for MLflow: of the view `all` without its name, averaged over snapshots and for each."""
    metrics: dict[str, float] = {}
    for view, dates in tests.items():
        prefix = "" if view == "all" else f"{view}."
        for method in next(iter(dates.values())):
            for metric in next(iter(dates.values()))[method]:
                values = {date: methods[method][metric] for date, methods in dates.items()}
                plain = {date: value for date, value in values.items() if isinstance(value, float)}
                metrics |= {f"{prefix}{method}.{metric}.{date}": value for date, value in plain.items()}
                if plain:
                    metrics[f"{prefix}{method}.{metric}"] = float(np.mean(list(plain.values())))
    return metrics
