"""One canonical form of ids, and what is no id."""

import json
import unicodedata

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from features.contract.events import event_reader
from features.contract.ids import (
    BLANKS,
    INVISIBLE,
    PLACEHOLDERS,
    TAKEN_BEFORE,
    AskedId,
    canonical_id,
    is_damaged,
    is_placeholder,
)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("00123", "00123"),
        ('="00123"', "00123"),
        ('="  00123 "', "00123"),
        ("'00501", "00501"),
        ("12748.0", "12748"),
        ("12748.000", "12748"),
        ("'12748.0", "12748"),
        ("12748.5", "12748.5"),
        ("a12.0", "a12.0"),
        ("\u00a0C 17\u3000", "C 17"),
        ("\ufeffC17\u200b", "C17"),
        ("C\u00ad17\u202c", "C17"),
        ("Zoe\u0308", "Zoë"),
        ("e\u200b\u0301", "é"),  # composed when the sign between them is gone
        ("O'Neill", "O'Neill"),
        ("c17", "c17"),
        ("\u200b \u00a0", ""),
    ],
)
def test_variants_of_an_id_are_one(written: str, wanted: str) -> None:
    assert canonical_id(written) == wanted


def test_the_form_of_a_canonical_id_is_the_id() -> None:
    signs = [*INVISIBLE, *BLANKS, *"\"'=.0123E+aé", "e\u0301", '="', ".0"]
    rng = np.random.default_rng(1)
    for _ in range(5_000):
        text = "".join(rng.choice(signs, size=rng.integers(1, 10)))
        once = canonical_id(text)
        assert canonical_id(once) == once, repr(text)
        assert unicodedata.is_normalized("NFC", once)


def test_words_for_missing_values_are_no_ids() -> None:
    for word in ("NULL", "nan", "N/A", "none", "NaT", r"\N", "<NA>", "NA", "Undefined", "(null)", "#N/A"):
        assert is_placeholder(word), word
    for word in ("na", "Na", "Nancy", "0", "null1", "-"):
        assert not is_placeholder(word), word
    assert all(word == word.lower() for word in PLACEHOLDERS)


def test_numbers_that_a_spreadsheet_has_rounded_are_damaged() -> None:
    for text in ("1.23E+11", "1,23E+11", "5E+19", "1.23e+11"):
        assert is_damaged(text), text
    for text in ("1.23", "E+11", "12E+11", "1.23E11", "5E-19"):
        assert not is_damaged(text), text


IDS = ("event_id", "customer_id", "product_id", "order_id")


@pytest.mark.parametrize(
    ("place", "found", "message"),
    [
        ("customer_id", "NULL", "expected an id, found the placeholder NULL"),
        ("customer_id", " nan\u200b", "expected an id, found the placeholder nan"),
        ("event_id", "n/a", "expected an id, found the placeholder n/a"),
        ("product_id", "undefined", "expected an id, found the placeholder undefined"),
        ("order_id", "1.23E+11", "found 1.23E\\+11, which a spreadsheet has rounded"),
        ("customer_id", "'4,5E+12", "found 4,5E\\+12, which a spreadsheet has rounded"),
        ("customer_id", "\u200b", "at least 1 character"),
        ("customer_id", "a\x07b", "match pattern"),
        *((place, " \u3164\u2066", "expected an id, found nothing that can be seen") for place in IDS),
        ("campaign_id", "\u200b ", "expected a text, found nothing that can be seen"),
        ("channel", " ", "expected a text, found nothing that can be seen"),
    ],
)
def test_an_event_without_a_usable_id_is_refused(place: str, found: str, message: str) -> None:
    event = {"event_id": "e", "customer_id": "a", "kind": "visit", "product_id": "p", "order_id": "o"}
    with pytest.raises(ValidationError, match=message) as refused:
        event_reader().validate_python(event | {place: found})
    assert place in refused.value.errors()[0]["loc"]


def test_ids_of_events_are_canonical() -> None:
    lines = [{"product_id": '="0042"', "quantity": 1, "amount": 2}]
    event = {"event_id": " e1", "customer_id": "12748.0", "kind": "purchase", "order_id": "'07", "lines": lines}
    read = event_reader().validate_python(event)
    assert (read.event_id, read.customer_id) == ("e1", "12748")
    assert read.model_dump()["order_id"] == "07"
    assert read.model_dump()["lines"][0]["product_id"] == "0042"


@pytest.mark.parametrize(("customer", "channel"), [("NULL", "web"), ("\u2066", "web"), ("a", " ")])
def test_an_event_that_was_taken_in_before_can_still_be_read(customer: str, channel: str) -> None:
    body = json.dumps({"event_id": "e", "customer_id": customer, "kind": "visit", "channel": channel})
    read = event_reader().validate_json(body, context=TAKEN_BEFORE)
    assert (read.customer_id, read.channel) == (customer, channel)
    with pytest.raises(ValidationError):
        event_reader().validate_json(body)


def test_one_may_ask_for_any_id() -> None:
    asked: TypeAdapter[str] = TypeAdapter(AskedId)
    assert asked.validate_python('="00123"') == "00123"
    assert asked.validate_python("NULL") == "NULL"
    with pytest.raises(ValidationError):
        asked.validate_python("\ufeff ")
