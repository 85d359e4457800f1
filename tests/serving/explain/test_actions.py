"""One action at a time, that fits the customer."""

from typing import Any

import pytest

from serving.explain.actions import Due, choose_actions
from serving.explain.playbook import load_playbook
from serving.explain.reasons import Reason
from serving.explain.wording import LONGEST, Writer

PLAYBOOK = load_playbook(None)


def reason(finding: str, direction: Any = "raises") -> Reason:
    return Reason("theme", ["theme"], finding, "clear", "title", direction, 0.2, "text", {})


def chosen(*findings: str, tier: Any = "high", due: Due | None = None, language: str = "en") -> list[str]:
    return [action.text for action in act(*findings, tier=tier, due=due, language=language)]


def act(*findings: str, tier: Any = "high", due: Due | None = None, language: str = "en") -> list[Any]:
    return choose_actions([reason(name) for name in findings], tier, PLAYBOOK, Writer(language), due)


@pytest.mark.parametrize("tier", ["low", "new", "not_due", "inactive", None])
def test_only_customers_at_risk_get_an_action(tier: str | None) -> None:
    assert not act("long_silence", tier=tier)
    assert act("long_silence", tier="medium")


def test_complaints_come_first_and_the_next_one_is_named() -> None:
    found = act("long_silence", "narrower_range", "complains_more")
    assert [action.finding for action in found] == ["complains_more", "long_silence"]
    assert found[0].text == "Call about the complaints before anything is offered."


def test_welcome_and_renewal_exclude_each_other() -> None:
    assert [action.finding for action in act("new_customer", "contract_ends_soon")] == ["contract_ends_soon"]
    assert [action.finding for action in act("first_contract", "notice_given", "asks_more")] == [
        "notice_given",
        "asks_more",
    ]


def test_one_reminder_is_enough() -> None:
    assert [action.finding for action in act("buys_less", "long_silence", "smaller_spender")] == ["long_silence"]


def test_the_product_is_in_it_or_no_product_at_all() -> None:
    bread = Due("17", "FRUIT BREAD", 12.0)
    (action,) = act("long_silence", due=bread)
    assert (action.text, action.product_id) == ("Remind them of “FRUIT BREAD”, usually bought every 12 days.", "17")
    assert chosen("long_silence", due=bread, language="zh") == ["提醒客户购买“FRUIT BREAD”（平时每 12 天一次）。"]
    (without,) = act("long_silence")
    assert (without.text, without.product_id) == ("Get in touch with a personal message.", None)


def test_what_lowers_the_risk_asks_for_nothing() -> None:
    assert not choose_actions([reason("long_silence", "lowers")], "high", PLAYBOOK, Writer("en"))
    assert not choose_actions([reason("within_rhythm")], "high", PLAYBOOK, Writer("en"))


def test_a_long_name_leaves_the_text_within_its_limit() -> None:
    (action,) = act("long_silence", due=Due("17", "A" * 200, 12.0))
    assert len(action.text) == LONGEST
    assert action.text.endswith("…”, usually bought every 12 days.")


def test_customers_who_want_no_marketing_get_service_alone() -> None:
    reasons = [reason("long_silence"), reason("complains_more")]
    found = choose_actions(reasons, "high", PLAYBOOK, Writer("en"), marketing=False)
    assert [action.finding for action in found] == ["complains_more"]
