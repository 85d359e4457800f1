"""Pictures show the numbers that the rules give."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.training.segments.populations import SEGMENTS, population
from training.segments import rfm
from training.segments.fit import fit
from training.segments.movements import NO_LONGER, NOT_YET, movements
from training.segments.pictures import centre_map, movement_table, rfm_grid, stability_bars
from training.segments.rfm import RfmCuts
from training.segments.stages import STAGES


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_the_grid_shows_every_cell_with_its_group_and_number() -> None:
    rng = np.random.default_rng(2)
    columns = {name: rng.gamma(1, 30, 500).round() for name in rfm.SCORED.values()}
    columns["recency_days"][0] = np.nan
    scored = rfm.score(columns, RfmCuts.learn(columns), 500)
    figure = rfm_grid(scored, {group: f"<{group}>" for group in rfm.GROUPS}, "recency", "orders and money")
    shown = texts(figure)
    assert len(shown) == 25
    assert sum(int(text.split("\n")[1]) for text in shown if "\n" in text) == 499
    best = (scored.recency == 5) & (scored.frequency + scored.monetary >= 9)
    assert shown[4] == f"<champions>\n{best.sum()}"
    lost = (scored.recency == 1) & (scored.frequency + scored.monetary <= 2)
    assert shown[20] == f"<lost>\n{lost.sum()}" or not lost.any()


def test_the_table_of_movements_shows_every_count() -> None:
    found = movements({"1": "mature", "2": "mature", "3": "lapsed"}, {"1": "lapsed", "2": "lapsed", "4": "new"}, STAGES)
    names = {name: name.title() for name in (*STAGES, NOT_YET, NO_LONGER)}
    figure = movement_table(found, names, "June", "July")
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [names[name] for name in found.before]
    assert sorted(text for text in texts(figure) if text) == ["1", "1", "2"]
    place = found.before.index("mature") * len(found.after) + found.after.index("lapsed")
    assert texts(figure)[place] == "2"


def test_the_map_of_centres_shows_every_centre_and_share() -> None:
    model = fit(population(3), SEGMENTS)
    assert model.clusters is not None
    figure = centre_map(model.clusters, {kind.label: kind.share for kind in model.kinds})
    assert texts(figure) == [f"{value:+.1f}" for value in model.clusters.centres.ravel()]
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == [f"{label} (33%)" for label in model.labels]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == list(model.clusters.scale.columns)


def test_a_bar_is_the_stability_of_a_number() -> None:
    figure = stability_bars({2: 0.9, 3: 0.4}, 0.8)
    tops = [bar.get_extents().transformed(figure.axes[0].transData.inverted()).y1 for bar in figure.axes[0].patches]
    assert tops == pytest.approx([0.9, 0.4])
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["2", "3"]
