"""What campaigns have changed becomes the effect that the next decisions are made with."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.settings import Settings, StoreSettings
from core.stamps import read_stamp, write_stamp
from features.contract.assigned import HOLDOUT
from features.contract.tables import contract_directory
from serving.campaigns.database import CampaignDatabase
from serving.campaigns.learning import as_json, effects_sheet, learn, made_from
from serving.campaigns.store import CampaignStore
from serving.decisions.definitions import load_decisions
from serving.settings import DecisionSettings
from tests.contract_tables import written
from tests.serving.campaigns.shops import Shop
from tests.serving.decisions.worlds import decisions
from tests.training.effects.test_outcomes import assignment, line
from training.effects.measured import load_effects, needs_more

_Rows = list[dict[str, Any]]


def _mailing(
    campaign: str, share: float = 0.5, drawn: float = 0.5, lift: float = 0.3, count: int = 400
) -> tuple[_Rows, _Rows]:
    """Return assignments and outcomes: every second customer stays, with a call by `lift` more.

    Parameters
    ----------
    share, drawn
        Of the customers who are called, and the probability with which they were to be.
    """
    called = int(count * share)
    assigned, outcomes = [], []
    for place in range(count):
        is_called = place < called
        customer = f"{campaign}-{place:03}"
        arm, propensity = ("call", drawn) if is_called else (HOLDOUT, 1 - drawn)
        assigned.append(assignment(customer, campaign=campaign, arm=arm, propensity=propensity))
        stays = (place % 100) < 100 * (0.5 + lift * is_called)
        outcomes.append({"customer_id": customer, "campaign_id": campaign, "retained": stays})
    return assigned, outcomes


def _store(settings: Settings) -> CampaignStore:
    return CampaignStore(CampaignDatabase(settings[StoreSettings]))


def test_an_imported_campaign_becomes_an_effect(tmp_path: Path) -> None:
    assigned, outcomes = _mailing("easter")
    settings = written(tmp_path, assignments=assigned, outcomes=outcomes)
    learned = learn(settings, _store(settings), None)
    assert (learned.measured, learned.waiting, learned.doubted) == (("easter",), (), ())
    (effect,) = learned.effects
    assert (effect.action, effect.by, effect.measure, effect.campaigns) == ("call", "all", "retained", ("easter",))
    assert effect.lift == pytest.approx(0.3)
    assert 0 < effect.low < 0.3 < effect.high
    assert (effect.customers, effect.controls, needs_more(effect)) == (200, 200, 0)
    assert load_effects(settings[StoreSettings]) == learned.effects
    assert learned.text == "Campaigns measured: 1; actions whose effect on retention is known: 1."


def test_campaigns_of_the_same_action_count_together(tmp_path: Path) -> None:
    assigned, outcomes = _mailing("easter")
    more, known = _mailing("summer", lift=0.1)
    settings = written(tmp_path, assignments=assigned + more, outcomes=outcomes + known)
    (effect,) = learn(settings, _store(settings), None).effects
    assert effect.campaigns == ("easter", "summer")
    assert 0.1 < effect.lift < 0.3
    assert effect.customers == 400


def test_a_campaign_whose_outcomes_are_to_come_is_waited_for(tmp_path: Path) -> None:
    assigned, outcomes = _mailing("easter")
    late, known = _mailing("summer", lift=-0.5)
    settings = written(tmp_path, assignments=assigned + late, outcomes=outcomes + known[:-1])
    learned = learn(settings, _store(settings), None)
    assert (learned.measured, learned.waiting) == (("easter",), ("summer",))
    assert [one.campaigns for one in learned.effects] == [("easter",)]
    assert "campaigns that wait for outcomes: 1" in learned.text


def test_a_campaign_whose_arms_are_not_as_drawn_is_left_out(tmp_path: Path) -> None:
    assigned, outcomes = _mailing("easter", share=0.7)
    settings = written(tmp_path, assignments=assigned, outcomes=outcomes)
    learned = learn(settings, _store(settings), None)
    assert (learned.effects, learned.doubted) == ((), ("easter",))
    assert "easter" in learned.text


def test_effects_of_before_are_replaced(tmp_path: Path) -> None:
    assigned, outcomes = _mailing("easter")
    settings = written(tmp_path, assignments=assigned, outcomes=outcomes)
    learn(settings, _store(settings), None)
    written(tmp_path)
    assert learn(settings, _store(settings), None).effects == ()
    assert load_effects(settings[StoreSettings]) == ()


def test_a_campaign_of_our_own_is_measured_by_reason_too(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path, 500)
    campaigns = shop.started(holdout=0.4)
    rows = campaigns.store.assignments("spring")
    helped = (rows["arm"] == "call") & (rows["reason"] == "rhythm")
    outcomes = [
        {"customer_id": customer, "campaign_id": "spring", "retained": bool(stays)}
        for customer, stays in zip(rows["customer_id"], helped | (np.arange(len(rows)) % 4 == 0), strict=True)
    ]
    lines = [line(rows["customer_id"].iloc[0], "o", shop.now)]
    written(shop.stores.data, outcomes=outcomes, transactions=lines)
    file = load_decisions(shop.settings[DecisionSettings].file)
    learned = learn(shop.settings, campaigns.store, file)
    found = {(one.by, one.group): one for one in learned.effects if one.measure == "retained"}
    assert learned.measured == ("spring",)
    assert found["reason", "rhythm"].lift > found["all", ""].lift > 0.1
    assert ["call", "reason rhythm"] in [row[:2] for row in effects_sheet(learned.effects).rows]
    # nobody read a report
    assert campaigns.store.looks("spring") == 0


def test_few_customers_are_shown_as_not_measured_yet(tmp_path: Path) -> None:
    assigned, outcomes = _mailing("easter", count=60)
    settings = written(tmp_path, assignments=assigned, outcomes=outcomes)
    found = learn(settings, _store(settings), None).effects
    assert [row[-2] for row in effects_sheet(found).rows] == ["needs 40 more"]
    (shown,) = as_json(found)
    assert (shown["needs_more"], shown["group"], shown["campaigns"]) == (40, None, ["easter"])


def test_effects_are_learned_again_where_data_campaigns_or_decisions_change(tmp_path: Path) -> None:
    settings = written(tmp_path)
    store, folder = _store(settings), contract_directory(settings[StoreSettings])
    assert made_from(settings, store, None) is None

    def ingested(fingerprint: str) -> str | None:
        write_stamp(folder, {**read_stamp(folder), "fingerprint": fingerprint, "rows": {"assignments": 1}})
        return made_from(settings, store, None)

    first = ingested("one")
    assert first is not None
    assert ingested("one") == first
    assert ingested("two") != first
    assert made_from(settings, store, decisions()) != ingested("two")
