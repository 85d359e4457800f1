"""The file of decisions."""

import json
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from core.errors import ConfigError
from features.vectors import ages
from serving.decisions.definitions import Action, DecisionFile, Decisions, decisions_of, load_decisions
from serving.parts import PARTS
from serving.segments.rules import columns_of
from serving.settings import DecisionSettings, default_settings, load_settings

_ROOT = Path(__file__).parents[3]
_CALL = """
[actions.call]
goal = "retain"
channel = "phone"
cost = 4.0
saves = 0.12
"""


def _read(tmp_path: Path, text: str) -> Decisions:
    file = tmp_path / "decisions.toml"
    file.write_text(text, encoding="utf-8")
    found = load_decisions(file)
    assert found is not None
    return found


def test_the_file_of_the_demo_is_read_where_its_settings_say() -> None:
    settings = load_settings(_ROOT / "encore.toml")
    assert settings[DecisionSettings].file == Path("decisions.toml")
    found = load_decisions(_ROOT / "decisions.toml")
    assert found is not None
    assert {one.goal for one in found.actions.values()} >= {"retain", "win_back", "repeat", "cross_sell", "up_sell"}
    assert {one.channel for one in found.actions.values()} == {"email", "sms", "phone", "post"}
    assert all(one.titles.keys() == {"en", "zh"} for one in found.actions.values())
    columns = {column.name for part in PARTS for column in part.columns} | ages().keys() | set(ages().values())
    for one in found.actions.values():
        assert one.rule is None or set(columns_of(one.rule)) <= columns


def test_no_file_decides_nothing() -> None:
    assert load_decisions(None) is None
    assert DecisionFile(default_settings()).current() is None


def test_what_is_not_stated_limits_nothing(tmp_path: Path) -> None:
    found = _read(tmp_path, _CALL)
    assert (found.policy.caps, found.policy.capacity, found.policy.budget, found.policy.quiet) == ((), {}, None, None)
    assert found.policy.holdout == 0.05
    call = found.actions["call"]
    assert (call.name, call.rule, call.moments, call.priority) == ("call", None, (), 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[actions", "The decisions cannot be read"),
        ("[action.call]", "expected the tables policy, actions, moments, found 'action'"),
        ("actions = 3", "expected tables [actions.<name>], found actions = 3"),
        ("[actions]\ncall = 3", "expected the table [actions.call], found call = 3"),
        ("policy = 3", "policy: Input should be"),
        (_CALL.replace("call", "do_nothing"), "actions.do_nothing: do_nothing is always there"),
        (_CALL.replace("call", "holdout"), "actions.holdout: holdout names the customers"),
        (_CALL.replace("call", "Call"), "actions.Call.name: String should match pattern"),
        (_CALL.replace("retain", "please"), "actions.call.goal: Input should be 'retain'"),
        (_CALL + "cots = 1", "actions.call.cots: Extra inputs"),
        (_CALL + "adds = 0.1", "actions.call: expected `saves` or `adds`, the assumed effect, found both or neither"),
        (_CALL.replace("saves = 0.12", ""), "expected `saves` or `adds`, the assumed effect, found both or neither"),
        (_CALL.replace("0.12", "1.2"), "actions.call.saves: Input should be less than or equal to 1"),
        (_CALL.replace("retain", "repeat"), "expected `adds` for the goal repeat, which keeps nobody, found `saves`"),
        (_CALL + "amount = 20", "expected `amount` with a goal that sells, found it with retain"),
        (_CALL + "discount = 1.0", "actions.call.discount: Input should be less than 1"),
        (_CALL + "cost = -1".replace("cost", "discount"), "actions.call.discount"),
        (_CALL + "offer = {}", "actions.call.offer: expected `kind` or `products`, found both or neither"),
        (_CALL + "offer = {kind = 'any'}", "actions.call.offer.kind: Input should be"),
        (_CALL + "rule = {column = 'risk'}", "actions.call.rule: expected one operator of equals"),
        (
            _CALL + "rule.all = [{column = 'risk', at_leest = 1}]",
            "actions.call.rule.all.0.at_leest: Extra inputs",
        ),
        (
            _CALL + "valid_from = 2026-12-02\nvalid_until = 2026-12-02",
            "expected valid_until after valid_from, found 2026-12-02 00:00 and 2026-12-02 00:00",
        ),
        (_CALL + "titles = {fr = 'Appel'}", "expected one of en, zh"),
        (_CALL + "moments = ['birthday']", "actions.call.moments: expected none, as there is none, found 'birthday'"),
        (
            _CALL + "moments = ['birthday']\n[moments.due]\nkind = 'due_again'",
            "actions.call.moments: expected one of due, found 'birthday'",
        ),
        (
            _CALL + "[policy]\ncaps = [{channel = 'fone', contacts = 1, days = 7}]",
            "policy.caps.0.channel: expected a channel of an action, one of phone; found 'fone'",
        ),
        (_CALL + "[policy]\ncapacity = {email = 7}", "policy.capacity.email: expected a channel of an action"),
        (_CALL + "[policy]\nconsent = {email = 'newsletter'}", "policy.consent.email: expected a channel of an action"),
        ("[policy]\ncapacity = {email = 7}", "expected a channel of an action, none, as there is none; found 'email'"),
        ("[policy]\nholdout = 1.0", "policy.holdout: Input should be less than 1"),
        ("[policy]\ncaps = [{contacts = 0, days = 7}]", "policy.caps.0.contacts: Input should be greater"),
        ("[policy]\nexclusive = [['spring']]", "exclusive: expected two or more different campaigns"),
        ("[policy]\nexclusive = [['spring', 'spring']]", "exclusive: expected two or more different campaigns"),
        ("[policy]\nexclusive = [['Spring', 'autumn']]", "policy.exclusive.0.0: String should match pattern"),
        ("[policy]\nquiet = {start = 21, end = '08:00'}", 'policy.quiet.start: expected a time such as "21:00", found'),
        ("[policy]\nquiet = {start = '08:00:30', end = '08:00'}", "policy.quiet.start: expected hours and minutes"),
        ("[policy]\nquiet = {start = '08:00', end = '08:00'}", "policy.quiet: expected a start and another end"),
        ("[policy]\nquiet = {start = '21:00', end = '08:00', timezone = 'Berlin'}", "is no time zone"),
    ],
)
def test_what_is_no_decision_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        _read(tmp_path, text)
    assert said in refused.value.problem
    assert "Correct" in refused.value.remedy or "Choose" in refused.value.remedy


