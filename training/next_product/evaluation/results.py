"""What every training measures on the test snapshots: enough to grade, log and draw the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.arrays import Floats
from training.evaluation.lists import Measured, compare, ndcg_by_customer
from training.next_product.evaluation.views import TWO_STAGE, Exam, first_lists
from training.next_product.grade import Grading, grade
from training.next_product.probability import Promised, promised


@dataclass(frozen=True)
class Evaluation:
    """The exams of the test snapshots, one or more."""

    exams: Sequence[Exam]

    @cached_property
    def methods(self) -> dict[str, dict[str, Measured]]:
        """Lists of all products by date and method, beside the baselines that are only counted."""
        return {
            f"{exam.moment.snapshot:%Y-%m-%d}": compare(lists, exam.bought, exam.shelf)
            for exam, lists in zip(self.exams, self._lists, strict=True)
        }

    @cached_property
    def ndcg(self) -> dict[str, Floats]:
        """Per method NDCG@10 of each list of all snapshots, of customers who bought something."""
        parts = [
            {name: ndcg_by_customer(of, exam.bought) for name, of in lists.items()}
            for exam, lists in zip(self.exams, self._lists, strict=True)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    @cached_property
    def promised(self) -> dict[str, Promised]:
        """What was promised of the offers of all snapshots, and what was bought."""
        return together([promised(exam) for exam in self.exams])

    @cached_property
    def grading(self) -> Grading:
        """The grade by the NDCG of all lists and the calibration of their probabilities."""
        return grade(self.ndcg, self.promised["all"].measured()["ece"], TWO_STAGE)

    @cached_property
    def _lists(self) -> list[dict[str, list[np.ndarray]]]:
        return [first_lists(exam) for exam in self.exams]


def together(parts: Sequence[Mapping[str, Promised]]) -> dict[str, Promised]:
    """Join what was promised at several snapshots, list by list; a list that nobody got is left out."""
    joined = {
        name: Promised(
            np.concatenate([part[name].probabilities for part in parts]),
            np.concatenate([part[name].bought for part in parts]),
        )
        for name in parts[0]
    }
    return {name: one for name, one in joined.items() if len(one.bought)}


def averaged(dates: Mapping[str, Mapping[str, Measured]]) -> dict[str, dict[str, float]]:
    """Return every metric of a view but the gains, averaged over dates, by method."""
    found: dict[str, dict[str, float]] = {}
    for methods in dates.values():
        for method, of in methods.items():
            for metric, value in of.items():
                if isinstance(value, float):
                    means = found.setdefault(method, {})
                    means[metric] = means.get(metric, 0.0) + value / len(dates)
    return found


def flat(dates: Mapping[str, Mapping[str, Measured]]) -> dict[str, float]:
    """Name every metric of a view for MLflow: `method.metric` averaged over dates, and of each with its date."""
    metrics = {f"{method}.{metric}": value for method, of in averaged(dates).items() for metric, value in of.items()}
    for date, methods in dates.items():
        for method, of in methods.items():
            plain = {metric: value for metric, value in of.items() if isinstance(value, float)}
            metrics |= {f"{method}.{metric}.{date}": value for metric, value in plain.items()}
    return metrics
