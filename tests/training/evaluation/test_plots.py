"""Plots show the numbers that they are given."""

import numpy as np
import pytest

from training.evaluation.metrics import Scored
from training.evaluation.plots import calibration_curve, lift_and_gain


def test_a_calibration_curve_holds_the_mean_of_each_bin() -> None:
    risk = np.linspace(0.0, 0.75, 1500)
    outcomes = np.tile([0, 0, 0, 1], 375)
    (axes,) = calibration_curve({"champion": (risk, outcomes)}, "risk", "left").axes
    curve, perfect = axes.lines
    assert curve.get_label() == "champion"
    predicted, observed = np.asarray(curve.get_xdata()), np.asarray(curve.get_ydata())
    np.testing.assert_allclose(predicted, [part.mean() for part in np.array_split(risk, 15)])
    np.testing.assert_allclose(observed, 0.25)
    assert np.asarray(perfect.get_xdata()).tolist() == [0, pytest.approx(predicted[-1])]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("risk", "left")


def test_empty_bins_are_left_out() -> None:
    (axes,) = calibration_curve({"few": (np.array([0.1, 0.9]), np.array([0, 1]))}, "risk", "left").axes
    assert np.asarray(axes.lines[0].get_xdata()).tolist() == [0.1, 0.9]


def test_lift_and_gain_of_a_perfect_ranking() -> None:
    labels = np.array([1] * 20 + [0] * 80)
    perfect = Scored(labels.astype(float), None)
    left, right = lift_and_gain(labels, {"perfect": perfect, "flat": Scored(np.zeros(100), None)}, "churners").axes
    gain = np.asarray(right.lines[0].get_ydata())
    assert gain[:20].tolist() == pytest.approx(np.arange(1, 21) / 20)
    assert set(gain[20:].tolist()) == {1.0}
    lift = np.asarray(left.lines[0].get_ydata())
    assert lift[0] == pytest.approx(5.0)
    assert lift[-1] == pytest.approx(1.0)
    assert [line.get_label() for line in right.lines[:2]] == ["perfect", "flat"]
    assert right.get_ylabel() == "share of churners reached"
