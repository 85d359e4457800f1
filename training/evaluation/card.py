"""The model card: one page of Markdown that travels with the version."""

from collections.abc import Mapping
from typing import Any

from training.evaluation.grade import RULE, Grading
from training.evaluation.metrics import METRICS

_DEFINITIONS = {
    "non_contractual": (
        "A customer who bought in the {activity_window_days} days before the moment churns if they buy nothing in "
        "the {horizon_days} days that start {gap_days} days after it."
    ),
    "contractual": (
        "A customer with a running contract churns if one ends in the {horizon_days} days that start {gap_days} days "
        "after the moment and no other one that ends later starts before {grace_days} days after that end."
    ),
}


def model_card(protocol: Mapping[str, Any], methods: Mapping[str, Any], grading: Grading) -> str:
    """Tell what the model is for, how it was made and measured, and where it ends.

    Parameters
    ----------
    protocol, methods
        As `encore evaluate churn` prints them, `protocol` with `features` and `features_left_out`.
    """
    definition = protocol["definition"]
    rows = [
        f"| {name} | " + " | ".join(_told(of.get(metric)) for metric in METRICS) + " |" for name, of in methods.items()
    ]
    trained, stopped = protocol["training_snapshots"], ", ".join(protocol["validation_snapshots"])
    start, end = protocol["data_start"], protocol["data_end"]
    sections = {
        f"# Churn model, grade {grading.grade}": [],
        "## What it says": [
            _DEFINITIONS[definition["kind"]].format(**definition),
            "The model gives the probability of that, and the reasons for it, for customers who are active.",
            "It ranks and explains; it does not say what would make a customer stay.",
        ],
        "## How it was made": [
            f"LightGBM on {protocol['features']} features of the service {protocol['feature_service']}.",
            f"Trained on {protocol['training_rows']:,} rows at {len(trained)} snapshots from {trained[0]} to",
            f"{trained[-1]}; stopped early and calibrated on {stopped}.",
            f"Its last label ends on {protocol['training_labels_end']}.",
            f"Data from {start} to {end}, fingerprint {protocol['data_fingerprint']}.",
            "No demographics are inputs. Left out, because the data cannot tell them:",
            f"{', '.join(protocol['features_left_out']) or 'nothing'}.",
        ],
        "## How good it is": [
            f"On {protocol['customers']:,} rows of customers at {', '.join(protocol['test_snapshots'])}, which it",
            f"never saw; {protocol['churn_rate']:.1%} churned. In brackets bootstrap 95 % intervals over customers.",
            "",
            f"| method | {' | '.join(METRICS)} |",
            f"| --- |{' --- |' * len(METRICS)}",
            *rows,
            "",
            f"Grade {grading.grade}: {grading.removed:.0%} of the ranking errors of the best rule",
            f"({grading.best_rule}) removed, calibration error {grading.ece:.3f}. {RULE}",
        ],
        "## Where it ends": [
            "- It was measured on the snapshots above and nowhere else; another season may differ.",
            "- It is for active customers. Who was not active at the moment has no risk.",
            "- A reason says what the model's score rests on, not what caused the behaviour.",
        ],
    }
    return (
        "\n\n".join("\n\n".join(filter(None, (heading, "\n".join(lines)))) for heading, lines in sections.items())
        + "\n"
    )


def _told(estimate: Mapping[str, float] | None) -> str:
    return "–" if estimate is None else f"{estimate['value']:.3f} ({estimate['low']:.3f}–{estimate['high']:.3f})"
