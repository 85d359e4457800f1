"""Pictures of a next-product model for its MLflow run and for the notebooks."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from core.arrays import Floats
from training.evaluation.lists import K
from training.next_product.evaluation.backtest import Backtest
from training.next_product.evaluation.views import TWO_STAGE
from training.next_product.history import CUSTOMER_FEATURES

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


def mix(backtest: Backtest) -> Figure:
    """Draw how lists of the best mix are made up, place by place, beside the share of purchases made again."""
    kinds = ("repeat", "next", "up_sell", "cross_sell")
    counts = np.zeros((K, len(kinds)))
    for chosen in backtest.best_mix:
        for place, product in enumerate(chosen[:K]):
            counts[place, kinds.index(product.kind)] += 1
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
    axes.axhline(_repeated(backtest), color="black", linestyle="--", label="bought again, of all purchases")
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


def baskets_of(backtest: Backtest) -> Floats:
    """Return the baskets in the last 84 days of each active customer who bought something in the label window."""
    place = CUSTOMER_FEATURES.index("baskets_84d")
    rows = zip(backtest.histories, backtest.bought, strict=True)
    return np.array([np.nan_to_num(history.customer[place]) for history, bought in rows if bought.count])


def _repeated(backtest: Backtest) -> float:
    """Return the share of purchases, as products, that were bought before."""
    own = purchases = 0
    for history, bought in zip(backtest.histories, backtest.bought, strict=True):
        own += len(bought.codes & set(history.codes.tolist()))
        purchases += bought.count
    return own / max(purchases, 1)
