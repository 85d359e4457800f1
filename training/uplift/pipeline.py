"""The uplift model as the runner, serving and the data check know it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from core.errors import DataError
from core.progress import Report, part_of
from core.settings import Settings
from features.services import ModelSettings
from features.settings import CustomerSettings
from training.evaluation.comparison import Comparison
from training.evaluation.sheet import Headline, Sheet
from training.model import Context, Fitted
from training.readiness.facts import DataFacts
from training.readiness.fitness import Fitness
from training.uplift import pictures
from training.uplift import report as reports
from training.uplift.comparison import compare_uplift, subjects_of
from training.uplift.dataset import UpliftSet, known_outcomes, learn, uplift_set
from training.uplift.diagnostic import diagnose
from training.uplift.evaluation import GRADE_RULE, LIFT, Evaluation, Subject
from training.uplift.fit import fit_action
from training.uplift.folds import folds_of
from training.uplift.grow import PARAMETERS
from training.uplift.model import UpliftModel, answers_frame, check_horizon
from training.uplift.readiness import judge_uplift
from training.uplift.settings import UpliftSettings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_EXAMPLES = 3


class Uplift:
    """Whom a contact changes."""

    settings: ClassVar[type[ModelSettings]] = UpliftSettings
    artifact: ClassVar[type[Any]] = UpliftModel
    room: ClassVar[str] = "training.uplift"
    pyfunc: ClassVar[str] = UpliftModel.__module__

    def depends_on(self, settings: Settings) -> Sequence[object]:
        """Return the horizon, the folds, how attributes are read, and LightGBM's parameters."""
        return settings[UpliftSettings].learned, PARAMETERS

    def waits(self, context: Context) -> str | None:
        """Return why nothing can be learned yet, such as a campaign whose outcomes are not known; None where it can."""
        known = known_outcomes(context.settings, context.split)
        return None if known.enough else known.too_little

    def fit(self, context: Context, report: Report) -> Fitted[UpliftModel]:
        """Learn the effect of every action, each customer being measured by parts that did not see them.

        Raises
        ------
        DataError
            If no action has enough known outcomes.
        """
        report(0.0, "assignments and outcomes")
        rows = uplift_set(context.settings, context.store, context.split)
        model = fit_uplift(rows, context.settings, part_of(report, 0.2, 0.9))
        report(0.9, "rankings")
        evaluation = Evaluation(rows.customers, subjects_of(model, rows))
        accepted = tuple(replace(one, accepted=one.action in evaluation.accepted) for one in model.learned)
        model = replace(model, learned=accepted, objection=evaluation.objection)
        return _fitted(context, rows, model, evaluation)

    def check(self, label: str, artifact: UpliftModel, settings: Settings) -> None:
        """Refuse a version that answers for another number of days.

        Raises
        ------
        StateError
            If it does.
        """
        check_horizon(label, artifact, settings[UpliftSettings])

    def evaluate(self, context: Context, label: str, artifact: UpliftModel, report: Report) -> dict[str, Any]:
        """Measure a version on all customers with known outcomes, by parts that did not see them.

        Returns
        -------
        `{"protocol": …, "actions": {action: {"rows", "controls", "learner", "learners": {learner: {"value", "low",
        "high"}}, "orders": {order: {"qini", "at_budgets": {share: …}}}, "tenths", "effect", "diagnostic": {"verdict",
        "text", "gain", "at_budgets"}}}, "graded", "objection", "grade", "grading"}`. `orders` are of predicted lift,
        risk, expected revenue and risk x value, each less what as many contacts by lot gain.
        """
        report(0.0, "assignments and outcomes")
        rows = uplift_set(context.settings, context.store, context.split)
        report(0.5, "rankings")
        subjects = subjects_of(artifact, rows)
        if not subjects:
            known = ", ".join(one.action for one in artifact.learned)
            raise DataError(
                f"Expected outcomes of an action that {label} knows ({known}), "
                f"found those of {', '.join(one.action for one in rows.experiments)}.",
                "Run `encore train uplift`.",
            )
        evaluation = Evaluation(rows.customers, subjects)
        return {"protocol": {"model": label, **_protocol(context, rows, artifact)}, **_measured(evaluation)}

    def compare(self, context: Context, challenger: UpliftModel, champion: UpliftModel, report: Report) -> Comparison:
        """Measure two versions on the same customers, each by parts that did not see them."""
        report(0.0, "assignments and outcomes")
        rows = uplift_set(context.settings, context.store, context.split)
        report(0.5, "draws")
        return compare_uplift(challenger, champion, rows)

    def sheets(self, evaluation: Mapping[str, Any]) -> Sequence[Sheet]:
        """Return rankings and tenths as tables."""
        return reports.sheets(evaluation)

    def headlines(self, metrics: Mapping[str, float]) -> Sequence[Headline]:
        """Return the Qini coefficient beside that of risk, and the effect on those who are changed most."""
        return reports.headlines(metrics)

    def outcomes(self, settings: Settings, asked: pd.DataFrame) -> pd.DataFrame:
        """Return none: the difference that an action makes to one customer is never observed."""
        del settings
        return asked.iloc[:0].assign(outcome=0)

    def judge(self, settings: Settings, facts: DataFacts) -> Fitness | None:
        """Judge whether effects can be learned; None where nobody was assigned to a campaign."""
        return judge_uplift(settings, facts)


