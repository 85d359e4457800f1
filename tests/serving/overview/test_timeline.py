"""A customer's story: exports and events since, each thing once, newest first."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.settings import Settings, StoreSettings
from features.contract.arrow import arrow_schema
from features.contract.erased import Erased
from features.contract.events import event_reader
from features.contract.tables import FEATURE_TABLES
from features.live.log import EventLog
from features.store.materialized import Online, rows_directory
from serving.overview.consents import Consent, consents_of
from serving.overview.timeline import Entry, Story, read_story
from training.monitoring.answers import Answer, AnswerLog
from training.monitoring.settings import MonitoringSettings

DAY = timedelta(days=1)
START = datetime(2025, 3, 1, tzinfo=UTC)
ONLINE = Online("abc", START + 10 * DAY, sells=True, kinds=frozenset({"contact"}), events=0, definition="")


def line(order: str, product: str, amount: float, day: int = 1, **more: Any) -> dict[str, Any]:
    row = {"customer_id": "ann", "order_id": order, "product_id": product, "quantity": 1.0, "amount": amount}
    return {**row, "event_timestamp": START + day * DAY, "created_timestamp": START + day * DAY, **more}


def contact(day: int, **more: Any) -> dict[str, Any]:
    return {"customer_id": "ann", "kind": "contact", "event_timestamp": START + day * DAY, **more}


EXPORTED: dict[str, list[dict[str, Any]]] = {
    "transactions": [
        line("o1", "milk", 2.0),
        line("o1", "<b>ham</b>", 5.0),
        line("o1", "nuts", 1.0),
        line("o1", "tea", 3.0),
        line("o2", "milk", 2.0, day=3, customer_id="bob"),
        # an event of before the export, whose rows come from the log again
        line("o0", "milk", 9.0, day=0, event_id="e0"),
    ],
    "products": [{"product_id": "milk", "name": "Milk"}, {"product_id": "tea", "name": None}],
    "customers": [{"customer_id": "ann", "marketing_consent": True, "acquisition_channel": "web"}],
    "interactions": [contact(2, channel="email", campaign_id="spring")],
    "subscriptions": [{"customer_id": "ann", "start_timestamp": START, "plan": "basic", "price": 9.0}],
}
EVENTS: list[dict[str, Any]] = [
    {"kind": "purchase", "order_id": "o3", "lines": [{"product_id": "milk", "quantity": 2, "amount": 4}]},
    # reported by an export and by a till
    {"kind": "purchase", "order_id": "o1", "lines": [{"product_id": "milk", "quantity": 1, "amount": 2}]},
    {"kind": "contact", "event_timestamp": START + 2 * DAY},
    {"kind": "complaint", "channel": "phone", "text": "Sour <i>milk</i>"},
    {"kind": "subscription", "start_timestamp": START, "end_timestamp": START + 90 * DAY},
]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(StoreSettings(data=tmp_path), MonitoringSettings())
    folder = rows_directory(made[StoreSettings], ONLINE.fingerprint)
    folder.mkdir(parents=True)
    for name in FEATURE_TABLES:
        schema = arrow_schema(name)
        rows = sorted(EXPORTED[name], key=lambda row: row.get("customer_id", ""))
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / f"{name}.parquet", row_group_size=2)
    log = EventLog(made[StoreSettings])
    for place, event in enumerate(EVENTS):
        read = event_reader().validate_python({"event_id": f"e{place + 1}", "customer_id": "ann", **event})
        log.append([read], START + (4 + place) * DAY)
    return made


def story(settings: Settings, customer: str = "ann", *answers: Answer) -> Story:
    log = AnswerLog(settings)
    log.add(answers)
    return read_story(settings, ONLINE, EventLog(settings[StoreSettings]), log, customer, {})


def test_exports_and_events_are_one_list_without_what_is_known_twice(settings: Settings) -> None:
    score = Answer("ann", "encore-churn/1", START + 9 * DAY, risk=0.4, tier="medium")
    offers = Answer("ann", "encore-next-product/1", START + 9 * DAY, offers=(("milk", "repeat"), ("soap", "next")))
    found = story(settings, "ann", score, offers, Answer("bob", "encore-churn/1", START, risk=0.1, tier="low"))
    assert list(found.entries) == [
        Entry(at=START + 90 * DAY, kind="contract_end", label="basic"),
        Entry(at=START + 9 * DAY, kind="score", risk=0.4, tier="medium"),
        Entry(at=START + 9 * DAY, kind="offers", products=("Milk", "soap")),
        Entry(at=START + 7 * DAY, kind="complaint", channel="phone", text="Sour <i>milk</i>"),
        Entry(at=START + 4 * DAY, kind="purchase", amount=4.0, lines=1, products=("Milk",)),
        Entry(at=START + 2 * DAY, kind="contact", channel="email", label="spring"),
        Entry(at=START + DAY, kind="purchase", amount=11.0, lines=4, products=("<b>ham</b>", "tea", "Milk")),
        Entry(at=START, kind="contract", amount=9.0, label="basic"),
    ]
    assert found.attributes == {"acquisition_channel": "web"}
    assert found.consents == [Consent(None, given=True, at=None)]


def test_of_somebody_unknown_or_erased_nothing_is_read(settings: Settings) -> None:
    assert story(settings, "eve") == Story({}, [], [])
    Erased(settings[StoreSettings]).add("ann", START)
    assert not story(settings).entries


def test_the_last_answer_about_consent_counts_and_a_withdrawal_of_two_at_once() -> None:
    said = [
        {"kind": "consent", "event_timestamp": START + day * DAY, "channel": channel, "value": value}
        for day, channel, value in [(3, "Email", 1.0), (1, "email", 0.0), (2, None, 0.0), (2, None, 1.0)]
    ]
    on_file = {"customer_id": "ann", "marketing_consent": True, "consent_sms": "false", "consent_post": "?"}
    assert consents_of(on_file, said, {}) == [
        Consent(None, given=False, at=START + 2 * DAY),
        Consent("email", given=True, at=START + 3 * DAY),
        Consent("sms", given=False, at=None),
    ]


def test_the_policy_names_the_attribute_of_a_consent_as_decisions_read_it() -> None:
    on_file = {"call_ok": "no", "consent_phone": "yes"}
    assert consents_of(on_file, [], {"phone": "call_ok"}) == [Consent("phone", given=False, at=None)]
