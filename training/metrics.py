"""How good a ranking of risks is, and whether its probabilities mean what they say."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from features.vectors import Floats

Ints = npt.NDArray[np.int64]
METRICS = ("roc_auc", "average_precision", "brier", "ece", "lift_at_10", "recall_at_10")


@dataclass(frozen=True)
class Estimate:
    """A metric with the ends of its bootstrap 95 % interval."""

    value: float
    low: float
    high: float


def expected_calibration_error(labels: Ints, probabilities: Floats, bins: int = 15) -> float:
    """Mean distance between predicted and observed rate over bins of equal mass, weighted by their size.

    Source: Naeini, Cooper and Hauskrecht, Obtaining Well Calibrated Probabilities Using Bayesian Binning
    (AAAI 2015), with equal-mass instead of equal-width bins.
    """
    order = np.argsort(probabilities, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [abs(probabilities[part].mean() - labels[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / len(labels))


def top_share(labels: Ints, scores: Floats, share: float = 0.1) -> tuple[float, float]:
    """Return lift and recall among the highest-scored `share` of rows.

    Lift is their rate of positives over the rate of all; recall the share of all positives among them.
    """
    count = max(1, round(share * len(labels)))
    hits = labels[np.argsort(-scores, kind="stable")[:count]].sum()
    return float(hits / count / labels.mean()), float(hits / labels.sum())


def measure(labels: Ints, scores: Floats, probabilities: Floats | None) -> dict[str, float]:
    """Return every metric of `METRICS`; those of calibration only where there are probabilities."""
    lift, recall = top_share(labels, scores)
    found = {
        "roc_auc": float(roc_auc_score(labels, scores)),
        "average_precision": float(average_precision_score(labels, scores)),
        "lift_at_10": lift,
        "recall_at_10": recall,
    }
    if probabilities is not None:
        found["brier"] = float(brier_score_loss(labels, probabilities))
        found["ece"] = expected_calibration_error(labels, probabilities)
    return {name: found[name] for name in METRICS if name in found}


def bootstrap(
    labels: Ints,
    scores: Floats,
    probabilities: Floats | None,
    groups: npt.NDArray[np.object_],
    rounds: int = 200,
) -> dict[str, Estimate]:
    """Measure, with 95 % intervals from resampling whole groups (customers), seeded.

    A customer who stands in several snapshots is drawn with all of them or not at all.
    """
    point = measure(labels, scores, probabilities)
    rng = np.random.default_rng(7)
    _, codes = np.unique(groups, return_inverse=True)
    rows_of = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    draws: dict[str, list[float]] = {name: [] for name in point}
    for _ in range(rounds):
        chosen = np.concatenate([rows_of[i] for i in rng.integers(0, len(rows_of), len(rows_of))])
        if labels[chosen].min() == labels[chosen].max():
            continue  # a draw of one class has no ranking to measure
        drawn = measure(labels[chosen], scores[chosen], None if probabilities is None else probabilities[chosen])
        for name, value in drawn.items():
            draws[name].append(value)
    return {name: Estimate(value, *_interval(draws[name], value)) for name, value in point.items()}


def _interval(values: list[float], point: float) -> tuple[float, float]:
    if not values:
        return point, point
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
