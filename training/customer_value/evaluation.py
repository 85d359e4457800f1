"""The value champion beside its baselines, with intervals; its next orders; and its grade."""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from core.arrays import Floats
from training.customer_value.baselines import RULES, baselines, next_baselines
from training.customer_value.dataset import ValueSet
from training.customer_value.model import Forecast, ValueModel
from training.customer_value.start import with_purchases
from training.evaluation.amounts import ACCURACY, METRICS, bootstrap, drawn_estimate, measure
from training.evaluation.bootstrap import Draws
from training.evaluation.grade import GradeRule, Grading

CHAMPION = "champion"
#: The metric that decides: it is the mean absolute error, without a currency and better where it is higher, as the gate
#: wants it. Ranks of customers who are gone are chance, and the Gini hangs on the few largest customers.
DECIDING = ACCURACY
#: Most of the error of a rule is chance, such as a purchase more or less, which nobody removes.
GRADE_RULE = GradeRule(
    metric="accuracy",
    explanation="The grade compares the champion with the best rule that needs no model. Accuracy is 1 less the mean "
    "absolute error over the mean amount; removed is the share of the rule's mean absolute error that the champion "
    "does not have; the calibration error is the error over deciles of the forecast.",
    unit="removed",
    result="{improvement:.1%} of the mean absolute error of the rule {best_rule} removed",
    limits={"A": (0.10, 0.05), "B": (0.03, 0.08), "C": (0.01, 0.15)},
    sizes="amounts",
    verb="forecasts",
)
NEXT_PROTOCOL = (
    "Customers of the test snapshots who ordered again within the horizon, and of whom the champion expects it. Those "
    "who did not come back are left out, which favours rules that expect everybody: of them there is no day to be off "
    "from. Measured is the median of the days that a forecast is off."
)


@dataclass(frozen=True)
class Evaluation:
    """The forecasts of the champion and of every baseline for the test rows, and how good they are."""

    model: ValueModel
    train: ValueSet
    rows: ValueSet

    @cached_property
    def forecast(self) -> Forecast:
        """What the champion answers."""
        return self.model.forecast(self.rows.columns, len(self.rows))

    @cached_property
    def methods(self) -> dict[str, Floats]:
        """The forecast amounts by method."""
        return {CHAMPION: self.forecast.amount, **baselines(self.train, self.rows, self.model.start)}

    @cached_property
    def overall(self) -> Draws:
        """Every method on the same draws of customers."""
        return bootstrap(self.rows.spent, self.methods, self.rows.customers)

    def as_json(self) -> dict[str, Any]:
        """Return every metric that is shown with its interval, by method."""
        every = self.overall.as_json()
        return {name: {metric: values[metric] for metric in METRICS} for name, values in every.items()}

    @property
    def grading(self) -> Grading:
        """The grade of the champion."""
        return grade(self.overall)

    @property
    def coverage(self) -> dict[str, float]:
        """The share of the amounts inside their interval, with the ends of its own interval."""
        one = self.forecast
        return self._share(_inside(self.rows.spent, one.amount_low, one.amount_high))

    @property
    def orders(self) -> dict[str, Any]:
        """The metrics of the number of orders, and the share inside their interval."""
        one = self.forecast
        inside = _inside(self.rows.orders, one.orders_low, one.orders_high)
        return {**measure(self.rows.orders, one.orders), "interval_coverage": self._share(inside)}

    @cached_property
    def next_order(self) -> dict[str, Any]:
        """The median days that the next order is off, by method, of those who ordered again within the horizon."""
        rows, one = self.rows, self.forecast
        again = ~np.isnan(rows.next_days)
        measured = again & ~np.isnan(one.next_days)
        found: dict[str, Any] = {
            "protocol": NEXT_PROTOCOL,
            "customers": len(rows),
            "ordered_again": int(again.sum()),
            "measured": int(measured.sum()),
        }
        if not measured.any():
            return {**found, "methods": {}, "interval_coverage": None}
        columns = with_purchases(rows.columns, len(rows))
        methods = {CHAMPION: one.next_days, **next_baselines(self.train, columns)}
        customers, truth = rows.customers[measured], rows.next_days[measured]
        off = {name: np.abs(days[measured] - truth) for name, days in methods.items()}
        inside = _inside(truth, one.next_low[measured], one.next_high[measured])
        return {
            **found,
            "methods": {
                name: {"median_error_days": asdict(drawn_estimate(days, customers, median=True))}
                for name, days in off.items()
            },
            "interval_coverage": asdict(drawn_estimate(inside, customers)),
        }

    def _share(self, inside: Floats) -> dict[str, float]:
        return asdict(drawn_estimate(inside, self.rows.customers))


def grade(overall: Draws) -> Grading:
    """Grade the champion by `GRADE_RULE`."""
    accuracy = {name: metrics[DECIDING] for name, metrics in overall.points.items()}
    best = max((name for name in RULES if name in accuracy), key=accuracy.__getitem__)
    gain = overall.gain(DECIDING, CHAMPION, best)
    point = overall.points[CHAMPION]
    return GRADE_RULE.grade(
        accuracy,
        model=CHAMPION,
        best_rule=best,
        gain=gain,
        improvement=gain.value / (1 - accuracy[best]) if accuracy[best] < 1 else 0.0,
        ece=point["decile_error"],
        bias=point["total"] - 1,
    )


def _inside(truth: Floats, low: Floats, high: Floats) -> Floats:
    return ((truth >= low) & (truth <= high)).astype("float64")
