"""Grades in words."""

from dataclasses import replace

import pytest

from training.evaluation.bootstrap import Estimate
from training.evaluation.grade import GradeRule, Grading

RULE = GradeRule(
    "AUC",
    "Compares.",
    "removed",
    "{improvement:.0%} of {best_rule}",
    {"A": (0.3, 0.02), "B": (0.2, 0.04), "C": (0.05, 0.08)},
)


def graded(improvement: float, ece: float, bias: float = 0.0, low: float = 0.01) -> Grading:
    gain = Estimate(0.05, low, 0.1)
    return RULE.grade(
        {"m": 0.8, "recency": 0.7},
        model="m",
        best_rule="recency",
        gain=gain,
        improvement=improvement,
        ece=ece,
        bias=bias,
    )


@pytest.mark.parametrize(
    ("improvement", "ece", "bias", "low", "words"),
    [
        (0.4, 0.01, 0.001, 0.01, "ranks well; percentages can be taken as they are"),
        (0.2, 0.03, 0.02, 0.01, "ranks well; percentages are 2 points too high"),
        (0.2, 0.03, -0.03, 0.01, "ranks well; percentages are 3 points too low"),
        (
            0.1,
            0.03,
            0.001,
            0.01,
            "ranks somewhat better than the rule recency; percentages are 3 points off on average",
        ),
        (0.4, 0.09, 0.08, 0.01, "ranks well; percentages are 8 points too high, read them as order only"),
        (0.04, 0.01, 0.0, 0.01, "ranks no better than the rule recency; percentages can be taken as they are"),
        (0.4, 0.01, 0.0, 0.0, "ranks no better than the rule recency; percentages can be taken as they are"),
    ],
)
def test_words_follow_rank_and_percentages(improvement: float, ece: float, bias: float, low: float, words: str) -> None:
    one = graded(improvement, ece, bias, low)
    assert one.words == words
    assert one.order_only == (ece > 0.08)
    assert f"In words: {words}." in RULE.summary(one)


@pytest.mark.parametrize(
    ("improvement", "ece", "bias", "words"),
    [
        (0.4, 0.01, 0.001, "forecasts well; amounts can be taken as they are"),
        (0.4, 0.04, -0.03, "forecasts well; amounts are 3 % too low"),
        (0.4, 0.04, 0.001, "forecasts well; amounts are 4 % off on average"),
        (0.1, 0.09, 0.08, "forecasts somewhat better than the rule recency; amounts are 8 % too high, read them as"),
    ],
)
def test_words_of_amounts(improvement: float, ece: float, bias: float, words: str) -> None:
    rule = replace(RULE, sizes="amounts", verb="forecasts")
    gain = Estimate(0.05, 0.01, 0.1)
    one = rule.grade({"m": 0.8}, model="m", best_rule="recency", gain=gain, improvement=improvement, ece=ece, bias=bias)
    assert one.words.startswith(words)
