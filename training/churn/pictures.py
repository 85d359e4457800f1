"""Pictures of a churn model for its MLflow run and for the notebooks."""

import matplotlib as mpl
import numpy as np
import shap
from matplotlib.figure import Figure

from features.vectors import Floats
from training.churn.model import ChurnModel
from training.metrics import Ints


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


def explanation(model: ChurnModel, inputs: Floats) -> shap.Explanation:
    """Wrap the model's own TreeSHAP values for shap's plots; the same numbers the API explains with."""
    values = model.contributions(inputs)
    return shap.Explanation(values[:, :-1], values[:, -1], inputs, feature_names=list(model.features))


def beeswarm(model: ChurnModel, inputs: Floats) -> Figure:
    """Draw shap's beeswarm of up to 2,000 rows."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415 - pyplot picks a backend when imported

    axes = shap.plots.beeswarm(explanation(model, inputs[:2000]), max_display=15, show=False)
    figure: Figure = axes.figure
    plt.close(figure)
    return figure
