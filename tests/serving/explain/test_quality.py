"""What counts as an alarm about the usual, a contradiction, a long text: a wrong one is counted, a right one is not."""

from dataclasses import replace
from math import nan

import pytest

from serving.explain.actions import Action
from serving.explain.contributions import Direction, Explained
from serving.explain.quality import contradictions, is_usual, lengths, readable, reading_grade
from serving.explain.reasons import Reason
from training.evaluation.peers import Group

NOBODY = Group("everyone", {}, {})
#: A customer who buys every 20 days, twice in 28 days, for 50 each time.
HABIT = {
    "gap_mean": 20.0,
    "recency_days": 10.0,
    "baskets_28d": 2.0,
    "baskets_usual_28d": 1.4,
    "amount_28d": 100.0,
    "amount_usual_28d": 70.0,
}


def customer(**values: float) -> Explained:
    return Explained({**HABIT, **values}, {}, NOBODY, NOBODY, {})


def reason(finding: str | None, theme: str = "silence", direction: Direction = "raises") -> Reason:
    return Reason(theme, [theme], finding, "clear", "Title", direction, 0.5, "Text.", {})


@pytest.mark.parametrize(
    ("finding", "values", "usual"),
    [
        ("long_silence", {"recency_days": 60.0}, False),
        ("long_silence", {"recency_days": 19.0}, True),
        ("buys_less_often", {"baskets_28d": 1.0}, False),
        ("buys_less_often", {"baskets_28d": 2.0}, True),
        ("spends_less", {"amount_28d": 20.0}, False),
        ("spends_less", {"amount_28d": 90.0}, True),
        ("buys_less", {"baskets_28d": 0.0, "recency_days": 45.0}, False),
        # no purchase in 28 days by one who buys twice a year, ten weeks after the last
        ("buys_less", {"baskets_28d": 0.0, "recency_days": 70.0, "gap_mean": 180.0}, True),
        ("buys_less_often", {"baskets_28d": 0.0, "recency_days": 70.0, "gap_mean": 180.0}, True),
        ("narrower_basket", {"categories_28d": 3.0, "categories_usual_28d": 2.0}, True),
        ("narrower_basket", {"categories_28d": 1.0, "categories_usual_28d": 4.0}, False),
        ("uses_less_than_usual", {"visits_28d": 5.0, "visits_usual_28d": 4.0}, True),
        ("uses_less_than_usual", {"visits_28d": 1.0, "visits_usual_28d": 4.0}, False),
        # back after ten weeks: a break for one who buys every three weeks, and none for one who buys twice a year
        ("returning", {"gap_mean": 20.0}, False),
        ("returning", {"gap_mean": nan}, False),
        ("returning", {"gap_mean": 180.0}, True),
        ("complains_more", {"complaints_84d": 0.0}, False),
    ],
)
def test_an_alarm_about_the_usual_is_counted(finding: str, values: dict[str, float], usual: bool) -> None:
    one = customer(**values)
    assert is_usual(one, reason(finding)) is usual
    assert not is_usual(one, reason(finding, direction="lowers"))
    assert readable([one], [[reason(finding), reason("complains_more", "service")]])["alarms_about_the_usual"] == usual


def test_a_reason_that_compares_with_nothing_is_counted() -> None:
    counted = readable(
        [customer(), customer()], [[reason("complains_more"), reason(None)], [reason(None), reason(None)]]
    )
    assert counted["reasons"] == 4
    assert counted["compared"] == 0.25
    assert readable([customer()], [[]])["compared"] == 1.0


@pytest.mark.parametrize(("since", "gap", "blamed"), [(3.0, 20.0, 1), (3.0, nan, 1), (6.0, 2.0, 0), (9.0, 20.0, 0)])
def test_a_recent_purchase_that_is_blamed_is_counted(since: float, gap: float, blamed: int) -> None:
    one = customer(recency_days=since, gap_mean=gap)
    assert readable([one], [[reason("longer_silence")]])["blamed_on_a_recent_purchase"] == blamed
    assert readable([one], [[reason("longer_silence", "frequency")]])["blamed_on_a_recent_purchase"] == 0
    lowering = replace(reason("within_rhythm"), direction="lowers")
    assert readable([one], [[lowering]])["blamed_on_a_recent_purchase"] == 0


def contradicting(tier: str, found: list[Reason], *findings: str) -> int:
    counted = contradictions([tier], [found], [[Action(finding, "Do it.") for finding in findings]])  # type: ignore[list-item]
    assert counted["customers"] == 1
    assert counted["with_an_action"] == bool(findings)
    return counted["contradicting"]


def test_actions_that_contradict_are_counted() -> None:
    late, complains = reason("long_silence"), reason("complains_more", "service")
    new, ends = reason("new_customer", "loyalty"), reason("contract_ends_soon", "contract")
    right = [late, complains, new, ends]
    assert contradicting("high", right, "complains_more", "long_silence") == 0
    assert contradicting("medium", [late], "long_silence") == 0
    assert contradicting("low", [late]) == 0
    assert contradicting("low", [late], "long_silence") == 1, "an action at low risk"
    assert contradicting("new", [late], "long_silence") == 1, "an action where it is too early to tell"
    assert contradicting("high", [late], "spends_less") == 1, "an action without its reason"
    lowering = replace(late, direction="lowers")
    assert contradicting("high", [lowering], "long_silence") == 1, "an action on a reason that lowers the risk"
    assert contradicting("high", right, "long_silence", "complains_more") == 1, "complaints that come second"
    assert contradicting("high", [new, ends], "new_customer", "contract_ends_soon") == 1, "welcome and renewal at once"


def test_long_texts_are_counted() -> None:
    assert lengths(["a" * 140, "bc"]) == {"texts": 2, "longest": 140, "too_long": 0}
    assert lengths(["a" * 141, "久" * 141, "bc"]) == {"texts": 3, "longest": 141, "too_long": 2}
    assert lengths([]) == {"texts": 0, "longest": 0, "too_long": 0}


def test_the_reading_grade_is_that_of_its_formula() -> None:
    # 6 words, 1 sentence, 6 syllables: 0.39 * 6 + 11.8 - 15.59
    assert reading_grade(["The cat sat on the mat."]) == pytest.approx(-1.45)
    # 4 words, 2 sentences, 8 syllables: cus-tom-er, due, re-new, ser-vice
    assert reading_grade(["Customer due. Renew service!"]) == pytest.approx(0.39 * 2 + 11.8 * 8 / 4 - 15.59)
    simple, hard = "Last purchase 23 days ago.", "Discontinuation probability substantially deteriorates."
    assert reading_grade([simple]) < 8 < reading_grade([hard])
    assert reading_grade([simple, hard]) == pytest.approx((reading_grade([simple]) + reading_grade([hard])) / 2)
    assert reading_grade([]) == 0.0
