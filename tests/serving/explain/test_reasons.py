"""Reasons: which themes get a sentence, in which order, and what is put into one."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from features.store.feature_store import Store
from features.vectors import with_ages
from serving.explain.playbook import load_playbook
from serving.explain.reasons import write_reasons
from serving.explain.themes import THEME_OF, THEMES
from serving.explain.wording import Writer
from serving.settings import TextSettings
from tests.conftest import World
from tests.online import columns_of
from tests.serving.explain.explaining import CHINESE, ENGLISH, explained, less, told
from training.churn.settings import ChurnSettings


def test_every_input_of_the_model_belongs_to_one_theme(world: World, store: Store) -> None:
    online = store.online.rows(ChurnSettings.service, "customer_id", ["6", "12", "18", "24", "30"])
    columns = with_ages(columns_of(online), np.full(5, world.schedule.as_of.timestamp()))
    assert set(columns) - set(THEME_OF) == {"marketing_consent"}  # which no churn model reads
    assert sum(len(theme.features) for theme in THEMES) == len(THEME_OF)


def test_what_says_one_thing_is_one_sentence() -> None:
    parts = {"frequency": 1.0, "spend": 0.5, "variety": 0.25, "silence": 0.25}
    values = less() | {"gap_mean": 7.0}
    reasons = told(values, parts)
    assert [reason.theme for reason in reasons] == ["buying", "silence"]
    first = reasons[0]
    assert first.title == "Buying less than usual"
    assert first.text == (
        "Buying less over 28 days: 1 purchase instead of 4, $3 instead of $128, "
        "1 category instead of 22. Linked to a higher risk."
    )
    assert first.share == pytest.approx(0.875)
    assert first.themes == ["frequency", "spend", "variety"]
    assert {"baskets_28d", "amount_28d", "categories_28d", "categories_usual_28d"} <= first.values.keys()
    assert told(values, parts, writer=CHINESE)[0].text == (
        "最近 28 天购买减少：购买 1 次（平时 4 次），US$3（平时 US$128），1 个品类（平时 22 个）。与较高流失风险相关。"
    )


def test_without_a_purchase_the_rest_goes_without_saying() -> None:
    reasons = told(less(0.0), {"frequency": 1.0, "spend": 0.5, "variety": 0.25})
    assert [reason.text for reason in reasons] == [
        "Buying less over 28 days: no purchases instead of the usual 4. Linked to a higher risk."
    ]


def test_what_says_two_things_stays_apart() -> None:
    values = less() | {"amount_28d": 500.0}
    reasons = told(values, {"frequency": 1.0, "spend": -0.5})
    assert [(reason.theme, reason.finding) for reason in reasons] == [
        ("frequency", "buys_less_often"),
        ("spend", "spends_more"),
    ]


def test_reasons_of_a_contract_that_ends_speak_of_renewal() -> None:
    about = replace(explained({"contract_cancelled": 1.0}, {"contract": 1.0}), subject="renewal")
    (english,), (chinese,) = (write_reasons(about, writer) for writer in (ENGLISH, CHINESE))
    assert english.text == "The customer has given notice. Linked to a higher risk of not renewing."
    assert chinese.text == "该客户已提出解约。与较高的不续约风险相关。"


def test_a_theme_that_the_model_contradicts_is_not_shown() -> None:
    values = {"recency_days": 23.0, "gap_mean": 6.0, "amount_84d": 900.0}
    parts = {"silence": 1.0, "spend": -0.5}
    assert [r.theme for r in write_reasons(explained(values, parts, spend=0.1), ENGLISH)] == ["silence"]
    assert [r.theme for r in write_reasons(explained(values, parts, silence=0.0), ENGLISH)] == ["spend"]


def test_what_can_be_acted_on_is_first_missing_data_last_and_small_ones_left_out() -> None:
    values = {
        **{"recency_days": 23.0, "gap_mean": 6.0, "amount_84d": 900.0},
        **{"discount_share_84d": 0.4, "answer_rate": math.nan, "private_brand_share_84d": 0.5},
    }
    parts = {"silence": 0.2, "spend": -0.3, "campaigns": -0.36, "discounts": 0.1, "brands": -0.04}
    found = write_reasons(explained(values, parts), ENGLISH, load_playbook(None).actionable)
    assert [reason.theme for reason in found] == ["silence", "discounts", "spend", "campaigns"]
    assert [reason.share for reason in found] == pytest.approx([0.2, 0.1, 0.3, 0.36])
    assert told(values, {"silence": 0.0}) == []


def test_no_column_name_is_said() -> None:
    values: dict[str, Any] = less() | {"tenure_days": 300.0, "discount_share_84d": 0.4, "gap_std": 30.0}
    parts = dict.fromkeys(("silence", "frequency", "spend", "variety", "loyalty", "discounts", "rhythm"), 1.0)
    for writer in (ENGLISH, CHINESE):
        for reason in told(values, parts, writer=writer):
            assert "_" not in reason.text + reason.title


def test_amounts_without_a_currency_say_what_they_are() -> None:
    parts = {"frequency": 1.0, "spend": 0.5}
    plain = Writer("en", TextSettings())
    assert "1 purchase instead of the usual 4, 3 spent instead of 128" in told(less(), parts, writer=plain)[0].text
    assert "消费 3（平时 128）" in told(less(), parts, writer=Writer("zh", TextSettings()))[0].text


def test_nothing_spent_is_said_where_nothing_else_says_that_there_was_no_purchase() -> None:
    values = less(0.0) | {"gap_mean": 5.0, "recency_days": 37.0}
    assert told(values, {"spend": 1.0})[0].text.startswith("Spent $0 in the last 28 days, usually $128")
    assert [reason.theme for reason in told(values, {"spend": 0.5, "silence": 0.5})] == ["silence"]
