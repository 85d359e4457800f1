"""The Qini coefficient against a naive loop, and what intervals of several rankings hold."""

from itertools import pairwise

import numpy as np
import pytest

from training.uplift.qini import BUDGETS, Ranking, measure


def naive(values: list[float], scores: list[float], budget: float | None = None) -> float:
    """The area between the curve of gains and the line to its end; or the gain at a budget over as many by lot."""
    ordered = [score for _, score in sorted(zip(values, scores, strict=True), key=lambda pair: -pair[0])]
    count = len(ordered)
    curve = [0.0]
    for score in ordered:
        curve.append(curve[-1] + score / count)
    if budget is not None:
        return curve[round(budget * count)] - budget * curve[-1]
    area = sum((before + after) / 2 / count for before, after in pairwise(curve))
    return area - curve[-1] / 2


def test_it_is_the_area_of_a_naive_loop() -> None:
    rng = np.random.default_rng(3)
    values, scores = rng.normal(size=200), rng.normal(size=200)
    found = Ranking.by(values, scores, np.arange(200)).measure(np.ones(200, dtype="int64"))
    assert found[0] == pytest.approx(naive(values.tolist(), scores.tolist()))
    for place, budget in enumerate(BUDGETS, start=1):
        assert found[place] == pytest.approx(naive(values.tolist(), scores.tolist(), budget))


def test_a_customer_drawn_twice_is_there_twice() -> None:
    rng = np.random.default_rng(4)
    values, scores, counts = rng.normal(size=50), rng.normal(size=50), rng.integers(0, 3, 50)
    found = Ranking.by(values, scores, np.arange(50)).measure(counts)
    twice = naive(np.repeat(values, counts).tolist(), np.repeat(scores, counts).tolist())
    assert found[0] == pytest.approx(twice)


def test_the_best_order_has_the_highest_coefficient_and_the_reverse_the_lowest() -> None:
    scores = np.random.default_rng(5).normal(size=300)
    every = np.ones(300, dtype="int64")
    best, worst = (Ranking.by(sign * scores, scores, np.arange(300)).measure(every)[0] for sign in (1, -1))
    assert best > 0 > worst
    assert best == pytest.approx(-worst)


def test_equal_values_are_an_order_by_lot() -> None:
    # customers come ordered by campaign: the first are those on whom the action works
    scores = np.concatenate([np.ones(1_000), -np.ones(1_000)])
    found = Ranking.by(np.zeros(2_000), scores, np.arange(2_000)).measure(np.ones(2_000, dtype="int64"))
    assert abs(found[0]) < 0.03


def test_intervals_are_wider_where_more_is_asked_and_hold_0_for_chance() -> None:
    rng = np.random.default_rng(6)
    inside = 0
    for _ in range(40):
        values, scores = rng.normal(size=400), rng.normal(size=400)
        rank = {"x": Ranking.by(values, scores, np.arange(400))}
        ids = np.arange(400).astype(str).astype(object)
        one, four = (measure(ids, rank, questions, rounds=60).estimate("x") for questions in (1, 4))
        assert four.low < one.low < one.high < four.high
        inside += four.low <= 0 <= four.high
    assert inside >= 37
