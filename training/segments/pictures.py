"""Pictures of where customers stand: the RFM grid, movements between two moments, and clusters."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from core.arrays import Ints
from training.segments.clusters import Clusters
from training.segments.movements import Movements
from training.segments.rfm import GRID, Rfm

_SCORES = range(1, 6)


def rfm_grid(scored: Rfm, names: Mapping[str, str], recency: str, frequency_and_money: str) -> Figure:
    """Draw the number of customers in each cell of the grid, with the name of the cell's group.

    Parameters
    ----------
    names
        Of the groups, in the language of the reader.
    recency, frequency_and_money
        Labels of the axes.
    """
    known = scored.group != ""
    means = np.floor((scored.frequency[known] + scored.monetary[known] + 1) / 2).astype(int)
    counts = np.zeros((5, 5), dtype=np.int64)
    # the best score of recency is the first row
    np.add.at(counts, (5 - scored.recency[known].astype(int), means - 1), 1)
    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.subplots()
    labels = [[names[group] for group in GRID[score]] for score in reversed(_SCORES)]
    _cells(axes, counts, labels)
    axes.set_xticks(range(5), [str(score) for score in _SCORES])
    axes.set_yticks(range(5), [str(score) for score in reversed(_SCORES)])
    axes.set(xlabel=frequency_and_money, ylabel=recency)
    return figure


def movement_table(found: Movements, names: Mapping[str, str], before: str, after: str) -> Figure:
    """Draw movements as a table: a row for each group before, a column for each group after.

    Parameters
    ----------
    names
        Of the groups, and of `NOT_YET` and `NO_LONGER`, in the language of the reader.
    before, after
        Labels of the axes, such as the two moments.
    """
    rows, columns = (len(one) for one in (found.before, found.after))
    figure = Figure(figsize=(2 + 0.8 * columns, 1.5 + 0.5 * rows), layout="constrained")
    axes = figure.subplots()
    _cells(axes, found.counts, [[""] * columns for _ in range(rows)])
    axes.set_xticks(range(columns), [names[name] for name in found.after], rotation=45, ha="right")
    axes.set_yticks(range(rows), [names[name] for name in found.before])
    axes.set(xlabel=after, ylabel=before)
    return figure


def centre_map(clusters: Clusters, shares: Mapping[str, float]) -> Figure:
    """Draw the centres of clusters: in each column by how many standard deviations they are off the mean.

    Parameters
    ----------
    shares
        Of the customers, by label.
    """
    columns = clusters.scale.columns
    figure = Figure(figsize=(3 + 0.7 * len(columns), 2 + 0.5 * len(clusters.labels)), layout="constrained")
    axes = figure.subplots()
    limit = max(float(np.abs(clusters.centres).max()), 1.0)
    image = axes.imshow(clusters.centres, cmap="RdBu_r", aspect="auto", vmin=-limit, vmax=limit)
    for (row, column), value in np.ndenumerate(clusters.centres):
        color = "white" if abs(value) > 0.6 * limit else "black"
        axes.text(column, row, f"{value:+.1f}", ha="center", va="center", fontsize=8, color=color)
    axes.set_xticks(range(len(columns)), columns, rotation=45, ha="right")
    axes.set_yticks(
        range(len(clusters.labels)), [f"{label} ({shares.get(label, 0.0):.0%})" for label in clusters.labels]
    )
    figure.colorbar(image, label="standard deviations from the mean")
    return figure


def stability_bars(stability: Mapping[int, float], stable: float) -> Figure:
    """Draw the stability of each number of clusters, and the line from which on a number is stable."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.bar([str(number) for number in stability], list(stability.values()))
    axes.axhline(stable, color="0.3", linestyle="--", label=f"stable from {stable:.2f}")
    axes.set(xlabel="clusters", ylabel="adjusted Rand index", ylim=(0, 1))
    axes.legend()
    return figure


def _cells(axes: Axes, counts: Ints, labels: Sequence[Sequence[str]]) -> None:
    """Color each cell by its number of customers, and write the number; cells without customers stay empty."""
    highest = max(int(counts.max()), 1)
    axes.imshow(np.sqrt(counts), cmap="Blues", aspect="auto", vmin=0, vmax=highest**0.5)
    for (row, column), count in np.ndenumerate(counts):
        text = "\n".join(part for part in (labels[row][column], f"{count:,}" if count else "") if part)
        color = "white" if count > highest / 2 else "black"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=color)
