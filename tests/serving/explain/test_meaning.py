"""What a risk means, for each kind of churn and each tier."""

from typing import Any

import pytest

from serving.explain.meaning import Meaning
from serving.explain.wording import Writer
from training.churn.definition import Definition

BUYING = Definition("non_contractual", 28, 0, activity_window_days=56)
CONTRACTS = Definition("contractual", 60, 7, grace_days=14)
RENEWALS = Definition("contractual", 60, 7, grace_days=14, population="up_for_renewal")


@pytest.mark.parametrize(
    ("definition", "risk", "tier", "english", "chinese"),
    [
        (
            BUYING,
            0.15,
            "low",
            "15% chance of no purchase in the next 28 days; typical here: 4%",
            "未来 28 天不购买的概率 15%（一般水平 4%）",
        ),
        (
            CONTRACTS,
            0.15,
            "low",
            "15% chance that the contract ends in the next 2 months without a new one; typical here: 4%",
            "未来 2 个月内合同到期且无新合同的概率 15%（一般水平 4%）",
        ),
        (
            RENEWALS,
            0.5,
            "high",
            "50% chance that the contract, which ends in the next 2 months, is not renewed; typical here: 4%",
            "合同将在未来 2 个月内到期，不续约的概率 50%（一般水平 4%）",
        ),
        (
            Definition("labelled", None, 0),
            0.15,
            "low",
            "15% chance of leaving, as this business defines it; typical here: 4%",
            "按本企业定义的流失概率 15%（一般水平 4%）",
        ),
        (
            BUYING,
            0.62,
            "new",
            "One purchase so far, so a rough estimate: 62% chance of no purchase in the next 28 days",
            "仅购买过一次，仅供参考：未来 28 天不购买的概率 62%",
        ),
        (
            BUYING,
            None,
            "inactive",
            "No purchase for more than 56 days: counted as lost",
            "超过 56 天未购买，视为已流失",
        ),
        (CONTRACTS, None, "inactive", "No contract is running", "没有生效中的合同"),
        (RENEWALS, None, "not_due", "The contract does not end in the next 2 months", "合同在未来 2 个月内不会到期"),
    ],
)
def test_a_risk_says_of_what(definition: Definition, risk: float | None, tier: Any, english: str, chinese: str) -> None:
    meaning = Meaning(definition, 0.04)
    assert meaning.text(risk, tier, Writer("en")) == english
    assert meaning.text(risk, tier, Writer("zh")) == chinese


def test_percentages_that_are_too_far_off_are_not_said() -> None:
    meaning = Meaning(BUYING, 0.04, order_only=True)
    texts = [meaning.text(0.9, tier, Writer("en")) for tier in ("high", "medium", "low", "new")]
    assert not any("%" in text for text in texts)
    assert texts[0].startswith("Among the customers most likely to leave")
