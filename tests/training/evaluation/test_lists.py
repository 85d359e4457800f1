"""Metrics of lists against hand-made cases."""

import math

import numpy as np
import pytest

from training.evaluation.lists import Items, Relevant, compare, list_metrics


def test_list_metrics_by_hand() -> None:
    metrics = list_metrics(np.array([0, 1, 0, 1, 0, 0, 0, 0, 0, 0]), relevant=3)
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert metrics["ndcg"] == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / ideal)
    assert metrics["recall"] == pytest.approx(2 / 3)
    assert metrics["precision"] == pytest.approx(0.2)
    assert metrics["hit_rate"] == 1.0
    assert list_metrics(np.ones(10, dtype=bool), relevant=50)["ndcg"] == pytest.approx(1.0)
    assert list_metrics(np.zeros(4, dtype=bool), relevant=2)["hit_rate"] == 0.0


def test_lists_are_compared_on_the_same_customers() -> None:
    good, bad = [np.array([1, 2]), np.array([3])], [np.array([7, 2]), np.array([8])]
    relevant = [Relevant(frozenset({1}), 1), Relevant(frozenset({3}), 2), Relevant(frozenset(), 0)]
    nothing = np.zeros(0, dtype="int64")
    lists = {"good": [*good, nothing], "bad": [*bad, nothing]}
    metrics = compare(lists, relevant, Items(10, frozenset({7})))
    ideal = 1 + 1 / np.log2(3)
    assert metrics["good"]["ndcg"] == pytest.approx((1 + 1 / ideal) / 2)
    assert metrics["good"]["recall"] == pytest.approx(0.75)
    assert metrics["bad"]["hit_rate"] == 0.0
    assert metrics["good"]["coverage"] == pytest.approx(0.3)
    assert metrics["bad"]["head_share"] == pytest.approx(1 / 3)
    assert "gain" not in metrics["good"]
