"""Plans that are tried say what plans say, and read nobody again while a slider moves."""

from pathlib import Path

import pytest

from features.contract.erased import Erased
from serving.campaigns.kept import CampaignStateError
from serving.decisions.remembered import Remembered
from tests.serving.campaigns.shops import CALL, MAIL, Shop, campaign
from tests.serving.decisions.worlds import DAY, NOW

_BOTH = {"call": CALL, "mail": MAIL}


def test_a_draft_says_what_the_plan_says_and_customers_are_read_once(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path, actions=_BOTH)
    campaigns = shop.open()
    for budget in (10.0, 20.0, 40.0, None):
        asked = campaign(goal="retain", budget=budget)
        assert (
            campaigns.planning.draft(asked, shop.source).plan == shop.open().plan(asked, shop.source, save=False).plan
        )
    # four plans, and four drafts of the same customers
    assert shop.valued == 5
    assert campaigns.store.all() == []


def test_another_goal_or_file_or_an_erasure_reads_customers_again(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path, actions=_BOTH)
    campaigns = shop.open()
    campaigns.planning.draft(campaign(goal="retain"), shop.source)
    campaigns.planning.draft(campaign(), shop.source)
    assert shop.valued == 2
    chosen = campaigns.planning.draft(campaign(), shop.source)
    gone = chosen.candidates.customers[chosen.contacted[0]]
    Erased(shop.stores).add(gone, NOW)
    after = campaigns.planning.draft(campaign(), shop.source)
    assert gone not in {after.candidates.customers[place] for place in after.contacted}
    shop.decide_by({"budget": 4.0}, _BOTH)
    assert campaigns.planning.draft(campaign(), shop.source).plan.budget == 4.0


def test_a_campaign_limits_the_contacts_of_a_channel(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path, policy={"capacity": {"phone": 1}})
    campaigns = shop.open()
    # one a day: the shop's campaigns have six days left
    assert campaigns.planning.draft(campaign(), shop.source).plan.contacted + 1 >= 6 - 2
    few = campaigns.planning.draft(campaign(capacity={"phone": 2}), shop.source).plan
    assert few.contacted + few.held_out == 2
    # the policy limits it, too
    many = campaigns.planning.draft(campaign(capacity={"phone": 30}), shop.source).plan
    assert many.contacted + many.held_out == 6


def test_a_curve_rises_to_what_can_be_spent(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path, size=200)
    campaigns = shop.open()
    asked = campaign(holdout=0.001)
    curve = campaigns.planning.curve(asked, shop.source)
    gains = [one.gain.value for one in curve.points]
    assert gains[0] == 0
    assert gains == sorted(gains)
    assert curve.enough is not None
    assert 0.9 * gains[-1] <= curve.enough.gain.value
    assert curve.enough.budget < curve.points[-1].budget
    draft = campaigns.planning.draft(asked, shop.source)
    assert curve.points[-1].budget == pytest.approx(draft.most)
    assert gains[-1] == pytest.approx(draft.plan.gain.value)
    assert shop.valued == 1


def test_nobody_worth_a_contact_has_no_budget_that_is_enough(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path, actions={"call": {**CALL, "cost": 10_000.0}})
    curve = shop.open().planning.curve(campaign(), shop.source)
    assert len(curve.points) == 1
    assert curve.enough is None


def test_the_spread_of_risks_has_every_customer_who_may_be_contacted_once(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path, size=100)
    draft = shop.open().planning.draft(campaign(budget=60.0), shop.source)
    spread = draft.spread()
    assert spread is not None
    assert sum(spread.contacted) == draft.plan.contacted
    assert sum(spread.held_out) == draft.plan.held_out
    assert sum(spread.rest) == draft.plan.not_chosen
    assert draft.plan.churners is not None
    assert draft.plan.churners + (draft.plan.false_alarms or 0) == pytest.approx(draft.plan.contacted)


def test_one_more_unit_of_budget_brings_about_what_the_draft_says(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path, size=400)
    campaigns = shop.open()
    totals = [
        campaigns.planning.draft(campaign(budget=budget), shop.source).decided.solution.total
        for budget in (400.0, 440.0)
    ]
    one_more = campaigns.planning.draft(campaign(budget=400.0), shop.source).one_more
    assert (totals[1] - totals[0]) / 40 == pytest.approx(one_more, rel=0.15)


def test_lots_name_the_actions_that_customers_would_get(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path, actions=_BOTH)
    draft = shop.open().planning.draft(campaign(goal="retain", allocation="random"), shop.source)
    given = draft.as_assigned.choice
    assert set(given[draft.contacted].tolist()) == {0, 1}
    assert int((given >= 0).sum()) == draft.plan.contacted


def test_a_campaign_that_is_over_cannot_be_tried(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path)
    past = campaign(starts=NOW - 3 * DAY, ends=NOW - DAY)
    with pytest.raises(CampaignStateError, match="ends after"):
        shop.open().planning.draft(past, shop.source)


def test_what_is_remembered_is_made_again_when_it_is_old_or_there_is_more() -> None:
    now, made = [0.0], list[str]()
    remembered: Remembered[str] = Remembered(60, 2, lambda: now[0])

    def make(name: str) -> str:
        made.append(name)
        return name

    for name in ("a", "a", "b", "a", "c", "b"):
        assert remembered.get(name, lambda name=name: make(name)) == name  # type: ignore[misc]
    assert made == ["a", "b", "c"]
    now[0] = 60.0
    remembered.get("b", lambda: make("b"))
    assert made == ["a", "b", "c", "b"]
