"""The value model as the runner, serving and the data check know it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from core.progress import Report, part_of
from core.settings import Settings
from features.services import ModelSettings
from training.customer_value import pictures
from training.customer_value import report as reports
from training.customer_value.comparison import compare_value
from training.customer_value.dataset import ValueSet, value_set
from training.customer_value.evaluation import CHAMPION, GRADE_RULE, Evaluation
from training.customer_value.fit import FEW, PARAMETERS, fit
from training.customer_value.labels import outcomes
from training.customer_value.model import ValueModel, check_horizon
from training.customer_value.readiness import judge_value
from training.customer_value.settings import ValueSettings
from training.customer_value.start import with_purchases
from training.evaluation.bootstrap import ROUNDS
from training.evaluation.comparison import Comparison
from training.evaluation.sheet import Headline, Sheet
from training.model import Context, Fitted
from training.readiness.facts import DataFacts
from training.readiness.fitness import Fitness

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_EXAMPLES = 3


class Value:
    """What customers spend next, how often they order, and when."""

    settings: ClassVar[type[ModelSettings]] = ValueSettings
    artifact: ClassVar[type[Any]] = ValueModel
    room: ClassVar[str] = "training.customer_value"
    pyfunc: ClassVar[str] = ValueModel.__module__

    def depends_on(self, settings: Settings) -> Sequence[object]:
        """Return the horizon, the tests, the share of the intervals, and LightGBM's parameters."""
        return settings[ValueSettings].learned, PARAMETERS

    def fit(self, context: Context, report: Report) -> Fitted[ValueModel]:
        """Fit on the training snapshots, and measure on the test snapshots beside the baselines.

        Raises
        ------
        DataError
            If there are too few customers, or nothing was spent.
        """
        report(0.0, "point-in-time training set")
        train, test = _read(context)
        settings = context.settings
        model = fit(train, settings[ValueSettings], settings.threads, report=part_of(report, 0.4, 0.8))
        report(0.8, "test snapshots")
        evaluation = Evaluation(model, train, test)
        return _fitted(context, evaluation)

    def check(self, label: str, artifact: ValueModel, settings: Settings) -> None:
        """Refuse a version that forecasts another number of days.

        Raises
        ------
        StateError
            If it does.
        """
        check_horizon(label, artifact, settings[ValueSettings])

    def evaluate(self, context: Context, label: str, artifact: ValueModel, report: Report) -> dict[str, Any]:
        """Measure a version and every baseline on the same customers of the test snapshots.

        Returns
        -------
        `{"protocol": …, "methods": {method: {metric: {"value", "low", "high"}}}, "orders": …, "next_order": …,
        "interval_coverage": {"value", "low", "high"}, "grade": …, "grading": …}`, intervals from 200 bootstrap draws of
        customers. The amounts of `mae` are in the currency of the data; `interval_coverage` is of amounts.
        """
        report(0.0, "point-in-time sets")
        train, test = _read(context)
        report(0.5, "all test rows")
        evaluation = Evaluation(artifact, train, test)
        return {"protocol": {"model": label, **_protocol(context, evaluation)}, **_measured(evaluation)}

    def compare(self, context: Context, challenger: ValueModel, champion: ValueModel, report: Report) -> Comparison:
        """Measure two versions on the same customers of the test snapshots."""
        report(0.0, "test snapshots")
        rows = value_set(context.settings, context.store, context.split.test)
        rows.check("test")
        report(0.6, "draws")
        return compare_value(challenger, champion, rows)

    def sheets(self, evaluation: Mapping[str, Any]) -> Sequence[Sheet]:
        """Return methods and next orders as tables."""
        return reports.sheets(evaluation)

    def headlines(self, metrics: Mapping[str, float]) -> Sequence[Headline]:
        """Return the mean amount, the error and the ranking."""
        return reports.headlines(metrics)

    def outcomes(self, settings: Settings, asked: pd.DataFrame) -> pd.DataFrame:
        """Return the amounts that those who were asked about spent."""
        return outcomes(settings, asked)

    def judge(self, settings: Settings, facts: DataFacts) -> Fitness | None:
        """Judge whether amounts can be forecast; None where nothing is sold."""
        return judge_value(settings, facts)


VALUE = Value()


