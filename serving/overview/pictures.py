"""All customers as pictures; they need matplotlib, of the extra `train`."""

from collections.abc import Callable
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from serving.explain.wording import Writer
from serving.overview.everyone import Everyone, Moved
from training.customer_value.shares import POINTS, Concentration
from training.segments.movements import NO_LONGER, NOT_YET
from training.segments.pictures import movement_table, rfm_grid
from training.segments.rfm import GROUPS, Rfm
from training.segments.stages import STAGES


def draw(everyone: Everyone, moved: Moved, writer: Writer) -> dict[str, Callable[[], Figure]]:
    """Return a function for each picture, by the name of its file."""
    others = {name: writer.say(f"movement.{name}") for name in (NOT_YET, NO_LONGER)}
    groups = {name: writer.say(f"rfm.{name}") for name in GROUPS}
    stages = {name: writer.say(f"stage.{name}") for name in STAGES} | others
    standing = everyone.standing
    scored = Rfm(standing.recency_score, standing.frequency_score, standing.monetary_score, standing.rfm_group)
    axes = writer.say("axis.recency"), writer.say("axis.frequency_and_money")
    days = f"{moved.since:%Y-%m-%d}", f"{moved.until:%Y-%m-%d}"
    figures: dict[str, Callable[[], Figure]] = {
        "rfm": partial(rfm_grid, scored, groups, *axes),
        "group_movements": partial(movement_table, moved.groups, groups | others, *days),
        "stage_movements": partial(movement_table, moved.stages, stages, *days),
    }
    if everyone.worth is not None and everyone.worth.earned is not None:
        figures["lorenz"] = partial(lorenz_curve, everyone.worth.earned, writer)
    return figures


def lorenz_curve(earned: Concentration, writer: Writer) -> Figure:
    """Draw the share of the lifetime value over the share of customers, the most valuable first."""
    figure = Figure(figsize=(5.5, 5), layout="constrained")
    axes = figure.subplots()
    fifth = earned.best_fifth
    axes.plot(np.linspace(0, 1, POINTS), 1 - earned.lorenz[::-1])
    axes.plot([0, 1], [0, 1], color="0.7", linestyle="--")
    axes.plot([0.2, 0.2, 0], [0, fifth, fifth], color="0.4", linewidth=0.8)
    axes.annotate(writer.say("axis.best_fifth", share=writer.percent(fifth)), (0.22, fifth - 0.05))
    axes.set(xlabel=writer.say("axis.customers"), ylabel=writer.say("axis.lifetime_value"), xlim=(0, 1), ylim=(0, 1))
    return figure
