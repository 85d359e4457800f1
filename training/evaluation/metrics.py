"""How good a ranking of risks is, and whether its probabilities are calibrated."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.arrays import Floats, Ints, Rows
from training.evaluation.bootstrap import ROUNDS, Draws, stacked, times_drawn

METRICS = ("roc_auc", "average_precision", "brier", "ece", "lift_at_10", "recall_at_10")


@dataclass(frozen=True)
class Scored:
    """The scores that a method ranks rows by, and its probabilities where it has any."""

    scores: Floats
    probabilities: Floats | None

    def at(self, rows: Rows) -> "Scored":
        """Return the scores of a part of the rows."""
        return Scored(self.scores[rows], None if self.probabilities is None else self.probabilities[rows])


def expected_calibration_error(labels: Ints, probabilities: Floats, bins: int = 15) -> float:
    """Mean distance between predicted and observed rate over bins of equal mass, weighted by their size.

    Source: Naeini, Cooper and Hauskrecht, Obtaining Well Calibrated Probabilities Using Bayesian Binning
    (AAAI 2015), with equal-mass instead of equal-width bins.
    """
    return _binned((probabilities - labels)[np.argsort(probabilities, kind="stable")], bins)


def top_share(labels: Ints, scores: Floats, share: float = 0.1) -> tuple[float, float]:
    """Return lift and recall among the highest-scored `share` of rows.

    Lift is their rate of positives over the rate of all; recall the share of all positives among them.
    """
    return _top(labels[np.argsort(-scores, kind="stable")], share)


def _binned(distances: Floats, bins: int = 15) -> float:
    return float(sum(abs(part.sum()) for part in np.array_split(distances, bins)) / len(distances))


def _top(ranked: Ints, share: float = 0.1) -> tuple[float, float]:
    count = max(1, round(share * len(ranked)))
    hits = ranked[:count].sum()
    return float(hits / count / ranked.mean()), float(hits / ranked.sum())


def measure(labels: Ints, scored: Scored) -> dict[str, float]:
    """Return every metric of `METRICS`; those of calibration only where there are probabilities."""
    # training alone needs it, and serving reads what was measured
    from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score  # noqa: PLC0415

    lift, recall = top_share(labels, scored.scores)
    probabilities = scored.probabilities
    values = {
        "roc_auc": float(roc_auc_score(labels, scored.scores)),
        "average_precision": float(average_precision_score(labels, scored.scores)),
        "lift_at_10": lift,
        "recall_at_10": recall,
    }
    if probabilities is not None:
        values["brier"] = float(brier_score_loss(labels, probabilities))
        values["ece"] = expected_calibration_error(labels, probabilities)
    return {name: values[name] for name in METRICS if name in values}


def bootstrap(
    labels: Ints, methods: Mapping[str, Scored], groups: npt.NDArray[np.object_], rounds: int = ROUNDS
) -> Draws:
    """Measure methods on the same resamplings of whole groups (customers), seeded.

    A customer with rows at several snapshots is drawn with all of them or not at all. Nothing is measured
    where all or none are positive, since there is no ranking to measure.
    """
    if not 0 < labels.sum() < len(labels):
        return Draws({name: {} for name in methods}, {name: {} for name in methods})
    points = {name: measure(labels, scored) for name, scored in methods.items()}
    parts: dict[str, list[dict[str, Floats]]] = {name: [] for name in methods}
    for times in times_drawn(groups, rounds):
        positives = times @ labels
        ranked = times[(positives > 0) & (positives < times.sum(axis=1))]  # a draw of one class has no ranking
        for name, scored in methods.items():
            parts[name].append(_measure_draws(labels, scored, ranked))
    return Draws(points, {name: stacked(measured) for name, measured in parts.items()})


def _measure_draws(labels: Ints, scored: Scored, times: Ints) -> dict[str, Floats]:
    """Return the metrics of `measure` for each draw, where row i was drawn `times[draw, i]` times.

    Sorting once and summing weights is about nine times faster than measuring each draw on its own.
    """
    order = np.argsort(-scored.scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scored.scores[order]) != 0])  # of runs of equal scores
    hits = np.add.reduceat(times[:, order] * labels[order], starts, axis=1)
    misses = np.add.reduceat(times[:, order] * (1 - labels[order]), starts, axis=1)
    above, below = np.cumsum(hits, axis=1), np.cumsum(misses, axis=1)
    positives, negatives = above[:, -1], below[:, -1]
    pairs = (misses * (above - hits / 2)).sum(axis=1)
    tops = [_top(np.repeat(labels[order], row)) for row in times[:, order]]
    values = {
        "roc_auc": pairs / (positives * negatives),
        "average_precision": (hits * above / np.maximum(above + below, 1)).sum(axis=1) / positives,
        "lift_at_10": np.array([lift for lift, _ in tops]),
        "recall_at_10": np.array([recall for _, recall in tops]),
    }
    if scored.probabilities is not None:
        distances = scored.probabilities - labels
        values["brier"] = times @ distances**2 / times.sum(axis=1)
        order = np.argsort(scored.probabilities, kind="stable")
        values["ece"] = np.array([_binned(np.repeat(distances[order], row)) for row in times[:, order]])
    return values