def _read(context: Context) -> tuple[ValueSet, ValueSet]:
    """Return the rows of the training and of the test snapshots."""
    rows = value_set(context.settings, context.store, context.split.every)
    train, test = rows.at(context.split.train), rows.at(context.split.test)
    train.check("training")
    test.check("test")
    return train, test


def _fitted(context: Context, evaluation: Evaluation) -> Fitted[ValueModel]:
    """Return everything that is registered beside a model."""
    model, test, grading = evaluation.model, evaluation.rows, evaluation.grading
    protocol = _protocol(context, evaluation)
    some = test.rows(np.flatnonzero(~np.isnan(evaluation.forecast.next_days))[:_EXAMPLES])
    read = with_purchases(some.columns, len(some))
    columns = {name: read[name] for name in model.features}
    return Fitted(
        artifact=model,
        params=_params(model, protocol),
        metrics=_metrics(evaluation),
        grading=grading,
        card=reports.card(protocol, _measured(evaluation), grading).markdown(),
        pictures=_pictures(evaluation),
        example=pd.DataFrame(columns),
        output=pd.DataFrame(vars(model.forecast(columns, len(some)))),
        rows={"train": len(evaluation.train), "test": len(test)},
        left_out=model.origin.features_left_out,
    )


def _measured(evaluation: Evaluation) -> dict[str, Any]:
    grading = evaluation.grading
    return {
        "methods": evaluation.as_json(),
        "orders": evaluation.orders,
        "next_order": evaluation.next_order,
        "interval_coverage": evaluation.coverage,
        "grade": grading.grade,
        "grading": GRADE_RULE.as_json(grading),
    }


def _protocol(context: Context, evaluation: Evaluation) -> dict[str, Any]:
    """Return what the model was learned from, and what it is measured on."""
    model, test = evaluation.model, evaluation.rows
    return {
        "test_snapshots": [f"{t:%Y-%m-%d}" for t in context.split.test],
        "training_snapshots": list(model.origin.training_snapshots),
        "training_labels_end": f"{model.labels_end:%Y-%m-%d}",
        "training_rows": model.origin.training_rows,
        "horizon_days": model.horizon_days,
        "truth": "The amount of order lines with a quantity above 0 in [t, t + horizon), of customers with a purchase "
        "before t.",
        "interval": model.interval,
        "method": model.method,
        "few_customers": FEW,
        "trees": {"amount": model.amounts.rounds, "orders": model.orders.rounds, "next": model.next_order.rounds},
        "customers": len(test),
        "mean_spent": float(test.spent.mean()),
        "bought": float((test.orders > 0).mean()),
        "bootstrap_draws": ROUNDS,
        "feature_service": ValueSettings.service.name,
        "features": len(model.features),
        "features_left_out": list(model.origin.features_left_out),
        "data_fingerprint": context.built,
        "data_start": f"{context.schedule.data_start:%Y-%m-%d}",
        "data_end": f"{context.schedule.as_of:%Y-%m-%d}",
    }


def _params(model: ValueModel, protocol: dict[str, Any]) -> dict[str, object]:
    trained = protocol["training_snapshots"]
    return {
        **model.origin.parameters,
        "method": model.method,
        "horizon_days": model.horizon_days,
        "interval": model.interval,
        "features": protocol["features"],
        "training_labels_end": protocol["training_labels_end"],
        "features_left_out": ", ".join(protocol["features_left_out"]) or "none",
        "train_snapshots": f"{trained[0]} to {trained[-1]}",
    }


def _metrics(evaluation: Evaluation) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for method, values in evaluation.overall.points.items():
        metrics |= {f"{method}.{metric}": value for metric, value in values.items()}
    for method, found in evaluation.next_order["methods"].items():
        metrics[f"next_order.{method}.median_error_days"] = found["median_error_days"]["value"]
    model, test = evaluation.model, evaluation.rows
    return metrics | {
        f"{CHAMPION}.interval_coverage": evaluation.coverage["value"],
        "test.customers": len(test),
        "test.mean_spent": float(test.spent.mean()),
        "train.rows": len(evaluation.train),
        "trees": model.amounts.rounds,
    }


def _pictures(evaluation: Evaluation) -> "dict[str, Callable[[], Figure]]":
    truth = evaluation.rows.spent
    return {
        "lorenz": partial(pictures.lorenz_curves, truth, evaluation.methods),
        "deciles": partial(pictures.decile_bars, truth, evaluation.forecast),
    }
