"""A version on the customers of experiments, each by parts that did not see them: ranking, tenths and grade."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from core.arrays import Floats
from training.evaluation.bootstrap import Estimate
from training.evaluation.grade import GradeRule, Grading
from training.uplift.action import ActionModel, ActionUplift
from training.uplift.experiment import Experiment
from training.uplift.folds import folds_of
from training.uplift.learners import LEARNERS
from training.uplift.qini import BUDGETS, Measured, Ranking, measure
from training.uplift.tenths import Tenths, tenths_of

#: Orders in which customers could be contacted. `outcome` is the expected revenue without a contact, `risk_x_value` the
#: expected loss of revenue.
Order = Literal["lift", "risk", "outcome", "risk_x_value"]
LIFT: Order = "lift"
RANDOM = "random"
GRADE_RULE = GradeRule(
    metric="Qini",
    explanation="The grade compares contacting customers by predicted lift with contacting as many by lot. Better is "
    "by how many points of all customers the action retains more of the fifth with the highest predicted lift than of "
    "everybody; the calibration error is the mean distance between predicted and actual lift over its tenths.",
    unit="better",
    result="{improvement:.1%} more retained in the fifth with the highest predicted lift than by {best_rule}",
    limits={"A": (0.05, 0.05), "B": (0.02, 0.08), "C": (0.0, 0.2)},
)


@dataclass(frozen=True)
class Subject:
    """An action of a version on the rows of its experiment.

    Attributes
    ----------
    inputs
        Of the rows of the experiment, rows x inputs of the version.
    """

    model: ActionModel
    rows: Experiment
    inputs: Floats

    @property
    def action(self) -> str:
        """Its name."""
        return self.rows.action

    @cached_property
    def answers(self) -> ActionUplift:
        """What parts say of each row that did not see its customer."""
        return self.model.unseen(self.inputs, folds_of(self.rows.customers, self.model.folds))

    @cached_property
    def scores(self) -> Floats:
        """See `Experiment.scores`."""
        return self.rows.scores(self.answers.base, self.answers.lift)

    @cached_property
    def values(self) -> Mapping[Order, Floats]:
        """By which customers are ordered, the highest first."""
        one = self.answers
        found: dict[Order, Floats] = {"lift": one.lift, "risk": 1 - one.base}
        if not np.isnan(one.revenue).all():
            found |= {"outcome": one.base * one.revenue, "risk_x_value": (1 - one.base) * one.revenue}
        return found

    @cached_property
    def rankings(self) -> Mapping[Order, Ranking]:
        """The same as rankings."""
        return {name: Ranking.by(values, self.scores, self.rows.places) for name, values in self.values.items()}

    @cached_property
    def tenths(self) -> Tenths:
        """Predicted and actual effect by tenth of predicted lift."""
        return tenths_of(self.answers.lift, self.scores)


@dataclass(frozen=True)
class Evaluation:
    """A version on a set of customers.

    Attributes
    ----------
    customers
        Of all rows of the set.
    subjects
        One for each action that the version and the set have, at least one.
    """

    customers: npt.NDArray[np.object_]
    subjects: tuple[Subject, ...]
    grades: GradeRule = field(default=GRADE_RULE)

    @cached_property
    def measured(self) -> Measured[tuple[str, Order]]:
        """Every ranking of every action. Intervals hold for all learners that were tried and all actions together."""
        rankings = {(one.action, name): rank for one in self.subjects for name, rank in one.rankings.items()}
        return measure(self.customers, rankings, questions=len(LEARNERS) * len(self.subjects))

    @property
    def accepted(self) -> tuple[str, ...]:
        """The actions whose ranking by lift gains more than one by lot."""
        return tuple(one.action for one in self.subjects if self.measured.estimate((one.action, LIFT)).low > 0)

    @property
    def main(self) -> Subject:
        """The accepted action with the most rows, which the grade is of; without an accepted one that with the most."""
        return max(self.subjects, key=lambda one: (one.action in self.accepted, len(one.rows)))

    @property
    def grading(self) -> Grading:
        """The grade of the version."""
        one = self.main
        orders: dict[str, float] = {name: float(self.measured.points[one.action, name][0]) for name in one.rankings}
        grading = self.grades.grade(
            orders | {RANDOM: 0.0},
            model=LIFT,
            best_rule=RANDOM,
            gain=self.measured.estimate((one.action, LIFT)),
            improvement=one.tenths.top_fifth,
            ece=one.tenths.error,
            bias=one.tenths.bias,
        )
        return grading if self.accepted else replace(grading, grade="D")

    @property
    def objection(self) -> str | None:
        """Why the version must not answer; None where the ranking of an action gains more than one by lot."""
        if self.accepted:
            return None
        said = " ".join(self._nothing_gained(one) for one in self.subjects)
        return (
            f"{said} Nothing is known yet about whom an action changes more than others. Assign more customers, "
            "or longer, and keep a holdout; until then value at risk ranks."
        )

    def _nothing_gained(self, one: Subject) -> str:
        found = self.measured.estimate((one.action, LIFT))
        return (
            f"Choosing whom to contact with {one.action} by predicted lift gains no more than drawing lots, as far as "
            f"{len(one.rows):,} customers show: its Qini coefficient is {found.value:+.4f} ({found.low:+.4f} to "
            f"{found.high:+.4f}), and the interval does not lie above 0."
        )

    def budgets(self, action: str, order: Order) -> dict[str, Estimate]:
        """Return what contacting each share of the customers in an order gains over as many by lot."""
        return {
            f"{share:.0%}": self.measured.estimate((action, order), place)
            for place, share in enumerate(BUDGETS, start=1)
        }
