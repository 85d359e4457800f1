"""The next-product model as the runner, serving and the data check know it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from core.errors import DataError
from core.progress import Report, part_of, silent, track
from core.settings import Settings
from features.services import ModelSettings
from training.evaluation.comparison import Comparison
from training.evaluation.lists import K, Measured
from training.evaluation.plots import calibration_curve
from training.evaluation.sheet import Headline, Sheet
from training.model import Context, Fitted
from training.next_product import report as reports
from training.next_product.candidates.segments import fit_segments
from training.next_product.candidates.sources import ALPHA, FACTORS, fit_sources
from training.next_product.candidates.upgrades import fit_price_habits
from training.next_product.dataset import Dataset, DatasetReader, bought_after
from training.next_product.evaluation import pictures
from training.next_product.evaluation.backtest import Backtest
from training.next_product.evaluation.comparison import compare_lists
from training.next_product.evaluation.results import GRADE_RULE, Results, averaged, flat
from training.next_product.evaluation.views import views
from training.next_product.fit import PARAMETERS, FittedPurchases, fit_purchases
from training.next_product.model import Learned, NextProductModel
from training.next_product.pyfunc import ProductLists, example_customers
from training.next_product.readiness import judge_next_product
from training.next_product.settings import NextProductSettings
from training.readiness.facts import DataFacts
from training.readiness.fitness import MIN_CUSTOMERS, Fitness

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class NextProduct:
    """Which products a customer buys next."""

    settings: ClassVar[type[ModelSettings]] = NextProductSettings
    artifact: ClassVar[type[Any]] = NextProductModel
    room: ClassVar[str] = "training.next_product"
    pyfunc: ClassVar[str] = ProductLists.__module__

    def depends_on(self, settings: Settings) -> Sequence[object]:
        """Return the section of the configuration."""
        return (settings[NextProductSettings],)

    def fit(self, context: Context, report: Report) -> Fitted[NextProductModel]:
        """Fit the purchase model, measure on the test snapshots, refit the sources at `as_of`.

        The purchase model never sees a label at or after the first test snapshot; the sources, which count purchases,
        are fitted at the moment they are asked at.

        Raises
        ------
        DataError
            If there are too few customers, or none who bought in a label window.
        """
        settings = context.settings
        reader = DatasetReader(settings, context.store)
        datasets = _training_sets(context, reader, part_of(report, 0.0, 0.25))
        purchases = fit_purchases(
            datasets,
            settings[NextProductSettings],
            settings.threads,
            part_of(report, 0.25, 0.7),
        )
        labels_end = context.split.train[-1] + timedelta(days=settings[NextProductSettings].horizon_days)
        learned = Learned(purchases.booster, purchases.calibration, purchases.first, labels_end)
        results = Results(list(_backtests(context, reader, learned, part_of(report, 0.7, 0.9))))
        report(0.9, "sources as of today")
        today = reader.at(context.schedule.as_of)
        model = model_at(today, learned, settings)
        example = example_customers(model, today.snapshot)
        return Fitted(
            artifact=model,
            params=_params(settings, purchases),
            metrics=_metrics(purchases, results) | {"customers": len(today.histories)},
            grading=results.grading,
            card=reports.card(_protocol(context, labels_end), purchases.recall, results).markdown(),
            pictures=_pictures(results),
            example=example,
            output=ProductLists(model).predict(example),
            rows={
                "train": sum(len(one.active) for one in datasets),
                "test": sum(len(one.histories) for one in results.backtests),
            },
        )

    def check(self, label: str, artifact: NextProductModel, settings: Settings) -> None:
        """Accept every version: lists are measured by the current settings, whatever it was trained with."""

    def evaluate(self, context: Context, label: str, artifact: NextProductModel, report: Report) -> dict[str, Any]:
        """Measure a version and every baseline on the same customers of the test snapshots.

        Returns
        -------
        `{"protocol": …, "candidate_recall": {date: …}, "views": {view: {date: {method: metrics}}},
        "probability": {list: metrics}, "grade": …, "grading": …}`, views as those of
        `training.next_product.evaluation`.
        """
        results = self.backtest(context, artifact, part_of(report, 0.0, 0.4))
        measured: dict[str, dict[str, dict[str, Measured]]] = {}
        shown = part_of(report, 0.4, 1.0)
        for backtest in track(shown, results.backtests, lambda backtest: f"views {backtest.date}"):
            for view, methods in views(backtest).items():
                measured.setdefault(view, {})[backtest.date] = methods
        return {
            "protocol": {"model": label, **_protocol(context, artifact.labels_end)},
            "candidate_recall": {backtest.date: backtest.candidate_recall for backtest in results.backtests},
            "views": measured,
            "probability": {name: outcomes.measured() for name, outcomes in results.outcomes.items()},
            "grade": results.grading.grade,
            "grading": GRADE_RULE.as_json(results.grading),
        }

    def compare(
        self, context: Context, challenger: NextProductModel, champion: NextProductModel, report: Report
    ) -> Comparison:
        """Measure ten offers of two versions to the same customers of the test snapshots.

        Both have the same sources, fitted as they would have been there; the purchase models differ.
        """
        reader = DatasetReader(context.settings, context.store)
        ours = list(_backtests(context, reader, challenger.learned, part_of(report, 0.0, 0.7)))
        theirs = [Backtest(replace(one.model, learned=champion.learned), one.dataset) for one in ours]
        report(0.7, "offers of both")
        return compare_lists(ours, theirs)

    def backtest(self, context: Context, artifact: NextProductModel, report: Report = silent) -> Results:
        """Return a version at the test snapshots, with sources fitted as they would have been there.

        Raises
        ------
        DataError
            If no active customer bought anything at a test snapshot.
        """
        reader = DatasetReader(context.settings, context.store)
        return Results(list(_backtests(context, reader, artifact.learned, report)))

    def sheets(self, evaluation: Mapping[str, Any]) -> Sequence[Sheet]:
        """Return a table a view and test snapshot, and the calibration of the probabilities."""
        return reports.sheets(evaluation)

    def headlines(self, metrics: Mapping[str, float]) -> Sequence[Headline]:
        """Return the number of customers, and NDCG@10 of the lists."""
        return reports.headlines(metrics)

    def outcomes(self, settings: Settings, asked: pd.DataFrame) -> pd.DataFrame:
        """Return what those that were asked about bought within the horizon, from the moment of the answer on."""
        return bought_after(settings, asked)

    def judge(self, settings: Settings, facts: DataFacts) -> Fitness | None:
        """Judge whether next products can be learned; None where nothing is sold."""
        return judge_next_product(settings, facts)


NEXT_PRODUCT = NextProduct()


def model_at(dataset: Dataset, learned: Learned, settings: Settings) -> NextProductModel:
    """Return the model with everything but what it learned from labels as of a dataset's snapshot."""
    histories, catalogue = dataset.histories, dataset.catalogue
    return NextProductModel(
        learned=learned,
        sources=fit_sources(histories, catalogue, settings.threads),
        segments=fit_segments(histories, len(catalogue)),
        habits=fit_price_habits(histories, catalogue, settings[NextProductSettings].upsell),
        catalogue=catalogue,
        settings=settings[NextProductSettings],
    )


