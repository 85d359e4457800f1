"""The results of the value model for people: model card, tables and headlines."""

from collections.abc import Mapping, Sequence
from typing import Any

from training.customer_value.baselines import RULES
from training.customer_value.evaluation import CHAMPION, GRADE_RULE
from training.evaluation.amounts import METRICS
from training.evaluation.card import Card
from training.evaluation.grade import Grading
from training.evaluation.sheet import Headline, Sheet, with_interval

_COLUMNS = ("MAE", "Spearman", "Gini", "total", "deciles")
_NOTE = (
    "MAE: in the currency of the data. Gini: normalised, 1 ranks as the truth does. Total: forecasts over what was "
    "spent. Deciles: the error over deciles of the forecast, as a share of what was spent."
)


def card(protocol: Mapping[str, Any], evaluation: Mapping[str, Any], grading: Grading) -> Card:
    """Return the model card.

    Parameters
    ----------
    protocol, evaluation
        As `encore evaluate value` prints them.
    """
    trained = protocol["training_snapshots"]
    share, horizon = protocol["interval"], protocol["horizon_days"]
    return Card(
        title="Value model",
        meaning=(
            f"The net amount and the number of orders of each customer with a purchase in the {horizon} days after a "
            f"moment, each with an interval that is meant to hold {share:.0%} of the customers.",
            "The probability that a customer will ever buy again, and the day of the next order where one is expected "
            "within these days.",
            "An amount is what is spent, after discounts and without returns: no cost is taken off.",
        ),
        training=(
            f"{protocol['method']}: {protocol['features']} features of the service {protocol['feature_service']}.",
            f"Trained on {protocol['training_rows']:,} rows at {len(trained)} snapshots from {trained[0]} to "
            f"{trained[-1]}.",
            "The number of trees and the intervals are from cross-validation over customers at these snapshots.",
            f"Its last label ends on {protocol['training_labels_end']}.",
            f"Data from {protocol['data_start']} to {protocol['data_end']}, fingerprint "
            f"{protocol['data_fingerprint']}.",
            "Left out, because the data have no values of them:",
            f"{', '.join(protocol['features_left_out']) or 'nothing'}.",
        ),
        measurement=(
            f"On {protocol['customers']:,} rows of customers at {', '.join(protocol['test_snapshots'])}, whose labels "
            "it never saw.",
            f"They spent {protocol['mean_spent']:,.2f} on average; {protocol['bought']:.0%} of them bought something. "
            "In brackets bootstrap 95 % intervals over customers.",
        ),
        results=_methods("", evaluation),
        rule=GRADE_RULE,
        grading=grading,
        limits=(
            "It was measured on the snapshots above and nowhere else; another season may differ.",
            f"It says nothing about the time after the {horizon} days.",
            "Amounts of single customers are uncertain: read the interval, and sums over many customers.",
            "A reason says what the forecast rests on, not what would make a customer spend more.",
        ),
    )


def sheets(evaluation: Mapping[str, Any]) -> list[Sheet]:
    """Return methods and next orders as tables, the grade below the first."""
    protocol = evaluation["protocol"]
    title = f"{protocol['model']}, tests {', '.join(protocol['test_snapshots'])}"
    return [_methods(title, evaluation, (evaluation["grading"]["summary"],)), _next_order(evaluation["next_order"])]


def headlines(metrics: Mapping[str, float]) -> list[Headline]:
    """Return the mean amount, the error and the ranking beside those of the best rule."""
    rules = [name for name in RULES if f"{name}.gini" in metrics]
    figures = [Headline("mean amount", f"{metrics['test.mean_spent']:,.2f}")]
    for label, metric, sign in (("value MAE", "mae", -1), ("value normalised Gini", "gini", 1)):
        best = max(rules, key=lambda name: sign * metrics[f"{name}.{metric}"])
        shown = (f"{metrics[f'{name}.{metric}']:,.{1 if metric == 'mae' else 3}f}" for name in (CHAMPION, best))
        figures.append(Headline(label, next(shown), next(shown), best))
    return figures


def _methods(title: str, evaluation: Mapping[str, Any], notes: Sequence[str] = ()) -> Sheet:
    rows = [
        (name, _money(values["mae"]), *(with_interval(values[metric]) for metric in METRICS[1:]))
        for name, values in evaluation["methods"].items()
    ]
    amount, orders = evaluation["interval_coverage"], evaluation["orders"]["interval_coverage"]
    note = f"Inside their interval: {amount['value']:.1%} of the amounts, {orders['value']:.1%} of the orders."
    return Sheet(title, ("method", *_COLUMNS), rows, (_NOTE, note, *notes))


def _money(one: Mapping[str, float]) -> str:
    return f"{one['value']:,.1f} ({one['low']:,.1f}–{one['high']:,.1f})"


def _next_order(found: Mapping[str, Any]) -> Sheet:
    rows = [(name, with_interval(values["median_error_days"])) for name, values in found["methods"].items()]
    covered = found["interval_coverage"]
    counts = f"{found['measured']:,} of {found['ordered_again']:,} who ordered again, of {found['customers']:,} rows."
    inside = f" Inside their interval: {covered['value']:.1%}." if covered is not None else ""
    return Sheet("Next order", ("method", "median days off"), rows, (f"{counts}{inside}", found["protocol"]))
