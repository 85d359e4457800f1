"""The playbook, which the business may edit; errors say what is wrong."""

from pathlib import Path

import pytest

from core.errors import ConfigError
from serving.explain.actions import choose_actions
from serving.explain.language import LANGUAGES
from serving.explain.playbook import load_playbook
from serving.explain.themes import FINDINGS
from serving.explain.wording import Writer
from tests.serving.explain.test_actions import act, reason


def test_our_own_has_every_language_and_a_policy_for_what_can_be_done() -> None:
    playbook = load_playbook(None)
    assert playbook.actionable <= FINDINGS
    for suggestion in playbook.suggestions.values():
        assert set(suggestion.plain) == set(LANGUAGES)
        assert set(suggestion.product) in ({*LANGUAGES}, set())
    named = {*playbook.policy.order, *(finding for group in playbook.policy.exclusive for finding in group)}
    assert named <= playbook.actionable


def test_texts_of_the_business_take_the_place_of_ours(tmp_path: Path) -> None:
    file = tmp_path / "playbook.toml"
    file.write_text(
        '[long_silence]\nen = "Call them."\n[long_silence.product]\nen = "Call about {product}, {every}."\n'
    )
    playbook = load_playbook(file)
    assert playbook.actionable == {"long_silence"}
    assert playbook.policy == load_playbook(None).policy
    reasons = [reason("long_silence"), reason("complains_more")]
    assert [one.text for one in choose_actions(reasons, "high", playbook, Writer("en"))] == ["Call them."]
    assert choose_actions(reasons, "high", playbook, Writer("zh")) == []


def test_a_policy_of_the_business_keeps_our_texts(tmp_path: Path) -> None:
    file = tmp_path / "playbook.toml"
    file.write_text('[policy]\ntiers = ["high"]\norder = ["long_silence"]\n')
    playbook = load_playbook(file)
    assert playbook.policy.exclusive == load_playbook(None).policy.exclusive  # what it does not say stays as it was
    reasons = [reason("complains_more"), reason("long_silence")]
    found = choose_actions(reasons, "high", playbook, Writer("en"))
    assert [one.finding for one in found] == ["long_silence", "complains_more"]
    assert not choose_actions(reasons, "medium", playbook, Writer("en"))
    assert act("complains_more", tier="medium")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[silly]\nen = 'x'", "nothing is named silly; expected some of answers_campaigns, as_usual, asks"),
        ("[policy]\norder = ['silly']", "nothing is named silly"),
        ("[policy]\ntiers = ['top']", r"policy\.tiers\.0 = 'top'"),
        ("[long_silence]\nfr = 'x'", r"long_silence\.fr = 'fr': .*expected one of en, zh"),
        ("[long_silence]\nen = 'x {name}'", "long_silence: a text cannot be filled: 'name'"),
        ("[long_silence]\nen = 'x {product}'", "long_silence: a text cannot be filled: 'product'"),
        ("[long_silence]\nen = 'Ask <team>.'", "long_silence: a text cannot be filled: 'trade.purchase.team'"),
        ("[long_silence.product]\nen = '{product.x}'", "long_silence: a text cannot be filled: .*'x'"),
        ("[long_silence", "cannot be read"),
        ("long_silence = 3", "long_silence = 3: expected a section"),
    ],
)
def test_an_error_says_what_is_wrong(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "playbook.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=problem):
        load_playbook(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_playbook(tmp_path / "none.toml")
