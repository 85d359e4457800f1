"""Metrics against hand-made cases and naive loops."""

import numpy as np
import pytest

from training.evaluation.metrics import (
    Scored,
    _measure_draws,
    bootstrap,
    expected_calibration_error,
    measure,
    top_share,
)


def test_calibration_error_of_honest_and_dishonest_probabilities() -> None:
    labels = np.tile([1, 0, 0, 0], 300)
    assert expected_calibration_error(labels, np.full(1200, 0.25), bins=3) == pytest.approx(0.0, abs=1e-9)
    assert expected_calibration_error(labels, np.full(1200, 0.65), bins=3) == pytest.approx(0.4, abs=1e-9)


def test_calibration_error_equals_a_naive_loop() -> None:
    rng = np.random.default_rng(0)
    risk = rng.random(997)
    labels = (rng.random(997) < risk**2).astype("int64")
    pairs = sorted(zip(risk, labels, strict=True))
    sizes = [997 // 15 + (1 if i < 997 % 15 else 0) for i in range(15)]
    wanted, start = 0.0, 0
    for size in sizes:
        part = pairs[start : start + size]
        start += size
        wanted += size / 997 * abs(sum(p for p, _ in part) / size - sum(y for _, y in part) / size)
    assert expected_calibration_error(labels, risk) == pytest.approx(wanted)


def test_lift_and_recall_at_the_top() -> None:
    labels = np.array([1] * 5 + [0] * 45 + [1] * 5 + [0] * 45)
    scores = np.array([1.0] * 10 + [0.0] * 90)
    lift, recall = top_share(labels, scores)
    assert lift == pytest.approx(5.0)
    assert recall == pytest.approx(0.5)


def test_a_perfect_ranking_and_its_interval() -> None:
    labels = np.array([0, 1] * 50)
    groups = np.array([f"c{i // 4}" for i in range(100)], dtype=object)
    perfect = labels.astype(float)
    draws = bootstrap(labels, {"best": Scored(perfect, None), "flat": Scored(0 * perfect, None)}, groups, rounds=20)
    estimates = draws.estimates()["best"]
    assert estimates["roc_auc"].value == estimates["roc_auc"].low == estimates["roc_auc"].high == 1.0
    assert "brier" not in estimates
    assert set(measure(labels, Scored(perfect, perfect))) >= {"brier", "ece"}
    gain = draws.gain("roc_auc", "best", "flat")
    assert (gain.low, gain.value, gain.high) == (0.5, 0.5, 0.5)


def test_draws_are_measured_as_rows_drawn_one_by_one() -> None:
    rng = np.random.default_rng(2)
    labels = (rng.random(400) < 0.3).astype("int64")
    scores = np.round(rng.random(400), 2)  # with ties
    scored = Scored(scores, scores)
    times = rng.integers(0, 4, (5, 400))
    measured = _measure_draws(labels, scored, times)
    for draw, row in enumerate(times):
        chosen = np.repeat(np.arange(400), row)
        wanted = measure(labels[chosen], scored.at(chosen))
        assert {name: values[draw] for name, values in measured.items()} == pytest.approx(wanted)


def test_nothing_is_measured_where_there_is_nothing_to_rank() -> None:
    draws = bootstrap(np.zeros(4, dtype="int64"), {"any": Scored(np.arange(4.0), None)}, np.array(list("abcd")))
    assert draws.estimates() == {"any": {}}


def test_intervals_hold_customers_together() -> None:
    """A customer's rows are copies of each other; drawn one by one the interval would be far too narrow."""
    rng = np.random.default_rng(1)
    customers = np.repeat(np.arange(40), 25)
    score = rng.random(40)
    labels = (rng.random(40) < score).astype("int64")
    methods = {"any": Scored(score[customers], None)}
    together, alone = (
        bootstrap(labels[customers], methods, groups.astype(object)).estimates()["any"]["roc_auc"]
        for groups in (customers, np.arange(1000))
    )
    assert together.high - together.low > 2 * (alone.high - alone.low)
