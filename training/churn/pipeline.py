"""The churn model as the runner, serving and the data check know it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from core.progress import Report, part_of
from core.settings import Settings
from features.categories import Attributes
from features.services import ModelSettings
from features.settings import CustomerSettings
from features.store.feature_store import Store
from features.views.profile import ATTRIBUTE
from training.churn import report as reports
from training.churn.comparison import compare_churn
from training.churn.dataset import ChurnSet, churn_set
from training.churn.definition import check_definition
from training.churn.evaluation import (
    CHAMPION,
    GRADE_RULE,
    Evaluation,
    by_slice,
    by_snapshot,
    caveats,
    evaluate,
)
from training.churn.fit import fit
from training.churn.giveaways import check_giveaways
from training.churn.labelled import check_not_the_label
from training.churn.labels import outcomes
from training.churn.leakage import leakage_report, signs_of
from training.churn.model import ChurnModel
from training.churn.observed import observe
from training.churn.pictures import bar, beeswarm
from training.churn.readiness import judge_churn
from training.churn.recalibration import newest_labels, recalibrated
from training.churn.settings import ChurnSettings
from training.churn.slices import sizes, slices_of
from training.churn.split import caveat_of, groups
from training.churn.trees import Trees
from training.churn.tuning import tune_churn, tuned_parameters
from training.evaluation.bootstrap import ROUNDS
from training.evaluation.comparison import Comparison
from training.evaluation.grade import Grading
from training.evaluation.plots import calibration_curve, lift_and_gain
from training.evaluation.sheet import Headline, Sheet
from training.model import Context, Fitted, Observed, Tuned
from training.readiness.facts import DataFacts
from training.readiness.fitness import Fitness

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class _Rows:
    """Rows by what they are for."""

    everything: ChurnSet
    train: ChurnSet
    validation: ChurnSet
    test: ChurnSet


class Churn:
    """Which active customers are about to leave."""

    settings: ClassVar[type[ModelSettings]] = ChurnSettings
    artifact: ClassVar[type[Any]] = ChurnModel
    room: ClassVar[str] = "training.churn"
    pyfunc: ClassVar[str] = ChurnModel.__module__

    def depends_on(self, settings: Settings) -> Sequence[object]:
        """Return the definition, the attributes that are inputs, and LightGBM's parameters."""
        customers = settings[CustomerSettings]
        read = customers.model_attributes, customers.numeric_attributes, customers.categorical_attributes
        return settings[ChurnSettings].learned, read, tuned_parameters(settings)

    def fit(self, context: Context, report: Report) -> Fitted[ChurnModel]:
        """Fit on the training snapshots, calibrate on the validation snapshots, measure on the test snapshots.

        Raises
        ------
        DataError
            If there are too few customers, all or none of them churned, or an attribute gives the label away.
        """
        settings = context.settings
        if settings[ChurnSettings].kind == "labelled":
            check_not_the_label(settings)
            check_giveaways(settings, context.split.every)
        parameters = tuned_parameters(settings)
        report(0.0, "point-in-time training set")
        rows = _read(context)
        report(0.4, "model")
        model = fit(
            train=rows.train,
            validation=rows.validation,
            churn=settings[ChurnSettings],
            threads=settings.threads,
            parameters=parameters,
            by_customers=context.split.by_customers,
        )
        report(0.6, "test snapshots")
        return _fitted(context, model, rows)

    def recalibrate(self, context: Context, artifact: ChurnModel, report: Report) -> Fitted[ChurnModel] | None:
        """Fit the calibration to the newest snapshots whose labels end by the last test snapshot; measure on that one.

        Returns
        -------
        None for labels of the business, which are not split by time, and where no label is newer than those the
        version knows.
        """
        churn, split = context.settings[ChurnSettings], context.split
        newest = newest_labels(context.schedule, split, churn, artifact.labels_end)
        if split.by_customers or not newest:
            return None
        report(0.0, "newest labels")
        rows = _read(context, artifact.attributes)
        labelled = churn_set(context.settings, context.store, newest, artifact.attributes)
        labelled.check("newest")
        report(0.7, "last test snapshot")
        model = recalibrated(artifact, labelled, newest, churn)
        last = replace(context, split=replace(split, test=split.test[-1:]))
        rows = replace(rows, validation=labelled, test=rows.test.at(split.test[-1:]))
        return _fitted(last, model, rows)

    def check(self, label: str, artifact: ChurnModel, settings: Settings) -> None:
        """Refuse a version that was trained for another churn definition.

        Raises
        ------
        StateError
            If the definition of the settings is another one.
        """
        check_definition(label, artifact.definition, settings[ChurnSettings])

    def evaluate(self, context: Context, label: str, artifact: ChurnModel, report: Report) -> dict[str, Any]:
        """Measure a version and every baseline on the same customers of the test snapshots.

        Returns
        -------
        `{"protocol": …, "methods": {method: {metric: {"value", "low", "high"}}}, "by_snapshot": {date: methods},
        "by_slice": {slice: {group: methods}}, "grade": …, "grading": …, "leakage": …}`, intervals from 200
        bootstrap draws of customers.
        """
        settings = context.settings
        report(0.0, "point-in-time sets")
        rows = _read(context, artifact.attributes)
        report(0.1, "all test rows")
        evaluation = evaluate(artifact, train=rows.train, test=rows.test)
        slices = slices_of(settings, rows.test)
        grading = _graded(context, artifact, rows, evaluation)
        protocol = _protocol(context, artifact, rows.test)
        return {
            "protocol": {"model": label, **protocol, "slices": sizes(rows.test, slices)},
            "methods": evaluation.overall.as_json(),
            "by_snapshot": by_snapshot(evaluation, part_of(report, 0.2, 0.5)),
            "by_slice": by_slice(evaluation, slices, part_of(report, 0.5, 0.95)),
            "grade": grading.grade,
            "grading": GRADE_RULE.as_json(grading),
            "leakage": leakage_report(
                artifact, everything=rows.everything, test=rows.test, churn=settings[ChurnSettings]
            ),
        }

    def compare(self, context: Context, challenger: ChurnModel, champion: ChurnModel, report: Report) -> Comparison:
        """Measure two versions on the same customers of the test snapshots."""
        report(0.0, "test snapshots")
        ours, theirs = (_read_test(context, model) for model in (challenger, champion))
        report(0.6, "draws")
        return compare_churn((challenger, ours), (champion, theirs), slices_of(context.settings, ours))

    def sheets(self, evaluation: Mapping[str, Any]) -> Sequence[Sheet]:
        """Return methods, slices and signs of leakage as tables."""
        return reports.sheets(evaluation)

    def headlines(self, metrics: Mapping[str, float]) -> Sequence[Headline]:
        """Return churn rate, AUC and average precision."""
        return reports.headlines(metrics)

    def outcomes(self, settings: Settings, asked: pd.DataFrame) -> pd.DataFrame:
        """Return who of those that were asked about churned."""
        return outcomes(settings, asked)

    def judge(self, settings: Settings, facts: DataFacts) -> Fitness | None:
        """Judge whether churn can be learned, and recommend a definition."""
        return judge_churn(settings, facts)

    def learned_at(self, artifact: ChurnModel) -> Sequence[datetime]:
        """Return the training snapshots of a version."""
        return [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in artifact.origin.training_snapshots]

    def observe(
        self, settings: Settings, store: Store, artifact: ChurnModel, snapshots: Sequence[datetime]
    ) -> Observed:
        """Return inputs and risks of the customers who are active at snapshots."""
        return observe(settings, store, artifact, snapshots)

    def tune(self, settings: Settings, trials: int, report: Report) -> Tuned:
        """Search LightGBM's parameters on time-ordered folds before the test snapshots."""
        return tune_churn(settings, trials, report)


