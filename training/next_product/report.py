"""The model card: one page of Markdown that travels with the version."""

from collections.abc import Mapping
from typing import Any

from training.evaluation.lists import METRICS
from training.next_product.grade import RULE, Grading


def model_card(
    protocol: Mapping[str, Any],
    methods: Mapping[str, Mapping[str, float]],
    probability: Mapping[str, float],
    grading: Grading,
) -> str:
    """Tell what the model is for, how it was made and measured, and where it ends.

    Parameters
    ----------
    protocol
        As `encore evaluate next-product` prints it.
    methods
        What was measured of lists of all products, averaged over the test snapshots.
    probability
        How well the probabilities of these offers are calibrated.
    """
    shown = (*METRICS, "coverage", "head_share")
    rows = [f"| {name} | " + " | ".join(f"{of[metric]:.3f}" for metric in shown) + " |" for name, of in methods.items()]
    recall = ", ".join(f"{share:.0%} at {date}" for date, share in protocol["candidate_recall"].items())
    sections = {
        f"# Next-product model, grade {grading.grade}": [],
        "## What it says": [
            f"The probability that a customer who bought in the last {protocol['activity_window_days']} days buys a "
            f"product in the next {protocol['horizon_days']}, and which products to offer by it: due again, never "
            "bought, a better tier, or the best mix.",
        ],
        "## How it was made": [
            "Candidates from the customer's own purchases, ALS, item similarity, EASE, like-minded customers, "
            "popularity and steps up; LightGBM on them.",
            f"Trained at {', '.join(protocol['training_snapshots'])}; its last label ends on "
            f"{protocol['training_labels_end']}. Candidates held of what was bought: {recall}.",
        ],
        "## How good it is": [
            f"Lists of {protocol['k']} at {', '.join(protocol['test_snapshots'])}, which it never saw.",
            "",
            f"| method | {' | '.join(shown)} |",
            f"| --- |{' --- |' * len(shown)}",
            *rows,
            "",
            f"Of {probability['offers']:,.0f} offers {probability['observed']:.1%} were bought, "
            f"{probability['predicted']:.1%} were predicted; calibration error {probability['ece']:.3f}.",
            "",
            f"Grade {grading.grade}: {grading.gain.value:+.0%} ({grading.gain.low:+.0%} to {grading.gain.high:+.0%}) "
            f"over {grading.best_rule}. {RULE}",
        ],
        "## Where it ends": [
            "- It was measured on the snapshots above and nowhere else; another season may differ.",
            "- Probabilities are of what customers bought without being offered it; they are no effect of an offer.",
            "- What is allowed to be offered is a matter of the rules file, not of the model.",
        ],
    }
    return "\n\n".join("\n\n".join(filter(None, (head, "\n".join(lines)))) for head, lines in sections.items()) + "\n"
