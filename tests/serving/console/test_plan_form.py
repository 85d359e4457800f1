"""What is typed to plan a campaign becomes a campaign, and the campaign becomes the same form again."""

from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from serving.campaigns.kept import Kept
from serving.campaigns.plan import Gain, Plan
from serving.console.plan_form import PlanForm, form_of, read_form
from serving.console.words import make_words
from serving.settings import TextSettings
from tests.serving.decisions.worlds import decisions

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
FILE = decisions(
    {"budget": 400, "capacity": {"phone": 20}},
    call={"goal": "retain", "channel": "phone", "cost": 4},
    letter={"goal": "retain", "channel": "post"},
    coupon={"goal": "win_back", "channel": "post"},
)


def read(**fields: str) -> PlanForm:
    return read_form(urlencode(fields), FILE, NOW, "en")


def test_an_empty_form_means_a_campaign_of_the_next_two_weeks() -> None:
    form = read()
    assert form.campaign is not None
    assert (form.campaign.goal, form.campaign.budget, form.campaign.holdout) == ("retain", 400, 0.1)
    assert form.campaign.starts == datetime(2026, 11, 27, tzinfo=UTC)
    assert form.campaign.ends == datetime(2026, 12, 11, tzinfo=UTC)
    assert form.actions == ("call", "letter")


@pytest.mark.parametrize(("language", "shown"), [("en", "Dec 24, 2026"), ("zh", "2026年12月24日")])
def test_the_last_day_that_was_typed_is_the_last_day_that_is_shown(language: str, shown: str) -> None:
    campaign = read(ends="2026-12-24").campaign
    assert campaign is not None
    assert campaign.ends == datetime(2026, 12, 25, tzinfo=UTC)
    assert make_words(TextSettings())[language].last_day(campaign.ends) == shown


def test_actions_are_left_out_unless_another_goal_was_chosen_since() -> None:
    left = read(goal="retain", of="retain", action="letter")
    assert left.campaign is not None
    assert (left.campaign.goal, left.campaign.actions) == (None, ("letter",))
    changed = read(goal="win_back", of="retain", action="letter")
    assert changed.campaign is not None
    assert (changed.campaign.goal, changed.actions) == ("win_back", ("coupon",))
    assert read(goal="retain", of="retain").wrong == {"action"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("budget", "much"),
        ("budget", "-1"),
        ("budget", "inf"),
        ("holdout", "0"),
        ("holdout", "95"),
        ("holdout", ""),
        ("capacity_phone", "2.5"),
        ("starts", "tomorrow"),
        ("ends", "2026-11-01"),
        ("ends", "9999-12-31"),
        ("name", "Spring!"),
        ("rule", "{"),
        ("segment", "No Name"),
    ],
)
def test_a_field_that_is_not_acceptable_is_named_and_shown_as_it_was_typed(field: str, value: str) -> None:
    form = read(**{field: value})
    assert form.wrong == {field}
    assert form.campaign is None
    assert form.values[field] == value


def test_a_segment_takes_the_place_of_the_rule_of_a_plan() -> None:
    form = read(segment="loyal", rule='{"column": "risk", "at_least": 0.5}')
    assert form.campaign is not None
    assert (form.campaign.segment, form.campaign.rule) == ("loyal", None)


def test_amounts_are_read_as_people_write_them() -> None:
    form = read(budget="1,250.50", holdout="12.5%", capacity_phone="30")
    assert form.campaign is not None
    assert (form.campaign.budget, form.campaign.holdout) == (1250.5, 0.125)
    assert form.campaign.capacity == {"phone": 30}


def test_a_plan_that_is_opened_again_means_the_same_campaign() -> None:
    form = read(
        name="spring-calls",
        title="Calls <b>in</b> spring",
        goal="",
        of="",
        action="call",
        capacity_phone="7",
        holdout="20",
        rule='{"column": "risk", "at_least": 0.3}',
        allocation="random",
        ends="2026-12-24",
    )
    assert form.campaign is not None
    plan = Plan(NOW, NOW, "", 0, 0, 0, 0, 0, 0.0, None, Gain(0.0, None, None), None, None, ())
    again = form_of(Kept(form.campaign, plan, NOW), FILE, NOW, "en")
    sent = read_form(again.query, FILE, NOW, "en")
    assert again.campaign is not None
    assert sent.campaign is not None
    assert form.campaign.model_dump() == again.campaign.model_dump() == sent.campaign.model_dump()
    assert again.editing == "spring-calls"