CHURN = Churn()


def _fitted(context: Context, model: ChurnModel, rows: _Rows) -> Fitted[ChurnModel]:
    """Measure a model on the test rows, and return everything that is registered beside it."""
    settings = context.settings
    evaluation = evaluate(model, train=rows.train, test=rows.test)
    grading = _graded(context, model, rows, evaluation)
    protocol = _protocol(context, model, rows.test)
    inputs = model.inputs(rows.test.columns, len(rows.test))[:3]
    return Fitted(
        artifact=model,
        params=_params(settings, model, protocol),
        metrics=_metrics(context.split.test, model, rows, evaluation),
        grading=grading,
        card=reports.card(protocol, evaluation.overall.as_json(), grading).markdown(),
        pictures=_pictures(model, evaluation),
        example=pd.DataFrame(inputs, columns=list(model.features)),
        output=pd.DataFrame({"risk": model.risk(inputs)}),
        rows={"train": len(rows.train), "validation": len(rows.validation), "test": len(rows.test)},
        left_out=model.origin.features_left_out,
        signs=signs_of(
            model,
            evaluation.overall.estimates()[CHAMPION]["roc_auc"],
            train=rows.train,
            validation=rows.validation,
            test=rows.test,
            trusted=settings[ChurnSettings].trusted_features,
        ),
    )


