"""Contacts, complaints, returns and consents, as they are known at a moment."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import ConfigError, DataError, StateError
from core.settings import Settings, StoreSettings
from features.contract.erased import Erased
from serving.decisions.contacts import Contacts, Reserved, read_contacts
from serving.decisions.definitions import Decisions
from tests.serving.decisions.worlds import NOW, ago, decisions, ingested, interaction, report, settings_in

_CUSTOMERS = ["a", "b", "c"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


def _read(settings: Settings, *reserved: Reserved, said: Decisions | None = None) -> Contacts:
    return read_contacts(settings, _CUSTOMERS, NOW, reserved, said or decisions())


def _same(values: object, expected: list[float | None]) -> bool:
    wanted = np.array([np.nan if one is None else one for one in expected])
    return bool(np.array_equal(np.asarray(values), wanted, equal_nan=True))


def test_contacts_count_by_channel_since_a_number_of_days(settings: Settings) -> None:
    rows = [
        interaction("a", "contact", 7, channel="email"),
        interaction("a", "contact", 7.001, channel="email"),
        interaction("a", "contact", 1, channel="Email "),
        interaction("b", "contact", 1, channel="phone"),
        interaction("b", "contact", 2),
        interaction("b", "visit", 1, channel="email"),
        interaction("stranger", "contact", 1, channel="email"),
    ]
    ingested(settings, rows)
    contacts = _read(settings)
    assert contacts.counts("email", 7).tolist() == [2, 0, 0]
    assert contacts.counts("email", 8).tolist() == [3, 0, 0]
    assert contacts.counts(None, 7).tolist() == [2, 2, 0]
    assert contacts.counts("post", 7).tolist() == [0, 0, 0]
    assert _same(contacts.last("contact"), [ago(1).timestamp(), ago(1).timestamp(), None])


def test_complaints_and_returns_have_a_last_one_and_block_up_to_their_end(settings: Settings) -> None:
    rows = [interaction("a", "complaint", days) for days in (9, 3)] + [interaction("b", "return", 3)]
    ingested(settings, rows)
    contacts = _read(settings)
    assert _same(contacts.last("complaint"), [ago(3).timestamp(), None, None])
    assert _same(contacts.last("return"), [None, ago(3).timestamp(), None])
    assert contacts.is_within("complaint", 3).tolist() == [False, False, False]
    assert contacts.is_within("complaint", 4).tolist() == [True, False, False]
    assert not contacts.is_within("complaint", 0).any()


def test_an_acknowledged_event_counts_at_once_and_once(settings: Settings) -> None:
    ingested(settings, [])
    assert _read(settings).counts("email", 7).tolist() == [0, 0, 0]
    contact = interaction("a", "contact", 1, channel="email", campaign_id="spring")
    report(settings, [contact])
    assert _read(settings).counts("email", 7).tolist() == [1, 0, 0]
    # the next export has it too, while the ingestion had not seen the event
    ingested(settings, [contact])
    assert _read(settings).counts("email", 7).tolist() == [1, 0, 0]
    # the ingestion had seen it
    ingested(settings, [contact], events=1)
    assert _read(settings).counts("email", 7).tolist() == [1, 0, 0]
    # at the same moment through another channel it is another contact
    report(settings, [{**contact, "channel": "phone"}], first=2)
    assert _read(settings).counts(None, 7).tolist() == [2, 0, 0]


def test_an_event_without_a_moment_counts_though_its_moment_is_now(settings: Settings) -> None:
    ingested(settings, [interaction("b", "contact", 0)])
    report(settings, [{"customer_id": "a", "kind": "contact"}, {"customer_id": "c", "kind": "complaint"}])
    contacts = _read(settings)
    assert contacts.counts(None, 1).tolist() == [1, 0, 0]
    assert contacts.is_within("complaint", 1).tolist() == [False, False, True]


def test_a_reserved_contact_counts_until_it_is_reported(settings: Settings) -> None:
    ingested(settings, [])
    tomorrow = Reserved("a", "email", NOW + timedelta(hours=20), "spring")
    assert _read(settings, tomorrow).counts("email", 7).tolist() == [1, 0, 0]
    assert _read(settings, tomorrow).is_within("contact", 1).tolist() == [True, False, False]
    # a contact of days before is another one, as of an earlier campaign of the same name
    report(settings, [interaction("a", "contact", 6, channel="email", campaign_id="spring")])
    assert _read(settings, tomorrow).counts("email", 7).tolist() == [2, 0, 0]
    report(settings, [interaction("a", "contact", 0.1, channel="email", campaign_id="spring")], first=2)
    assert _read(settings, tomorrow).counts("email", 7).tolist() == [2, 0, 0]


def test_of_several_reserved_contacts_as_many_wait_as_were_not_reported(settings: Settings) -> None:
    ingested(settings, [interaction("a", "contact", days, campaign_id="spring") for days in (5, 3)])
    reserved = [Reserved("a", "email", ago(days), "spring") for days in (5, 3, 1)]
    assert _read(settings, *reserved).counts(None, 7).tolist() == [3, 0, 0]


def test_the_last_consent_of_the_channel_or_of_none_counts(settings: Settings) -> None:
    rows = [
        interaction("a", "consent", 9, value=0.0),
        interaction("a", "consent", 8, value=1.0, channel="EMAIL"),
        interaction("b", "consent", 8, value=1.0, channel="email"),
        interaction("b", "consent", 8, value=0.0),
        interaction("c", "consent", 8, value=0.0, channel="phone"),
    ]
    ingested(settings, rows)
    contacts = _read(settings)
    assert _same(contacts.consent("email"), [1, 0, None])
    assert _same(contacts.consent("phone"), [0, 0, 0])
    report(settings, [interaction("a", "consent", 1, value=0)])
    assert _same(_read(settings).consent("email"), [0, 0, None])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("yes", "no", None), [1, 0, 0]),
        ((True, False, None), [1, 0, 0]),
        ((1.0, 0.0, None), [1, 0, 0]),
        (("TRUE", " 0 ", ""), [1, 0, 0]),
    ],
)
def test_what_is_on_file_for_the_channel_comes_before_marketing(
    settings: Settings, values: tuple[Any, ...], said: list[float | None]
) -> None:
    ingested(
        settings,
        [],
        [
            {"customer_id": customer, "marketing_consent": False, "consent_email": value}
            for customer, value in zip(_CUSTOMERS, values, strict=True)
        ],
    )
    assert _same(_read(settings).consent("email"), said)
    assert _same(_read(settings).consent("phone"), [0, 0, 0])
    # what was said later counts more than what is on file
    report(settings, [interaction("b", "consent", 1, value=1)])
    assert _same(_read(settings).consent("email"), [said[0], 1, said[2]])


def test_the_policy_can_name_the_attribute_of_a_channel(settings: Settings) -> None:
    ingested(settings, [], [{"customer_id": "b", "marketing_consent": True, "newsletter": "no", "consent_fax": "?"}])
    named = decisions({"consent": {"email": "newsletter"}})
    assert _same(_read(settings, said=named).consent("email"), [None, 0, None])
    with pytest.raises(ConfigError, match=r"policy.consent.email: expected an attribute .* found 'letter'"):
        _read(settings, said=decisions({"consent": {"email": "letter"}}))
    with pytest.raises(DataError, match=r"customers.consent_fax: expected a consent that is true or false, found '\?'"):
        _read(settings, said=decisions(fax={"channel": "fax"}))


def test_nothing_is_known_of_unknown_customers(settings: Settings) -> None:
    ingested(settings, [])
    contacts = _read(settings)
    assert _same(contacts.consent("email"), [None, None, None])
    assert _same(contacts.last("contact"), [None, None, None])
    assert not contacts.erased.any()
    assert read_contacts(settings, [], NOW, [], decisions()).counts(None, 7).tolist() == []


def test_customers_whose_erasure_has_begun_are_known(settings: Settings) -> None:
    ingested(settings, [])
    Erased(settings[StoreSettings]).add("b", NOW)
    assert _read(settings).erased.tolist() == [False, True, False]


def test_moments_are_exact_to_the_microsecond(settings: Settings) -> None:
    now = datetime(2026, 11, 27, 12, 34, 56, 789_123, tzinfo=UTC)
    moments = [now - timedelta(days=7, microseconds=late) for late in (0, 1)]
    ingested(settings, [{**interaction("a", "contact", 0), "event_timestamp": moment} for moment in moments])
    contacts = read_contacts(settings, ["a"], now, [], decisions())
    assert contacts.counts(None, 7).tolist() == [1]
    assert contacts.is_within("contact", 7).tolist() == [False]


def test_without_contract_tables_the_remedy_is_said(settings: Settings) -> None:
    with pytest.raises(StateError, match="Run `encore ingest` first"):
        _read(settings)
