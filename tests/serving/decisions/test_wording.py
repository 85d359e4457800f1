"""Sentences about decisions, in both languages."""

import pytest

from serving.decisions.actions import Action
from serving.decisions.listing import REASONS
from serving.decisions.wording import Change, DecisionWriter, Gain, Known
from serving.explain.language import LANGUAGES, catalogue
from serving.explain.wording import Writer
from serving.settings import TextSettings

ENGLISH = DecisionWriter(Writer("en", TextSettings(currency="EUR")))
CHINESE = DecisionWriter(Writer("zh", TextSettings(currency="EUR")))
CALL = Action(name="call", goal="retain", channel="phone", saves=0.1, titles={"en": "Call", "zh": "致电"})


def test_an_action_has_its_title_in_the_language_and_else_its_name() -> None:
    assert (ENGLISH.title(CALL), CHINESE.title(CALL)) == ("Call", "致电")
    plain = CALL.model_copy(update={"titles": {}})
    assert (ENGLISH.title(plain), CHINESE.title(plain)) == ("call", "call")
    assert (ENGLISH.title(None), CHINESE.title(None)) == ("Do nothing", "暂不行动")


@pytest.mark.parametrize(
    ("known", "english", "chinese"),
    [
        (
            Known("platinum", "low", 41.6, 12.2),
            "High value, silent for 41 days, usually comes every 12 days.",
            "高价值，已 41 天未购买，平时每 12 天一次。",
        ),
        (
            Known("gold", "high", 11.0, 12.0),
            "Likely to leave, last purchase 11 days ago, usually every 12 days.",
            "流失风险高，上次购买是 11 天前，平时每 12 天一次。",
        ),
        (Known(silent_days=0.3), "Last purchase today.", "上次购买是今天。"),
        (
            Known("basic", contract_days=20.0),
            "Low value, contract ends in 20 days.",
            "低价值，合同将在 20 天后到期。",
        ),
        (
            Known("diamond", contract_days=20.0, moment="complaint"),
            "High value, complained a short time ago.",
            "高价值，近期有过投诉。",
        ),
    ],
)
def test_facts_are_those_that_are_known(known: Known, english: str, chinese: str) -> None:
    assert (ENGLISH.facts(known), CHINESE.facts(known)) == (english, chinese)


@pytest.mark.parametrize("known", [Known(), Known("gold", "low"), Known(contract_days=400), Known(moment="unheard")])
def test_without_facts_there_is_no_sentence(known: Known) -> None:
    assert ENGLISH.facts(known) is None
    assert ENGLISH.together(None, "Second.") == "Second."


@pytest.mark.parametrize(("silent", "is_silent"), [(11.9, False), (12.1, True)])
def test_a_customer_is_silent_from_one_and_a_half_of_the_usual_gap_on(silent: float, is_silent: bool) -> None:
    facts = ENGLISH.facts(Known(silent_days=silent, usual_gap_days=8.0))
    assert facts is not None
    assert facts.startswith("Silent") == is_silent


def test_effects_are_written_of_so_many_customers_that_two_are_changed() -> None:
    measured = Change("measured", 0.06, 0.021, 0.123)
    assert ENGLISH.change("Call", measured) == (
        "In campaigns so far, “Call” kept 6 more of 100 customers like this (between 2.1 and 12)."
    )
    assert CHINESE.change("致电", measured) == (
        "在以往的活动中，“致电”在每 100 名此类客户中多留住 6 名（介于 2.1 与 12 名之间）。"
    )
    assert "brings 10 more purchases from 1,000 customers" in ENGLISH.change(
        "Mail", Change("assumed", 0.01, sells=True)
    )
    assert "keeps 2 more of 10,000 customers" in ENGLISH.change("Mail", Change("assumed", 0.0002))
    fewer = Change("model", 0.03, -0.03, 0.09)
    assert "(between 3 fewer and 9 more)" in ENGLISH.change("Mail", fewer)
    assert "（介于少 3 与多 9 名之间）" in CHINESE.change("邮件", fewer)


def test_one_action_works_better_than_another_only_where_campaigns_have_shown_it() -> None:
    call, mail = Change("measured", 0.063, 0.04, 0.09), Change("model", 0.03, 0.01, 0.05)
    assert ENGLISH.better("Call", call, "Mail", mail) == (
        "“Call” worked 2.1 times better than “Mail” for customers like this."
    )
    assert CHINESE.better("致电", call, "邮件", mail) == "对此类客户，“致电”的效果是“邮件”的 2.1 倍。"
    for one, other in (
        (call, Change("assumed", 0.03)),
        (Change("assumed", 0.06), mail),
        (Change("measured", 0.063, 0.02, 0.1), mail),  # may be no better
        (Change("measured", 0.032, 0.031, 0.033), mail),
        (call, Change("model", -0.01, -0.02, 0.0)),
        (call, Change("measured", 0.03, 0.01, 0.05, sells=True)),
    ):
        assert ENGLISH.better("Call", one, "Mail", other) is None


def test_gains_have_an_interval_unless_the_effect_is_assumed() -> None:
    assert ENGLISH.gain(Gain(12.4, 4.0, 3.0, 20.0)) == ("Expected to bring €12 after costs of €4 (between €3 and €20).")
    assert ENGLISH.gain(Gain(12.4, 4.0)) == "Expected to bring €12 after costs of €4, if the assumed effect is right."
    assert CHINESE.gain(Gain(12.4, 4.0, 3.0, 20.0)) == "扣除成本 €4 后，预计带来 €12（€3 至 €20 之间）。"


def test_the_second_choice_brings_less_or_takes_what_brings_more_elsewhere() -> None:
    assert ENGLISH.runner_up("Mail", 9.0, 12.0) == "Second choice: “Mail”, which is expected to bring €3 less."
    assert "bring €3 more here" in ENGLISH.runner_up("Mail", 15.0, 12.0)
    assert "about the same" in ENGLISH.runner_up("Mail", 12.001, 12.0)
    assert ENGLISH.runner_up("Mail", 9.0, None) == ("Best action otherwise: “Mail”, which is expected to bring €9.")


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_that_rules_an_action_out_has_a_sentence(language: str) -> None:
    texts = catalogue(language).texts
    assert {key for key in texts if key.startswith("ruled_out.")} == {f"ruled_out.{one}" for one in REASONS[1:]}
    write = DecisionWriter(Writer(language))
    sentences = [write.ruled_out(code) for code in REASONS[1:]]
    assert len(set(sentences)) == len(sentences)
    assert all(sentence[-1] in ".。" for sentence in sentences)