def test_goals_say_what_a_success_is() -> None:
    def made(goal: str) -> Action:
        return Action.model_validate({"name": "a", "goal": goal, "channel": "email", "adds": 0.1})

    assert {goal: (made(goal).sells, made(goal).is_marketing) for goal in ("retain", "cross_sell", "serve")} == {
        "retain": (False, True),
        "cross_sell": (True, True),
        "serve": (False, False),
    }


def test_the_version_is_that_of_the_content(tmp_path: Path) -> None:
    first = _read(tmp_path, _CALL + "[policy]\nholdout = 0.1")
    assert _read(tmp_path, "# with a remark\n[policy]\nholdout = 0.1" + _CALL).version == first.version
    assert _read(tmp_path, _CALL + "[policy]\nholdout = 0.2").version != first.version


def test_decisions_can_be_made_again_of_what_was_kept_as_json(tmp_path: Path) -> None:
    found = _read(
        tmp_path,
        _CALL + "valid_from = 2026-12-02\n[policy]\nquiet = {start = 21:00:00, end = 08:00:00}",
    )
    assert decisions_of(json.loads(json.dumps(found.tables)), "kept") == found


def test_the_file_is_read_again_when_it_changes_and_a_broken_edit_keeps_the_last_one(tmp_path: Path) -> None:
    path = tmp_path / "decisions.toml"
    file = DecisionFile(default_settings(DecisionSettings(file=path)))

    def edit(text: str, second: int) -> Decisions | None:
        path.write_text(text)
        os.utime(path, (second, second))
        return file.current()

    first = edit(_CALL, 1)
    assert first is not None
    assert first.actions["call"].cost == 4
    assert file.current() is first
    with capture_logs() as logs:
        assert edit(_CALL + "saves = 2", 2) is first
        assert file.current() is first
        path.unlink()
        assert file.current() is first
    assert [line["event"] for line in logs] == ["decisions_not_read", "decisions_not_read"]
    corrected = edit(_CALL.replace("4.0", "5.0"), 3)
    assert corrected is not None
    assert corrected.actions["call"].cost == 5


def test_a_file_that_never_could_be_read_is_refused(tmp_path: Path) -> None:
    file = DecisionFile(default_settings(DecisionSettings(file=tmp_path / "none.toml")))
    for _ in range(2):
        with pytest.raises(ConfigError, match="The decisions cannot be read"):
            file.current()
