"""The results of the churn model for people: model card, tables and headlines."""

from collections.abc import Mapping, Sequence
from typing import Any

from training.churn.evaluation import CHAMPION, GRADE_RULE
from training.churn.rules import RULES
from training.evaluation.card import Card
from training.evaluation.grade import Grading
from training.evaluation.metrics import METRICS
from training.evaluation.sheet import Headline, Sheet, with_interval

_SLICE_METRICS = ("roc_auc", "average_precision", "ece")
_DEFINITIONS = {
    "non_contractual": (
        "A customer who bought in the {activity_window_days} days before the moment churns if they buy nothing in "
        "the {horizon_days} days that start {gap_days} days after it."
    ),
    "contractual": (
        "A customer with a running contract churns if one ends in the {horizon_days} days that start {gap_days} days "
        "after the moment and no other one that ends later starts before {grace_days} days after that end."
    ),
    "up_for_renewal": (
        "A customer whose contract ends in the {horizon_days} days that start {gap_days} days after the moment, for "
        "all that is known at it, churns if no other contract that ends later starts before {grace_days} days after "
        "that end. It is the question of who will not renew."
    ),
    "labelled": "The business's own label says which customers churned; it does not say within which days.",
}


def card(protocol: Mapping[str, Any], methods: Mapping[str, Any], grading: Grading) -> Card:
    """Return the model card.

    Parameters
    ----------
    protocol, methods
        As `encore evaluate churn` prints them.
    """
    definition = protocol["definition"]
    labelled, renewal = definition["kind"] == "labelled", definition["population"] == "up_for_renewal"
    whom = "who are known" if labelled else "whose contract ends then" if renewal else "who are active"
    start, end = protocol["data_start"], protocol["data_end"]
    return Card(
        title="Churn model",
        meaning=(
            _DEFINITIONS["up_for_renewal" if renewal else definition["kind"]].format(**definition),
            f"The model gives the probability of that, and the reasons for it, for customers {whom}.",
            "It ranks and explains; it does not say what would make a customer stay.",
        ),
        training=(
            *_method(protocol),
            *_groups(protocol),
            f"Its last label ends on {protocol['training_labels_end']}.",
            f"Data from {start} to {end}, fingerprint {protocol['data_fingerprint']}.",
            f"Attributes of customers that are inputs: {', '.join(protocol['attributes']) or 'none'}.",
            "Left out, because the data have no values of them:",
            f"{', '.join(protocol['features_left_out']) or 'nothing'}.",
        ),
        measurement=(
            f"On {protocol['customers']:,} rows of customers at {', '.join(protocol['test_snapshots'])}, which it",
            f"never saw; {protocol['churn_rate']:.1%} churned. In brackets bootstrap 95 % intervals over customers.",
            *([f"**{_caveat(protocol)}**"] if protocol["caveat"] else []),
        ),
        results=_methods("", methods),
        rule=GRADE_RULE,
        grading=grading,
        limits=(
            "It was measured on the snapshots above and nowhere else; another season may differ.",
            "It is for customers with a label and without one, those who have left too if the data have them."
            if labelled
            else f"It is for customers {whom}. The others have no risk.",
            "A reason says what the model's score rests on, not what caused the behaviour.",
        ),
    )


def _method(protocol: Mapping[str, Any]) -> list[str]:
    """Say what scores."""
    method = str(protocol["method"])
    features = f"{protocol['features']} features of the service {protocol['feature_service']}"
    if protocol["rule"] is None:
        return [f"{method[0].upper()}{method[1:]}: {features}."]
    return [
        f"This is {method}: nothing learned beats it.",
        "What was learned from all features did not rank the validation rows better than this rule, which needs one.",
    ]


def _groups(protocol: Mapping[str, Any]) -> list[str]:
    """Say which rows it was trained and calibrated on."""
    trained, stopped = protocol["training_snapshots"], ", ".join(protocol["validation_snapshots"])
    rows = f"{protocol['training_rows']:,} rows"
    chosen = "chosen and calibrated"
    if protocol["split"] == "customers":
        return [
            f"Trained on {rows} of {stopped}; {chosen} on other customers of the same moment.",
            "A customer is in one group only, by a hash of the id.",
        ]
    return [
        f"Trained on {rows} at {len(trained)} snapshots from {trained[0]} to",
        f"{trained[-1]}; {chosen} on {stopped}.",
    ]


def _caveat(protocol: Mapping[str, Any]) -> str:
    """Return the caveat of figures by a split of customers, with what it means."""
    what = str(protocol["caveat"])
    return (
        f"{what[0].upper()}{what[1:]}. The labels name no moments to split by, so that the tests are other customers "
        "of the moment that the model learned from. On customers of a later moment it is less good."
    )


def sheets(evaluation: Mapping[str, Any]) -> list[Sheet]:
    """Return methods, slices and signs of leakage as tables, the grade below the last."""
    protocol = evaluation["protocol"]
    title = f"{protocol['model']}, tests {', '.join(protocol['test_snapshots'])}"
    title += f" ({protocol['caveat']})" if protocol["caveat"] else ""
    return [_methods(title, evaluation["methods"]), _slices(evaluation), _leakage(evaluation)]


def headlines(metrics: Mapping[str, float]) -> list[Headline]:
    """Return the churn rate, and AUC and average precision beside those of a rule."""
    rule = next(name for name in RULES if f"{name}.roc_auc" in metrics)
    figures = [Headline("churn rate", f"{metrics['test.churn_rate']:.1%}")]
    for label, metric in (("churn AUC", "roc_auc"), ("churn average precision", "average_precision")):
        ours, baseline = metrics[f"{CHAMPION}.{metric}"], metrics[f"{rule}.{metric}"]
        figures.append(Headline(label, f"{ours:.3f}", f"{baseline:.3f}", rule))
    return figures


def _methods(title: str, methods: Mapping[str, Mapping[str, Any]]) -> Sheet:
    rows = [(name, *(with_interval(values.get(metric)) for metric in METRICS)) for name, values in methods.items()]
    return Sheet(title, ("method", *METRICS), rows)


def _slices(evaluation: Mapping[str, Any]) -> Sheet:
    rows: list[Sequence[str]] = []
    for name, groups in evaluation["by_slice"].items():
        for group, methods in groups.items():
            metrics, size = methods[CHAMPION], evaluation["protocol"]["slices"][name][group]
            cells = (f"{metrics[metric]['value']:.3f}" if metric in metrics else "–" for metric in _SLICE_METRICS)
            rows.append((name, group, f"{size['customers']:,}", f"{size['churn_rate']:.1%}", *cells))
    columns = ("slice", "group", "customers", "churn", "AUC", "average precision", "error")
    return Sheet("The champion by slice", columns, rows)


def _leakage(evaluation: Mapping[str, Any]) -> Sheet:
    leakage = evaluation["leakage"]
    strongest = leakage["strongest_feature"]
    protocol = evaluation["protocol"]
    rows = [
        (f"AUC, split by {protocol['split']}", f"{leakage['time_split']['roc_auc']:.3f}"),
        ("AUC, split at random", f"{leakage['random_split']['roc_auc']:.3f}"),
        ("strongest feature alone", f"{strongest['feature']} {strongest['roc_auc']:.3f}" if strongest else "–"),
        ("features end before labels start", "yes" if leakage["features_before_labels"] else "NO"),
    ]
    notes = (evaluation["grading"]["summary"], *([_caveat(protocol)] if protocol["caveat"] else []))
    return Sheet("", ("signs of leakage", ""), rows, notes)
