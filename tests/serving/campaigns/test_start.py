"""Plans say what the start does, and the start freezes it once: in the store and in the file of assignments."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.errors import DataError
from features.contract.assigned import HOLDOUT, assigned_directory
from serving.campaigns import start
from serving.campaigns.allocation import draws
from serving.campaigns.kept import CampaignStateError, UnknownCampaignError
from serving.decisions.policy import in_global_holdout
from serving.segments.columns import RuleError
from serving.segments.definitions import SegmentDefinition
from serving.segments.service import UnknownSegmentError
from serving.settings import DecisionSettings
from tests.serving.campaigns.shops import CALL, MAIL, Shop, campaign, later
from tests.serving.decisions.worlds import interaction, report


def file_of(shop: Shop, name: str = "spring") -> pd.DataFrame:
    return pd.read_parquet(assigned_directory(shop.stores) / f"{name}.parquet")


def test_the_start_does_what_the_plan_says(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path, 200, {"capacity": {"phone": 5}, "budget": 1_000})
    campaigns = shop.open()
    planned = campaigns.plan(campaign(), shop.source, save=True)
    started = campaigns.start("spring", shop.source)
    assert started.plan.actions == planned.plan.actions
    rows = campaigns.store.assignments("spring")
    held = rows[rows["arm"] == HOLDOUT]
    assert (len(rows) - len(held), len(held)) == (planned.plan.contacted, planned.plan.held_out)
    # six days are left of the week, five calls each
    assert len(rows) == 30
    assert held["customer_id"].tolist() == [
        one
        for one, drawn in zip(rows["customer_id"], draws("spring\0holdout", rows["customer_id"].tolist()), strict=True)
        if drawn < 0.2
    ]
    assert held["propensity"].eq(0.2).all()
    assert held["cost"].eq(0).all()
    assert held["intended"].eq("call").all()
    assert rows.loc[rows["arm"] == "call", "propensity"].eq(0.8).all()
    assert planned.plan.cost == pytest.approx(rows["cost"].sum())


def test_the_customers_with_the_highest_gain_are_chosen(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path, 100, {"capacity": {"phone": 2}})
    campaigns = shop.started()
    gain = 0.5 * np.array(shop.risk) * np.array(shop.amount) / (1 - np.array(shop.risk)).clip(0.1) - 4
    best = {shop.customers[place] for place in np.argsort(-gain)[:12]}
    assert set(campaigns.store.assignments("spring")["customer_id"]) == best


def test_the_plan_counts_whom_it_reaches_and_whom_it_would_not_have_needed(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path, 50)
    kept = shop.open().plan(campaign(), shop.source, save=False)
    plan, risk = kept.plan, dict(zip(shop.customers, shop.risk, strict=True))
    shop.open().plan(campaign(), shop.source, save=True)
    campaigns = shop.open()
    campaigns.start("spring", shop.source)
    rows = campaigns.store.assignments("spring")
    contacted = rows.loc[rows["arm"] == "call", "customer_id"]
    assert plan.false_alarms == pytest.approx(sum(1 - risk[one] for one in contacted))
    assert plan.churners_reached is None, "the score table has no risks"
    assert (plan.gain.low, plan.actions[0].effect) == (None, "assumed")


def test_a_trial_keeps_nothing(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path)
    shop.open().plan(campaign(), shop.source, save=False)
    assert shop.open().store.all() == []
    with pytest.raises(UnknownCampaignError, match="no campaign 'spring'"):
        shop.open().start("spring", shop.source)


def test_a_plan_is_replaced_until_the_start_and_never_after(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path)
    campaigns = shop.open()
    campaigns.plan(campaign(budget=8), shop.source, save=True)
    campaigns.plan(campaign(budget=40), shop.source, save=True)
    started = campaigns.start("spring", shop.source)
    assert started.plan.contacted + started.plan.held_out == 10
    with pytest.raises(CampaignStateError, match=r"was started at 2026-11-27 12:00 UTC"):
        campaigns.start("spring", shop.source)
    with pytest.raises(CampaignStateError, match=r"was started at 2026-11-27 12:00 UTC"):
        campaigns.plan(campaign(budget=8), shop.source, save=True)
    assert campaigns.store.one("spring") == started


def test_of_two_that_start_at_once_one_wins(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path)
    shop.open().plan(campaign(), shop.source, save=True)

    def begin(_: int) -> str:
        try:
            shop.open().start("spring", shop.source)
        except CampaignStateError:
            return "late"
        return "won"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(begin, range(4))) == ["late", "late", "late", "won"]
    assert len(file_of(shop)) == len(shop.open().store.assignments("spring"))


def test_a_customer_who_withdraws_between_plan_and_start_is_not_in_it(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path)
    campaigns = shop.open()
    planned = campaigns.plan(campaign(), shop.source, save=True)
    report(shop.settings, [interaction("c003", "consent", 0, value=0)])
    started = campaigns.start("spring", shop.source)
    assert "c003" not in set(campaigns.store.assignments("spring")["customer_id"])
    assert planned.plan.actions[0].ruled_out == {}
    assert started.plan.actions[0].ruled_out == {"consent_withdrawn": 1}


def test_nobody_of_the_global_holdout_is_in_any_campaign(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path, 200, {"holdout": 0.3})
    campaigns = shop.started()
    policy, rows = campaigns.planning.decisions().policy, campaigns.store.assignments("spring")
    held = {one for one in shop.customers if in_global_holdout(policy, one)}
    assert len(held) > 30
    assert held.isdisjoint(rows["customer_id"])
    assert campaigns.store.one("spring").plan.actions[0].ruled_out == {"holdout": len(held)}


def test_the_file_has_what_the_store_has(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path)
    campaigns = shop.started()
    rows, written = campaigns.store.assignments("spring"), file_of(shop)
    for name in ("customer_id", "arm", "intended", "channel", "propensity", "cost"):
        assert written[name].fillna("").tolist() == rows[name].fillna("").tolist(), name
    assert set(written["campaign_id"]) == {"spring"}
    assert set(written["assigned_timestamp"]) == {pd.Timestamp(shop.now)}
    assert set(rows["reason"].dropna()) == {"rhythm"}


def test_a_start_that_was_killed_before_the_file_is_completed_by_the_next_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop.of(tmp_path)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    campaigns = shop.open()
    campaigns.plan(campaign(), shop.source, save=True)
    with monkeypatch.context() as broken:
        broken.setattr(start, "write_assignments", killed)
        with pytest.raises(KeyboardInterrupt):
            campaigns.start("spring", shop.source)
    assert not (assigned_directory(shop.stores) / "spring.parquet").exists()
    shop.open().repair()
    assert len(file_of(shop)) == len(campaigns.store.assignments("spring"))
    assert campaigns.store.unwritten() == []


def test_a_customer_who_is_erased_during_the_start_is_not_in_it(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path)
    campaigns = shop.open()
    campaigns.plan(campaign(), shop.source, save=True)

    def erase() -> None:
        shop.open().store.erase("c001")
        place = shop.customers.index("c001")
        shop.customers = [one for one in shop.customers if one != "c001"]
        shop.risk = np.delete(shop.risk, place)
        shop.amount = np.delete(shop.amount, place)

    shop.meanwhile.append(erase)
    campaigns.start("spring", shop.source)
    assert not campaigns.store.holds("c001")
    assert "c001" not in set(file_of(shop)["customer_id"])


def test_rivals_share_no_customer_though_they_start_at_once(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path, 60, {"exclusive": [["spring", "summer"]], "capacity": {"phone": 4}})
    campaigns = shop.open()
    for name in ("spring", "summer"):
        campaigns.plan(campaign(name), shop.source, save=True)
    # both have read their customers before either is frozen
    shop.meanwhile.append(lambda: shop.open().start("summer", shop.source))
    campaigns.start("spring", shop.source)
    spring, summer = (set(campaigns.store.assignments(name)["customer_id"]) for name in ("spring", "summer"))
    assert (len(spring), len(summer)) == (24, 24)
    assert spring.isdisjoint(summer)


def test_arms_drawn_by_lot_keep_budget_and_capacity(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path, 300, {"capacity": {"phone": 10}}, {"call": CALL, "mail": MAIL})
    campaigns = shop.started(goal="retain", allocation="random", budget=150)
    rows = campaigns.store.assignments("spring")
    counts = rows["arm"].value_counts()
    assert rows["cost"].sum() <= 150
    assert counts["call"] <= 60
    assert rows["intended"].isna().all()
    expected = rows["arm"].map({HOLDOUT: 0.2, "call": 0.4, "mail": 0.4})
    assert rows["propensity"].to_numpy() == pytest.approx(expected.to_numpy())
    assert counts.min() > 10


def test_segments_and_rules_say_whom_it_asks(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path)
    campaigns = shop.open()
    rule = {"column": "risk", "at_least": 0.5}
    campaigns._segments.define(SegmentDefinition.model_validate({"name": "risky", "rule": rule}), shop.source)
    risky = sum(one >= 0.5 for one in shop.risk)
    assert campaigns.plan(campaign(segment="risky"), shop.source, save=False).plan.customers == risky
    assert campaigns.plan(campaign(rule=rule), shop.source, save=True).plan.customers == risky
    campaigns.start("spring", shop.source)
    assert set(campaigns.store.assignments("spring")["segments"]) == {"risky"}
    with pytest.raises(UnknownSegmentError, match="no segment 'nobody'"):
        campaigns.plan(campaign(segment="nobody"), shop.source, save=False)
    with pytest.raises(RuleError, match="no column 'luck'"):
        campaigns.plan(campaign(rule={"column": "luck", "below": 1}), shop.source, save=False)


def test_what_cannot_be_planned_or_started_says_why(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path)
    campaigns = shop.open()
    with pytest.raises(DataError, match="no action 'fly'; there are call"):
        campaigns.plan(campaign(actions=("fly",)), shop.source, save=False)
    with pytest.raises(DataError, match="No action has the goal welcome; there are actions for retain"):
        campaigns.plan(campaign(goal="welcome"), shop.source, save=False)
    with pytest.raises(CampaignStateError, match="ends after 2026-11-27"):
        campaigns.plan(campaign(ends=shop.now), shop.source, save=False)
    campaigns.plan(campaign(starts=later(hours=1)), shop.source, save=True)
    with pytest.raises(CampaignStateError, match="runs from 2026-11-27 13:00 UTC"):
        campaigns.start("spring", shop.source)
    shop.decide_by({"ask": "required"})
    campaigns.plan(campaign(), shop.source, save=True)
    with pytest.raises(CampaignStateError, match="Nobody may be contacted"):
        campaigns.start("spring", shop.source)
    shop.settings = shop.settings.replaced(DecisionSettings())
    with pytest.raises(CampaignStateError, match="actions and policy"):
        shop.open().plan(campaign(), shop.source, save=False)
