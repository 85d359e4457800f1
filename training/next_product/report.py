"""The results of the next-product model for people: model card, tables and headlines."""

from collections.abc import Mapping
from typing import Any

from training.evaluation.card import Card
from training.evaluation.lists import METRICS
from training.evaluation.sheet import Headline, Sheet, gain_with_interval
from training.next_product.evaluation.results import GRADE_RULE, Results, averaged
from training.next_product.evaluation.views import TWO_STAGE

_SHOWN = (*METRICS, "coverage", "head_share")
#: The baseline of the headlines.
_BASELINE, _BASELINE_NAME = "g_top_freq", "G-TopFreq"


def card(protocol: Mapping[str, Any], candidate_recall: Mapping[str, float], results: Results) -> Card:
    """Return the model card.

    Parameters
    ----------
    protocol
        As `encore evaluate next-product` prints it.
    candidate_recall
        Per training snapshot the share of the bought products that was among the candidates.
    """
    recall = ", ".join(f"{share:.0%} at {date}" for date, share in candidate_recall.items())
    probability = results.outcomes["all"].measured()
    rows = []
    for name, metrics in averaged(results.methods).items():
        rows.append((name, *(f"{metrics[metric]:.3f}" for metric in _SHOWN)))
    calibration = (
        f"Of {probability['offers']:,.0f} offers {probability['observed']:.1%} were bought, "
        f"{probability['predicted']:.1%} were predicted; calibration error {probability['ece']:.3f}."
    )
    return Card(
        title="Next-product model",
        meaning=(
            f"The probability that a customer who bought in the last {protocol['activity_window_days']} days buys a "
            f"product in the next {protocol['horizon_days']}, and which products to offer by it: due again, never "
            "bought, a better tier, or the best mix.",
        ),
        training=(
            "Candidates from the customer's own purchases, ALS, item similarity, EASE, like-minded customers, "
            "popularity and steps up; LightGBM on them.",
            f"Trained at {', '.join(protocol['training_snapshots'])}; its last label ends on "
            f"{protocol['training_labels_end']}. Candidates held of the bought products: {recall}.",
        ),
        measurement=(f"Lists of {protocol['k']} at {', '.join(protocol['test_snapshots'])}, which it never saw.",),
        results=Sheet("", ("method", *_SHOWN), rows, (calibration,)),
        rule=GRADE_RULE,
        grading=results.grading,
        limits=(
            "It was measured on the snapshots above and nowhere else; another season may differ.",
            "Probabilities are of purchases without an offer; they are no effect of an offer.",
            "What is allowed to be offered is a matter of the rules file, not of the model.",
        ),
    )


def sheets(evaluation: Mapping[str, Any]) -> list[Sheet]:
    """Return a table a view and test snapshot, and the calibration of the probabilities."""
    model = evaluation["protocol"]["model"]
    tables = []
    for view, dates in evaluation["views"].items():
        for date, methods in dates.items():
            if methods:
                tables.append(_methods(f"{view}: {model}, tests {date}", methods))
    return [*tables, _probability(evaluation)]


def headlines(metrics: Mapping[str, float]) -> list[Headline]:
    """Return the number of customers, and NDCG@10 of the lists beside that of the most popular products."""
    ours, baseline = metrics[f"{TWO_STAGE}.ndcg"], metrics[f"{_BASELINE}.ndcg"]
    return [
        Headline("customers", f"{metrics['customers']:,.0f}"),
        Headline("next product NDCG@10", f"{ours:.3f}", f"{baseline:.3f}", _BASELINE_NAME),
    ]


def _methods(title: str, methods: Mapping[str, Mapping[str, Any]]) -> Sheet:
    best, first = next(iter(methods.items()))
    rows = []
    for name, metrics in methods.items():
        cells = (f"{metrics[metric]:.4g}" if metric in metrics else "–" for metric in first)
        rows.append((name, *cells, gain_with_interval(metrics.get("gain"))))
    return Sheet(title, ("method", *first, f"{best} over it"), rows)


def _probability(evaluation: Mapping[str, Any]) -> Sheet:
    rows = []
    for name, measured in evaluation["probability"].items():
        shares = (f"{measured[metric]:.4f}" for metric in ("predicted", "observed", "ece"))
        rows.append((name, f"{measured['offers']:,.0f}", *shares))
    notes = [
        f"Candidates at {date} held {recall['all']:.1%} of the products bought, {recall['new_product']:.1%} of the "
        "products bought for the first time."
        for date, recall in evaluation["candidate_recall"].items()
    ]
    columns = ("probability", "offers", "predicted", "observed", "calibration error")
    return Sheet("", columns, rows, (*notes, evaluation["grading"]["summary"]))
