"""The churn champion beside its baselines: overall, by snapshot and by slice, with intervals; and its grade."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from core.arrays import Rows
from core.progress import Report, silent
from features.snapshots import Split
from training.churn.baselines import baselines
from training.churn.dataset import ChurnSet
from training.churn.model import ChurnModel
from training.churn.rules import best_rule
from training.churn.slices import Slices
from training.churn.split import OPTIMISTIC
from training.evaluation.bootstrap import Draws
from training.evaluation.grade import GradeRule, Grading
from training.evaluation.metrics import Scored, bootstrap, measure

CHAMPION = "champion"
#: With fewer customers than this at the newest training snapshot, the grade is shown with the interval of the AUC.
UNCERTAIN = 1_000
GRADE_RULE = GradeRule(
    metric="AUC",
    explanation="The grade compares the champion with the best rule that needs no model. Removed is the share of the "
    "rule's ranking errors (1 - AUC) that the champion does not make.",
    unit="removed",
    result="{improvement:.0%} of the ranking errors of the rule {best_rule} removed",
    limits={"A": (0.30, 0.02), "B": (0.20, 0.04), "C": (0.05, 0.08)},
)


@dataclass(frozen=True)
class Evaluation:
    """The scores of the champion and every baseline for the test rows, and how good they are."""

    rows: ChurnSet
    methods: dict[str, Scored]
    overall: Draws

    @property
    def grading(self) -> Grading:
        """The grade of the champion."""
        return grade(self.overall, float((self.methods[CHAMPION].scores - self.rows.churned).mean()))

    def point(self, method: str, mask: Rows) -> dict[str, float]:
        """Measure one method on a part of the rows; nothing where all or none of them churned."""
        labels = self.rows.churned[mask]
        return measure(labels, self.methods[method].at(mask)) if 0 < labels.sum() < len(labels) else {}

    def part(self, mask: Rows) -> dict[str, Any]:
        """Measure every method on a part of the rows, with intervals."""
        methods = {name: scored.at(mask) for name, scored in self.methods.items()}
        return bootstrap(self.rows.churned[mask], methods, self.rows.customers[mask]).as_json()


def evaluate(model: ChurnModel, *, train: ChurnSet, test: ChurnSet) -> Evaluation:
    """Fit the baselines on the training rows and measure everything on the same test rows."""
    risk = model.risk(model.inputs(test.columns, len(test)))
    methods = {CHAMPION: Scored(risk, risk), **baselines(train=train, rows=test, definition=model.definition)}
    return Evaluation(test, methods, bootstrap(test.churned, methods, test.customers))


def grade(overall: Draws, bias: float = 0.0) -> Grading:
    """Grade the champion by `GRADE_RULE`.

    Parameters
    ----------
    bias
        Mean risk less the churn rate.
    """
    auc = {name: metrics["roc_auc"] for name, metrics in overall.points.items()}
    best = best_rule(overall)
    gain = overall.gain("roc_auc", CHAMPION, best)
    return GRADE_RULE.grade(
        auc,
        model=CHAMPION,
        best_rule=best,
        gain=gain,
        improvement=gain.value / (1 - auc[best]) if auc[best] < 1 else 0.0,
        ece=overall.points[CHAMPION]["ece"],
        bias=bias,
    )


def caveats(model: ChurnModel, split: Split, train: ChurnSet, overall: Draws) -> str | None:
    """Return what a reader has to know beside the grade: how it was split, that it is a rule, how uncertain it is."""
    found = [OPTIMISTIC] if split.by_customers else []
    if model.rule is not None:
        found.append(f"{model.method}: nothing learned beats it")
    if train.customers_at_last < UNCERTAIN:
        auc = overall.estimates()[CHAMPION]["roc_auc"]
        found.append(f"few customers: AUC {auc.low:.2f} to {auc.high:.2f}")
    return "; ".join(found) or None


def by_snapshot(evaluation: Evaluation, report: Report = silent) -> dict[str, Any]:
    """Measure at each test snapshot on its own."""
    parts = {}
    moments = np.unique(evaluation.rows.snapshots)
    for number, moment in enumerate(moments):
        date = str(moment.astype("datetime64[D]"))
        report(number / len(moments), date)
        parts[date] = evaluation.part(evaluation.rows.snapshots == moment)
    return parts


def by_slice(evaluation: Evaluation, slices: Slices, report: Report = silent) -> dict[str, Any]:
    """Measure in each group of each slice."""
    parts: dict[str, Any] = {}
    for number, (name, groups) in enumerate(slices.items()):
        report(number / len(slices), f"by {name}")
        parts[name] = {group: evaluation.part(mask) for group, mask in groups.items()}
    return parts
