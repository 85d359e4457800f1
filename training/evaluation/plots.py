"""Plots that every kind of model shares, for MLflow runs and notebooks."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from core.arrays import Floats, Ints
from training.evaluation.metrics import Scored

_BINS = 15


def calibration_curve(curves: Mapping[str, tuple[Floats, Ints]], probability: str, outcome: str) -> Figure:
    """Draw the observed share over the predicted probability, in bins of equal mass, one line a curve.

    Parameters
    ----------
    curves
        By name the probabilities and what happened, 0 or 1.
    probability, outcome
        Labels of the axes.
    """
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    highest = 0.0
    for name, (probabilities, happened) in curves.items():
        bins = [part for part in np.array_split(np.argsort(probabilities, kind="stable"), _BINS) if len(part)]
        predicted = [float(probabilities[part].mean()) for part in bins]
        observed = [float(happened[part].mean()) for part in bins]
        axes.plot(predicted, observed, marker="o", label=name)
        highest = max([highest, *predicted, *observed])
    axes.plot([0, highest], [0, highest], color="0.7", linestyle="--", label="perfect")
    axes.set(xlabel=probability, ylabel=outcome)
    axes.legend()
    return figure


def lift_and_gain(labels: Ints, methods: Mapping[str, Scored], positives: str) -> Figure:
    """Draw lift and gain over the share of customers contacted, highest score first, one line a method.

    Gain is the share of all positives among those contacted; lift is gain over the share contacted.

    Parameters
    ----------
    positives
        The word for customers with label 1, such as churners.
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
    right.set(xlabel="share of customers contacted", ylabel=f"share of {positives} reached", xlim=(0, 1), ylim=(0, 1))
    right.legend()
    return figure
