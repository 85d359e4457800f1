"""The pictures of the data report, as SVG inside the page itself."""

from collections.abc import Mapping
from io import StringIO

import matplotlib as mpl
from matplotlib.figure import Figure

from training.readiness.check import Checked
from training.readiness.silence import COME_BACK, Silence

_BLUE, _RED, _GREY = "#1f5fa8", "#c03028", "#888888"
_SIZE = (7.0, 3.2)


def comes_back(silence: Silence, windows: Mapping[str, int]) -> Figure:
    """Draw which share of the customers silent for d days come back, with a line at each of some windows.

    Parameters
    ----------
    windows
        Days by name, the most important first; of two at the same day the first is named.
    """
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    days = range(silence.days + 1)
    axes.plot(days, [100 * silence.come_back(day) for day in days], color=_BLUE)
    axes.axhline(100 * COME_BACK, color=_GREY, linewidth=0.8, linestyle=":")
    drawn: set[int] = set()
    for (name, day), color in zip(windows.items(), (_GREY, _RED), strict=False):
        if day > silence.days or day in drawn:
            continue
        drawn.add(day)
        axes.axvline(day, color=color, linestyle="--")
        axes.text(day - 0.01 * silence.days, 3, f"{name}: {day} days", rotation=90, ha="right", color=color, fontsize=8)
    axes.set(xlabel="days without a purchase", ylabel="% who come back", ylim=(0, 102), xlim=(0, silence.days))
    return figure


def gaps(silence: Silence) -> Figure:
    """Draw how many silences a purchase ended, by length in days."""
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    counted = silence.ended[1 : int((silence.ended.cumsum() <= 0.99 * silence.ended.sum()).sum()) + 1]
    axes.bar(range(1, len(counted) + 1), counted, color=_BLUE, width=1.0)
    axes.set(xlabel="days between purchases (99 % of them)", ylabel="times")
    return figure


def reach(checked: Checked) -> Figure:
    """Draw from when to when each table has events."""
    dated = [(table.name, table.first, table.last) for table in checked.tables if table.first and table.last]
    figure = Figure(figsize=(7.0, 1.0 + 0.4 * len(dated)), layout="constrained")
    axes = figure.subplots()
    for place, (_, first, last) in enumerate(reversed(dated)):
        axes.plot([first, last], [place, place], color=_BLUE, linewidth=8, solid_capstyle="butt")  # type: ignore[arg-type]
    names = [name for name, *_ in reversed(dated)]
    axes.set(yticks=range(len(names)), yticklabels=names, ylim=(-0.6, len(names) - 0.4))
    axes.axvline(checked.as_of, color=_RED, linestyle="--", linewidth=0.8)  # type: ignore[arg-type]
    return figure


def svg(figure: Figure) -> str:
    """Write a figure as SVG that can be a part of a page."""
    text = StringIO()
    # texts stay texts, so that they can be searched and read aloud; the same data give the same picture
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "encore"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue().partition("-->")[2] or text.getvalue()
