"""Grade, model card and tables: one of each for all models."""

import pytest

from training.evaluation.bootstrap import Estimate
from training.evaluation.card import Card
from training.evaluation.grade import GradeRule
from training.evaluation.sheet import Sheet, gain_with_interval, with_interval

RULE = GradeRule(
    metric="AUC",
    explanation="The grade compares.",
    unit="removed",
    result="{improvement:.0%} better than {best_rule}",
    limits={"A": (0.30, 0.02), "B": (0.20, 0.04), "C": (0.05, 0.08)},
)


@pytest.mark.parametrize(
    ("improvement", "ece", "low", "logistic", "expected"),
    [
        (0.30, 0.02, 0.01, 0.8, "A"),
        (0.29, 0.02, 0.01, 0.8, "B"),
        (0.30, 0.03, 0.01, 0.8, "B"),
        (0.30, 0.02, 0.01, 0.95, "B"),
        (0.05, 0.08, 0.01, 0.95, "C"),
        (0.30, 0.09, 0.01, 0.8, "D"),
        (0.04, 0.01, 0.01, 0.8, "D"),
        (0.90, 0.01, 0.00, 0.8, "D"),
    ],
)
def test_limits_of_a_grade(improvement: float, ece: float, low: float, logistic: float, expected: str) -> None:
    grading = RULE.grade(
        {"champion": 0.9, "recency": 0.7, "logistic": logistic},
        model="champion",
        best_rule="recency",
        gain=Estimate(0.2, low, 0.3),
        improvement=improvement,
        ece=ece,
    )
    assert grading.grade == expected


def test_a_rule_explains_itself() -> None:
    assert RULE.text == (
        "The grade compares. A: at least 30% removed and a calibration error of at most 0.02; "
        "B: at least 20% removed and a calibration error of at most 0.04; "
        "C: at least 5% removed and a calibration error of at most 0.08; else D. It is D too where the 95 % interval "
        "of the gain in AUC reaches down to 0, and at best B where a baseline has a higher AUC."
    )


def test_a_card_is_one_page_with_the_table_and_the_grade() -> None:
    grading = RULE.grade(
        {"champion": 0.9, "recency": 0.7},
        model="champion",
        best_rule="recency",
        gain=Estimate(0.2, 0.1, 0.3),
        improvement=0.4,
        ece=0.01,
    )
    card = Card(
        title="Toy model",
        meaning=("It says this.",),
        training=("Trained so.",),
        measurement=("Measured so.",),
        results=Sheet("", ("method", "auc"), [("champion", "0.9"), ("recency", "0.7")], ("A note.",)),
        rule=RULE,
        grading=grading,
        limits=("One.", "Two."),
    ).markdown()
    assert card.startswith("# Toy model, grade A\n\n## What it says\n\nIt says this.\n")
    assert "| method | auc |\n| --- | --- |\n| champion | 0.9 |\n| recency | 0.7 |\n\nA note.\n" in card
    assert "Grade A: 40% better than recency, calibration error 0.010. In words: ranks well;" in card
    assert "as they are. The grade compares." in card
    assert card.endswith("## Where it ends\n\n- One.\n- Two.\n")


def test_a_row_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected 2 cells in each row of 'title', found \('a',\)"):
        Sheet("title", ("one", "two"), [("a",)])


def test_estimates_are_written_with_their_interval() -> None:
    assert with_interval(Estimate(0.5, 0.4, 0.6)) == "0.500 (0.400–0.600)"
    assert with_interval({"value": 0.5, "low": 0.4, "high": 0.6}) == "0.500 (0.400–0.600)"
    assert with_interval(None) == "–"
    assert gain_with_interval(Estimate(0.1, 0.05, 0.2)) == "+10% (+5% to +20%)"
    assert gain_with_interval(None) == ""
