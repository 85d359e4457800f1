"""The results of the segments model for people: model card, tables and headlines."""

from collections.abc import Mapping, Sequence
from typing import Any

from training.evaluation.card import Card
from training.evaluation.grade import Grading
from training.evaluation.sheet import Headline, Sheet, with_interval
from training.segments.evaluation import CHAMPION, GRADE_RULE, SHUFFLED

#: Columns that a table names of each cluster.
_NAMED = 3
_WITHOUT = "No number of clusters is stable: customers differ by degree, not by kind, and have no cluster."


def card(protocol: Mapping[str, Any], evaluation: Mapping[str, Any], grading: Grading) -> Card:
    """Return the model card.

    Parameters
    ----------
    protocol, evaluation
        As `encore evaluate segments` prints them.
    """
    return Card(
        title="Segments model",
        meaning=(
            "The cluster of each customer: customers of one cluster buy in a similar way.",
            f"The typical time between two days with a purchase, {protocol['typical_gap_days']:.1f} days, by which "
            "lifecycle stages are judged until the next training.",
        ),
        training=(
            f"k-means on {len(protocol['columns'])} standardised columns of {protocol['customers']:,} customers as of "
            f"{protocol['learned_at']}: {', '.join(protocol['columns']) or 'none'}.",
            f"Numbers of clusters from {protocol['least']} to {protocol['most']} were tried, and the largest was taken "
            f"whose stability is at least {protocol['stable']}.",
            "A cluster takes over the label that most of its customers had before.",
        ),
        measurement=(protocol["method"],),
        results=_clusters("", evaluation),
        rule=GRADE_RULE,
        grading=grading,
        limits=(
            "Nothing is predicted: a cluster says how customers buy now.",
            "Clusters touch each other: a customer near a limit may change the cluster with a purchase.",
            "Means describe a cluster, and not each of its customers.",
        ),
    )


def sheets(evaluation: Mapping[str, Any]) -> list[Sheet]:
    """Return clusters and stability as tables, the grade below the first."""
    protocol = evaluation["protocol"]
    title = f"{protocol['model']}, customers of {protocol['measured_at']}"
    return [_clusters(title, evaluation, (evaluation["grading"]["summary"],)), _numbers(evaluation)]


def headlines(metrics: Mapping[str, float]) -> list[Headline]:
    """Return the number of clusters, and their stability beside that of shuffled columns."""
    found = [Headline("clusters", f"{metrics['clusters']:.0f}")]
    if f"{CHAMPION}.stability" in metrics:
        ours, other = (f"{metrics[f'{name}.stability']:.3f}" for name in (CHAMPION, SHUFFLED))
        found.append(Headline("stability of clusters", ours, other, SHUFFLED))
    return found


def _clusters(title: str, evaluation: Mapping[str, Any], notes: Sequence[str] = ()) -> Sheet:
    rows = [
        (one["label"], f"{one['customers']:,}", f"{one['share']:.0%}", _traits(one["traits"]))
        for one in evaluation["clusters"]
    ]
    kept = evaluation["agreement"]
    said = [] if rows else [_WITHOUT]
    if kept is not None:
        said.append(f"Keep the label of {kept['with']}: {with_interval(kept['kept'])} of the customers.")
    columns = ("cluster", "customers", "share", "differs most from all others in")
    return Sheet(title, columns, rows, (*said, *notes))


def _traits(traits: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{one['column']} x {one['ratio']:.2f}" for one in traits[:_NAMED])


def _numbers(evaluation: Mapping[str, Any]) -> Sheet:
    found = evaluation["stability"]
    rows = [
        (f"{number}{' (chosen)' if int(number) == found['chosen'] else ''}", f"{index:.3f}")
        for number, index in found["by_number"].items()
    ]
    notes = [
        f"{name}: {with_interval(found[key])}"
        for name, key in (("Stability of this version", CHAMPION), ("Of shuffled columns", SHUFFLED))
        if found[key] is not None
    ]
    if evaluation["silhouette"] is not None:
        notes.append(f"Silhouette: {evaluation['silhouette']:.3f}")
    return Sheet("Stability by number of clusters", ("clusters", "adjusted Rand index"), rows, notes)