def _training_sets(context: Context, reader: DatasetReader, report: Report) -> list[Dataset]:
    snapshots = track(report, context.split.train, lambda snapshot: f"histories {snapshot:%Y-%m-%d}")
    datasets = [reader.at(snapshot) for snapshot in snapshots]
    most = max(len(dataset.active) for dataset in datasets)
    if most < MIN_CUSTOMERS:
        raise DataError(
            f"Expected at least {MIN_CUSTOMERS} active customers at a training snapshot, found {most}: a model of "
            "fewer could not be trusted.",
            "Supply more customers. `encore check-data` lists what is missing.",
        )
    return datasets


def _backtests(context: Context, reader: DatasetReader, learned: Learned, report: Report) -> Iterator[Backtest]:
    for snapshot in track(report, context.split.test, lambda snapshot: f"test {snapshot:%Y-%m-%d}"):
        dataset = reader.at(snapshot)
        if not any(dataset.bought):
            raise DataError(
                f"Expected active customers who bought something from {snapshot:%Y-%m-%d} on, found none.",
                "Choose other next_product.test_snapshots, a longer next_product.horizon_days, or supply more data.",
            )
        yield Backtest(model_at(dataset, learned, context.settings), dataset)


def _protocol(context: Context, labels_end: datetime) -> dict[str, Any]:
    """Return what the model was learned from, and what it is measured on."""
    settings = context.settings[NextProductSettings]
    return {
        "test_snapshots": [f"{t:%Y-%m-%d}" for t in context.split.test],
        "training_snapshots": [f"{t:%Y-%m-%d}" for t in context.split.train],
        "training_labels_end": f"{labels_end:%Y-%m-%d}",
        "activity_window_days": settings.activity_window_days,
        "horizon_days": settings.horizon_days,
        "min_baskets": settings.min_baskets,
        "k": K,
    }


def _params(settings: Settings, purchases: FittedPurchases) -> dict[str, object]:
    return {
        **PARAMETERS,
        "rounds": purchases.booster.current_iteration(),
        **settings[NextProductSettings].model_dump(mode="json"),
        "als_factors": FACTORS,
        "als_alpha": ALPHA,
    }


def _metrics(purchases: FittedPurchases, results: Results) -> dict[str, float]:
    metrics = flat(results.methods)
    metrics |= {f"candidate_recall.{date}": share for date, share in purchases.recall.items()}
    metrics |= {f"candidate_recall_new.{date}": share for date, share in purchases.novel_recall.items()}
    for name, outcomes in results.outcomes.items():
        metrics |= {f"probability.{name}.{metric}": value for metric, value in outcomes.measured().items()}
    return metrics


def _pictures(results: Results) -> "dict[str, Callable[[], Figure]]":
    baskets = [pictures.baskets_of(backtest) for backtest in results.backtests]
    titles = {"all": "best mix", "new_product": "never bought"}
    curves = {titles[name]: (one.probabilities, one.bought) for name, one in results.outcomes.items()}
    return {
        "coverage": partial(pictures.coverage, averaged(results.methods)),
        "repeat_and_explore": partial(pictures.mix, results.backtests[-1]),
        "gain_by_segment": partial(pictures.gain_by_segment, baskets, results.ndcg, results.grading.best_rule),
        "calibration": partial(calibration_curve, curves, "probability of the offer", "share that was bought"),
    }
