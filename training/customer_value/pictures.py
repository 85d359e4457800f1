"""Pictures of how good forecasts of amounts are, for the MLflow run and for the notebooks."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from core.arrays import Floats
from training.customer_value.model import Forecast
from training.evaluation.amounts import deciles, lorenz


def lorenz_curves(truth: Floats, methods: Mapping[str, Floats]) -> Figure:
    """Draw the share of the money over the share of customers with the highest forecasts, one line a method."""
    figure = Figure(figsize=(5.5, 5), layout="constrained")
    axes = figure.subplots()
    share = np.arange(1, len(truth) + 1) / len(truth)
    axes.plot(share, lorenz(truth, truth), color="0.7", label="perfect")
    for name, forecast in methods.items():
        axes.plot(share, lorenz(truth, forecast), label=name)
    axes.plot([0, 1], [0, 1], color="0.7", linestyle="--", label="chance")
    axes.set(
        xlabel="share of customers, highest forecast first", ylabel="share of the amount", xlim=(0, 1), ylim=(0, 1)
    )
    axes.legend()
    return figure


def decile_bars(truth: Floats, forecast: Forecast) -> Figure:
    """Draw mean forecast and mean truth by decile of the forecast, with the mean ends of the intervals."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    groups = deciles(forecast.amount)
    places = np.arange(1, len(groups) + 1)
    expected = np.array([forecast.amount[rows].mean() for rows in groups])
    low = np.array([forecast.amount_low[rows].mean() for rows in groups])
    high = np.array([forecast.amount_high[rows].mean() for rows in groups])
    axes.bar(places, [truth[rows].mean() for rows in groups], color="0.8", label="spent")
    axes.errorbar(
        places, expected, yerr=[expected - low, high - expected], fmt="o", capsize=3, label="forecast with its interval"
    )
    axes.set(xlabel="decile of the forecast, lowest first", ylabel="mean amount of a customer", xticks=places)
    axes.legend()
    return figure
