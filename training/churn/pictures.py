"""Pictures of what moves a churn model, for its MLflow run and for the notebooks."""

from collections.abc import Callable

import matplotlib as mpl
import shap
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from core.arrays import Floats
from training.churn.model import ChurnModel

#: Rows that shap draws; more do not change the picture.
_ROWS = 2000


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
