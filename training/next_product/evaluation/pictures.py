"""Pictures of a next-product model for its MLflow run and for the notebooks."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from core.arrays import Floats
from training.evaluation.lists import K, Wanted
from training.next_product.evaluation.views import TWO_STAGE, Exam
from training.next_product.history import CUSTOMER_FEATURES
from training.next_product.probability import Promised

_BINS = 15
#: Customers by how much they buy, in groups of equal size.
_GROUPS = ("few baskets", "some", "many baskets")


def coverage(methods: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw how much of the catalogue each method lists, and which share of its places goes to the most popular 1 %."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    names = list(methods)[::-1]
    for axes, metric, label in (
        (left, "coverage", "share of the catalogue on anybody's list"),
        (right, "head_share", "share of places for the most popular 1 %"),
    ):
        values = [methods[name][metric] for name in names]
        bars = axes.barh(names, values, color=["C1" if name == TWO_STAGE else "0.7" for name in names])
        axes.bar_label(bars, [f"{value:.0%}" for value in values], padding=3)
        axes.set(xlabel=label, xlim=(0, 1.2))
    return figure


def mix(exam: Exam) -> Figure:
    """Draw how lists of the best mix are made up, place by place, beside how much is bought again by everybody."""
    kinds = ("repeat", "next", "up_sell", "cross_sell")
    lists = exam.best_mix
    counts = np.array(
        [
            [sum(len(some) > place and some[place].kind == kind for some in lists) for kind in kinds]
            for place in range(K)
        ]
    )
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    below = np.zeros(len(shares))
    names = {
        "repeat": "due again",
        "next": "bought before",
        "up_sell": "better tier, new",
        "cross_sell": "never bought",
    }
    for kind, column in zip(kinds, shares.T, strict=True):
        axes.bar(np.arange(1, K + 1), column, bottom=below, label=names[kind])
        below += column
    axes.axhline(_repeated(exam), color="black", linestyle="--", label="bought again, of all purchases")
    axes.set(xlabel="place in the list", ylabel="share of lists", xticks=range(1, K + 1), ylim=(0, 1))
    figure.legend(loc="outside right upper")
    return figure


def gain_by_segment(baskets: Sequence[Floats], ndcg: Mapping[str, Floats], baseline: str) -> Figure:
    """Draw NDCG@10 of the model and of a baseline for customers who buy little, more and much.

    Parameters
    ----------
    baskets
        Those of the last 84 days of each list's customer, one array per snapshot.
    ndcg
        Per method NDCG@10 of each list, in the same order.
    """
    bounds = np.quantile(np.concatenate(baskets), [1 / 3, 2 / 3])
    groups = np.searchsorted(bounds, np.concatenate(baskets))
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for offset, name, colour in ((-0.2, baseline, "0.7"), (0.2, TWO_STAGE, "C1")):
        means = [float(ndcg[name][groups == group].mean()) if (groups == group).any() else 0.0 for group in range(3)]
        bars = axes.bar(np.arange(3) + offset, means, 0.38, label=name, color=colour)
        axes.bar_label(bars, [f"{value:.3f}" for value in means], padding=2)
    limits = (f"up to {bounds[0]:.0f}", f"up to {bounds[1]:.0f}", "more")
    axes.set(
        xticks=range(3),
        xticklabels=[f"{group}\n({limit} in 84 days)" for group, limit in zip(_GROUPS, limits, strict=True)],
        ylabel="NDCG@10",
    )
    axes.margins(y=0.1)
    axes.legend()
    return figure


def calibration(promised: Mapping[str, Promised]) -> Figure:
    """Draw the share of offers that was bought over its probability, in bins of equal mass."""
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    highest = 0.0
    for name, one in promised.items():
        parts = np.array_split(np.argsort(one.probabilities, kind="stable"), _BINS)
        predicted = [float(one.probabilities[part].mean()) for part in parts if len(part)]
        observed = [float(one.bought[part].mean()) for part in parts if len(part)]
        axes.plot(predicted, observed, marker="o", label={"all": "best mix", "new_product": "never bought"}[name])
        highest = max([highest, *predicted, *observed])
    axes.plot([0, highest], [0, highest], color="0.7", linestyle="--", label="perfect")
    axes.set(xlabel="probability of the offer", ylabel="share that was bought")
    axes.legend()
    return figure


def baskets_of(exam: Exam) -> Floats:
    """Return the baskets in the last 84 days of each customer who is asked about and bought something."""
    place = CUSTOMER_FEATURES.index("baskets_84d")
    return np.array(
        [np.nan_to_num(h.customer[place]) for h, w in zip(exam.histories, exam.bought, strict=True) if w.count]
    )


def _repeated(exam: Exam) -> float:
    """Return the share of purchases, as products, that were bought before."""
    own = sum(_own(w, set(h.codes.tolist())) for h, w in zip(exam.histories, exam.bought, strict=True))
    return own / max(sum(wanted.count for wanted in exam.bought), 1)


def _own(wanted: Wanted, history: set[int]) -> int:
    return len(wanted.codes & history)
