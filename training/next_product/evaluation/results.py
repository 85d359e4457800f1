"""What every training measures on the test snapshots: enough to grade the model, log it and draw its pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.arrays import Floats, Ints
from training.evaluation.bootstrap import relative_gain
from training.evaluation.grade import GradeRule, Grading
from training.evaluation.lists import Measured, compare, ndcg_by_customer
from training.evaluation.metrics import expected_calibration_error
from training.next_product.catalogue import Codes
from training.next_product.evaluation.backtest import Backtest
from training.next_product.evaluation.views import TWO_STAGE, first_lists

GRADE_RULE = GradeRule(
    metric="NDCG@10",
    explanation="The grade compares the NDCG@10 of the offers with that of the best list that only counts, over all "
    "test snapshots.",
    unit="more",
    result="NDCG {improvement:+.0%} over {best_rule}",
    limits={"A": (0.08, 0.02), "B": (0.04, 0.04), "C": (0.01, 0.08)},
)


@dataclass(frozen=True)
class Outcomes:
    """Offers to active customers: the probability of each, and whether it was bought."""

    probabilities: Floats
    bought: Ints

    def measured(self) -> dict[str, float]:
        """Return the calibration error (15 bins of equal mass), the Brier score, and the number of offers.

        `predicted` and `observed` are the mean probability and the share that was bought.
        """
        return {
            "ece": expected_calibration_error(self.bought, self.probabilities),
            "brier": float(((self.probabilities - self.bought) ** 2).mean()),
            "predicted": float(self.probabilities.mean()),
            "observed": float(self.bought.mean()),
            "offers": float(len(self.bought)),
        }


@dataclass(frozen=True)
class Results:
    """The backtests of the test snapshots, one or more."""

    backtests: Sequence[Backtest]

    @cached_property
    def methods(self) -> dict[str, dict[str, Measured]]:
        """Lists of all products by date and method, beside the baselines that only count."""
        return {
            backtest.date: compare(lists, backtest.bought, backtest.items)
            for backtest, lists in zip(self.backtests, self._lists, strict=True)
        }

    @cached_property
    def ndcg(self) -> dict[str, Floats]:
        """Per method NDCG@10 of each list of all snapshots, of customers who bought something."""
        parts: dict[str, list[Floats]] = {}
        for backtest, lists in zip(self.backtests, self._lists, strict=True):
            for name, codes in lists.items():
                parts.setdefault(name, []).append(ndcg_by_customer(codes, backtest.bought))
        return {name: np.concatenate(values) for name, values in parts.items()}

    @cached_property
    def outcomes(self) -> dict[str, Outcomes]:
        """Ten offers to every active customer of all snapshots, for `all` and for `new_product` lists.

        A kind of list without any offer is left out.
        """
        parts = [outcomes_of(backtest) for backtest in self.backtests]
        joined = {
            name: Outcomes(
                probabilities=np.concatenate([part[name].probabilities for part in parts]),
                bought=np.concatenate([part[name].bought for part in parts]),
            )
            for name in parts[0]
        }
        return {name: outcomes for name, outcomes in joined.items() if len(outcomes.bought)}

    @cached_property
    def grading(self) -> Grading:
        """The grade by the NDCG of all lists and the calibration of their probabilities."""
        return grade(self.ndcg, self.outcomes["all"].measured())

    @cached_property
    def _lists(self) -> list[dict[str, list[Codes]]]:
        return [first_lists(backtest) for backtest in self.backtests]


def grade(ndcg: Mapping[str, Floats], measured: Mapping[str, float]) -> Grading:
    """Grade the offers by `GRADE_RULE`.

    Parameters
    ----------
    ndcg
        Per method NDCG@10 of each list, all methods in the same order of customers and snapshots.
    measured
        What `Outcomes.measured` returns of the offers.
    """
    means = {name: float(values.mean()) for name, values in ndcg.items()}
    best = max((name for name in means if name != TWO_STAGE), key=means.__getitem__)
    gain = relative_gain(ndcg[TWO_STAGE], ndcg[best])
    return GRADE_RULE.grade(
        means,
        model=TWO_STAGE,
        best_rule=best,
        gain=gain,
        improvement=gain.value,
        ece=measured["ece"],
        bias=measured["predicted"] - measured["observed"],
    )


def outcomes_of(backtest: Backtest) -> dict[str, Outcomes]:
    """Return the probabilities of ten offers to each customer, and which were bought, by kind of list."""
    outcomes = {}
    for name, lists in (("all", backtest.best_mix), ("new_product", backtest.never_bought)):
        probabilities: list[float] = []
        hits: list[bool] = []
        for chosen, bought in zip(lists, backtest.bought, strict=True):
            probabilities += [product.probability or 0.0 for product in chosen]
            hits += [product.code in bought.codes for product in chosen]
        outcomes[name] = Outcomes(np.array(probabilities), np.array(hits, dtype="int64"))
    return outcomes


def averaged(dates: Mapping[str, Mapping[str, Measured]]) -> dict[str, dict[str, float]]:
    """Return every metric of a view but the gains, averaged over dates, by method."""
    means: dict[str, dict[str, float]] = {}
    for methods in dates.values():
        for method, metrics in methods.items():
            for metric, value in _plain(metrics).items():
                of_method = means.setdefault(method, {})
                of_method[metric] = of_method.get(metric, 0.0) + value / len(dates)
    return means


def flat(dates: Mapping[str, Mapping[str, Measured]]) -> dict[str, float]:
    """Name every metric of a view for MLflow: `method.metric` averaged over dates, and of each with its date."""
    named: dict[str, float] = {}
    for method, means in averaged(dates).items():
        named |= {f"{method}.{metric}": value for metric, value in means.items()}
    for date, methods in dates.items():
        for method, metrics in methods.items():
            named |= {f"{method}.{metric}.{date}": value for metric, value in _plain(metrics).items()}
    return named


def _plain(metrics: Measured) -> dict[str, float]:
    return {metric: value for metric, value in metrics.items() if isinstance(value, float)}