def _read(context: Context, attributes: Attributes | None = None) -> _Rows:
    split = context.split
    everything = churn_set(context.settings, context.store, split.every, attributes, split)
    of_group = groups(split, everything.customers, everything.snapshots)
    rows = _Rows(
        everything=everything,
        train=everything.rows(of_group["train"]),
        validation=everything.rows(of_group["validation"]),
        test=everything.rows(of_group["test"]),
    )
    churn = context.settings[ChurnSettings]
    for name, part in (("training", rows.train), ("validation", rows.validation), ("test", rows.test)):
        part.check(name, labelled=churn.kind == "labelled", renewal=churn.renewal)
    return rows


def _read_test(context: Context, model: ChurnModel) -> ChurnSet:
    """Return the test rows as a version reads them."""
    rows = churn_set(context.settings, context.store, context.split.test, model.attributes)
    tests = rows.rows(groups(context.split, rows.customers, rows.snapshots)["test"])
    churn = context.settings[ChurnSettings]
    tests.check("test", labelled=churn.kind == "labelled", renewal=churn.renewal)
    return tests


def _graded(context: Context, model: ChurnModel, rows: _Rows, evaluation: Evaluation) -> Grading:
    caveat = caveats(model, context.split, rows.train, evaluation.overall)
    return replace(evaluation.grading, caveat=caveat)


def _protocol(context: Context, model: ChurnModel, test: ChurnSet) -> dict[str, Any]:
    """Return what the model was learned from, and what it is measured on."""
    origin = model.origin
    return {
        "test_snapshots": [f"{t:%Y-%m-%d}" for t in context.split.test],
        "validation_snapshots": list(origin.validation_snapshots),
        "training_snapshots": list(origin.training_snapshots),
        "training_labels_end": f"{model.labels_end:%Y-%m-%d}",
        "training_rows": origin.training_rows,
        "definition": asdict(model.definition),
        "method": model.method,
        "rule": model.rule,
        "split": "customers" if context.split.by_customers else "time",
        "caveat": caveat_of(context.split),
        "customers": len(test),
        "churn_rate": float(test.churned.mean()),
        "bootstrap_draws": ROUNDS,
        "feature_service": ChurnSettings.service.name,
        "features": len(model.features),
        "attributes": [name.removeprefix(ATTRIBUTE) for name in model.features if name.startswith(ATTRIBUTE)],
        "features_left_out": list(origin.features_left_out),
        "data_fingerprint": context.built,
        "data_start": f"{context.schedule.data_start:%Y-%m-%d}",
        "data_end": f"{context.schedule.as_of:%Y-%m-%d}",
    }


def _params(settings: Settings, model: ChurnModel, protocol: dict[str, Any]) -> dict[str, object]:
    return {
        **model.origin.parameters,
        "method": model.method,
        **settings[ChurnSettings].learned,
        "features": protocol["features"],
        "split": protocol["split"],
        "training_labels_end": protocol["training_labels_end"],
        "features_left_out": ", ".join(protocol["features_left_out"]) or "none",
        "train_snapshots": f"{protocol['training_snapshots'][0]} to {protocol['training_snapshots'][-1]}",
    }


def _metrics(tests: Sequence[datetime], model: ChurnModel, rows: _Rows, evaluation: Evaluation) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for method, values in evaluation.overall.points.items():
        metrics |= {f"{method}.{metric}": value for metric, value in values.items()}
    for moment in tests:
        at_moment = evaluation.point(CHAMPION, rows.test.mask([moment]))
        metrics |= {f"{CHAMPION}.{metric}.{moment:%Y-%m-%d}": value for metric, value in at_moment.items()}
    return metrics | {
        "test.customers": len(rows.test),
        "test.churn_rate": float(rows.test.churned.mean()),
        "train.rows": len(rows.train),
        "trees": model.scorer.booster.num_trees() if isinstance(model.scorer, Trees) else 0,
    }


def _pictures(model: ChurnModel, evaluation: Evaluation) -> "dict[str, Callable[[], Figure]]":
    rows = evaluation.rows
    inputs = model.inputs(rows.columns, len(rows))
    shuffled = inputs[np.random.default_rng(7).permutation(len(inputs))]
    risk = evaluation.methods[CHAMPION].scores
    curves = {CHAMPION: (risk, rows.churned)}
    return {
        "calibration": partial(calibration_curve, curves, "predicted risk", "share who churned"),
        "lift_and_gain": partial(lift_and_gain, rows.churned, evaluation.methods, "churners"),
        "shap_beeswarm": partial(beeswarm, model, shuffled),
        "shap_bar": partial(bar, model, shuffled),
    }