UPLIFT = Uplift()


def fit_uplift(rows: UpliftSet, settings: Settings, report: Report) -> UpliftModel:
    """Learn the effect of every action that has enough known outcomes; what it gains is not measured yet."""
    attributes = learn(rows.features, settings[CustomerSettings])
    columns = rows.columns(attributes)
    usable, left_out = rows.usable(columns)
    uplift = settings[UpliftSettings]
    model = UpliftModel((), usable, attributes, uplift.horizon_days, rows.first, left_out=left_out)
    inputs = model.matrix(columns, {}, len(rows))
    learned = []
    for number, one in enumerate(rows.experiments):
        progress = part_of(report, number / len(rows.experiments), (number + 1) / len(rows.experiments))
        folds = folds_of(one.customers, uplift.folds)
        learned.append(fit_action(one, inputs[one.places], folds, settings.threads, progress))
    return replace(model, learned=tuple(learned))


def _fitted(context: Context, rows: UpliftSet, model: UpliftModel, evaluation: Evaluation) -> Fitted[UpliftModel]:
    """Return everything that is registered beside a model."""
    protocol, measured, grading = _protocol(context, rows, model), _measured(evaluation), evaluation.grading
    main = evaluation.main
    example = pd.DataFrame(main.inputs[:_EXAMPLES], columns=list(model.inputs))
    return Fitted(
        artifact=model,
        params={
            **{f"{one.action}.learner": one.learner for one in model.learned},
            **{name: protocol[name] for name in ("horizon_days", "folds", "features")},
            "campaigns": ", ".join(protocol["campaigns"]),
        },
        metrics=_metrics(evaluation, measured),
        grading=grading,
        card=reports.card(protocol, measured, grading).markdown(),
        pictures=_pictures(evaluation),
        example=example,
        output=answers_frame({main.action: main.model.predict(main.inputs[:_EXAMPLES])}),
        rows={"train": len(rows), "test": len(rows)},
        left_out=model.left_out,
    )


def _protocol(context: Context, rows: UpliftSet, model: UpliftModel) -> dict[str, Any]:
    """Return what was learned from and measured on."""
    return {
        "horizon_days": model.horizon_days,
        "assignments": len(rows),
        "customers": len(set(rows.customers)),
        "campaigns": sorted({str(one) for one in rows.assigned.campaigns}),
        "campaigns_left_out": dict(rows.left_out),
        "first_snapshot": f"{rows.first:%Y-%m-%d}",
        "folds": max(one.folds for one in model.learned),
        "feature_service": UpliftSettings.service.name,
        "features": len(model.inputs),
        "features_left_out": list(model.left_out),
        "data_fingerprint": context.built,
    }


def _measured(evaluation: Evaluation) -> dict[str, Any]:
    grading = evaluation.grading
    return {
        "actions": {one.action: _action(evaluation, one) for one in evaluation.subjects},
        "graded": evaluation.main.action,
        "objection": evaluation.objection,
        "grade": grading.grade,
        "grading": GRADE_RULE.as_json(grading),
    }


def _action(evaluation: Evaluation, one: Subject) -> dict[str, Any]:
    orders = {
        name: {
            "qini": asdict(evaluation.measured.estimate((one.action, name))),
            "at_budgets": {share: asdict(gain) for share, gain in evaluation.budgets(one.action, name).items()},
        }
        for name in one.rankings
    }
    return {
        "rows": len(one.rows),
        "controls": int((~one.rows.treated).sum()),
        "learner": one.model.learner,
        "learners": {learner: asdict(qini) for learner, qini in one.model.qini.items()},
        "orders": orders,
        "tenths": asdict(one.tenths),
        "effect": float(np.mean(one.scores)),
        "diagnostic": diagnose(evaluation, one).as_json(),
    }


def _metrics(evaluation: Evaluation, measured: Mapping[str, Any]) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for one in evaluation.subjects:
        found = measured["actions"][one.action]
        for name, order in found["orders"].items():
            metrics[f"{one.action}.{name}.qini"] = order["qini"]["value"]
        gain = found["diagnostic"]["gain"]
        metrics |= {
            f"{one.action}.{LIFT}.qini_low": found["orders"][LIFT]["qini"]["low"],
            f"{one.action}.risk_is_wrong": float(found["diagnostic"]["verdict"] == "wrong"),
            f"{one.action}.gain_over_risk": gain["value"],
            f"{one.action}.gain_over_risk_low": gain["low"],
            f"{one.action}.effect": found["effect"],
            f"{one.action}.effect_top_fifth": found["effect"] + one.tenths.top_fifth,
            f"{one.action}.customers": float(len(one.rows)),
        }
    return metrics


def _pictures(evaluation: Evaluation) -> "dict[str, Callable[[], Figure]]":
    drawn: dict[str, Callable[[], Figure]] = {}
    for one in evaluation.subjects:
        drawn[f"qini_{one.action}"] = partial(pictures.qini_curves, evaluation, one)
        drawn[f"tenths_{one.action}"] = partial(pictures.tenth_bars, one.action, one.tenths)
        drawn[f"is_risk_right_{one.action}"] = partial(pictures.ranking_bars, diagnose(evaluation, one))
    return drawn
