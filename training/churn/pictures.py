"""Pictures of a churn model for its MLflow run and for the notebooks."""

from collections.abc import Callable, Mapping

import matplotlib as mpl
import numpy as np
import shap
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from core.arrays import Floats, Ints
from training.churn.model import ChurnModel
from training.evaluation.metrics import Scored

#: Rows that shap draws; more say nothing more.
_ROWS = 2000


def calibration_curve(labels: Ints, risk: Floats, bins: int = 15) -> Figure:
    """Draw observed churn over predicted risk, in bins of equal mass."""
    parts = np.array_split(np.argsort(risk, kind="stable"), bins)
    predicted = [risk[part].mean() for part in parts]
    observed = [labels[part].mean() for part in parts]
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.7", linestyle="--", label="perfect")
    axes.plot(predicted, observed, marker="o", label="champion")
    axes.set(xlabel="predicted risk", ylabel="share who churned", xlim=(0, 1), ylim=(0, 1))
    axes.legend()
    return figure


def lift_and_gain(labels: Ints, methods: Mapping[str, Scored]) -> Figure:
    """Draw lift and gain over the share of customers contacted, riskiest first, one line a method.

    Gain is the share of all churners among those contacted; lift is gain over the share contacted.
    """
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    contacted = np.arange(1, len(labels) + 1) / len(labels)
    shown = contacted >= 0.01
    for name, scored in methods.items():
        gain = np.cumsum(labels[np.argsort(-scored.scores, kind="stable")]) / labels.sum()
        left.plot(contacted[shown], (gain / contacted)[shown], label=name)
        right.plot(contacted, gain, label=name)
    left.axhline(1, color="0.7", linestyle="--")
    right.plot([0, 1], [0, 1], color="0.7", linestyle="--")
    left.set(xlabel="share of customers contacted", ylabel="lift", xlim=(0, 1))
    right.set(xlabel="share of customers contacted", ylabel="share of churners reached", xlim=(0, 1), ylim=(0, 1))
    right.legend()
    return figure


def explanation(model: ChurnModel, inputs: Floats) -> shap.Explanation:
    """Wrap the model's own TreeSHAP values for shap's plots; the same numbers the API explains with."""
    values = model.contributions(inputs)
    return shap.Explanation(values[:, :-1], values[:, -1], inputs, feature_names=list(model.features))


def beeswarm(model: ChurnModel, inputs: Floats) -> Figure:
    """Draw shap's beeswarm of up to 2,000 rows."""
    return _drawn(lambda: shap.plots.beeswarm(explanation(model, inputs[:_ROWS]), max_display=15, show=False))


def bar(model: ChurnModel, inputs: Floats) -> Figure:
    """Draw shap's bar chart of mean absolute values, of up to 2,000 rows."""
    return _drawn(lambda: shap.plots.bar(explanation(model, inputs[:_ROWS]), max_display=15, show=False))


def _drawn(draw: Callable[[], Axes]) -> Figure:
    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415 - pyplot picks a backend when imported

    figure = plt.figure()
    draw()
    plt.close(figure)
    return figure
