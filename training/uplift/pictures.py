"""Pictures of what ranking by predicted lift gains, for the MLflow run and for the notebooks."""

import numpy as np
from matplotlib.figure import Figure

from core.arrays import Floats
from training.uplift.diagnostic import Diagnostic, name_of
from training.uplift.evaluation import LIFT, Evaluation, Subject
from training.uplift.tenths import Tenths

_POINTS = 50


def qini_curves(evaluation: Evaluation, subject: Subject) -> Figure:
    """Draw the gain over the share of customers contacted, a line an order; the band is the 95 % interval of lift."""
    figure = Figure(figsize=(6.5, 5), layout="constrained")
    axes = figure.subplots()
    for name, ranking in subject.rankings.items():
        shares, gained = ranking.curve(_POINTS)
        axes.plot(100 * shares, 1000 * gained, label=f"by {name_of(name)}", linewidth=2.5 if name == LIFT else 1.2)
    shares, gained = subject.rankings[LIFT].curve(_POINTS)
    reach = 1.96 * _standard_errors(subject.rankings[LIFT].scores, shares)
    axes.fill_between(100 * shares, 1000 * (gained - reach), 1000 * (gained + reach), alpha=0.2)
    axes.plot([0, 100], [0, 1000 * gained[-1]], color="0.6", linestyle="--", label="by lot")
    qini = evaluation.measured.estimate((subject.action, LIFT))
    axes.set(
        title=f"{subject.action}: Qini {qini.value:.4f} ({qini.low:.4f} to {qini.high:.4f})",
        xlabel="% of the customers contacted",
        ylabel="customers retained more, of 1,000",
        xlim=(0, 100),
    )
    axes.legend()
    return figure


def _standard_errors(scores: Floats, shares: Floats) -> Floats:
    """Return the standard error of the gain of each first share: that of a mean in which the other rows count 0."""
    count = len(scores)
    ends = (shares * count).round().astype("int64")
    first, second = (np.concatenate([[0.0], np.cumsum(scores**power)])[ends] / count for power in (1, 2))
    errors: Floats = np.sqrt(np.maximum(second - first**2, 0.0) / count)
    return errors


def tenth_bars(action: str, tenths: Tenths) -> Figure:
    """Draw the actual effect by tenth of predicted lift with its interval, beside what was predicted."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    places = np.arange(1, len(tenths.actual) + 1)
    actual, low, high = (100 * np.array(values) for values in (tenths.actual, tenths.low, tenths.high))
    axes.bar(places, actual, color="0.8", label="actual difference")
    axes.errorbar(places, actual, yerr=[actual - low, high - actual], fmt="none", ecolor="0.3", capsize=3)
    axes.plot(places, 100 * np.array(tenths.predicted), "o", label="predicted lift")
    axes.axhline(0, color="0.3", linewidth=0.8)
    axes.set(
        title=action,
        xlabel="tenth of predicted lift, lowest first",
        ylabel="retained more, in points of %",
        xticks=places,
    )
    axes.legend()
    return figure


def ranking_bars(found: Diagnostic) -> Figure:
    """Draw by how much lift gains more than each other order at some budgets, with intervals."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    orders = list(found.at_budgets)
    width = 0.8 / max(len(orders), 1)
    for number, order in enumerate(orders):
        gains = found.at_budgets[order]
        places = np.arange(len(gains)) + (number - (len(orders) - 1) / 2) * width
        values = np.array([[one.value, one.low, one.high] for one in gains.values()]) * 1000
        reach = [values[:, 0] - values[:, 1], values[:, 2] - values[:, 0]]
        axes.bar(places, values[:, 0], width=width, yerr=reach, capsize=2, label=f"than by {name_of(order)}")
    axes.axhline(0, color="0.3", linewidth=0.8)
    axes.set(
        title=f"{found.action}: is risk the right ranking? {found.verdict.replace('_', ' ')}",
        xlabel="budget, share of the customers",
        ylabel="retained more by lift, of 1,000",
    )
    axes.set_xticks(
        range(len(next(iter(found.at_budgets.values()), {}))), list(next(iter(found.at_budgets.values()), {}))
    )
    axes.legend()
    return figure
