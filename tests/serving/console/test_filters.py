"""What an address of the list of customers asks for."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from starlette.datastructures import QueryParams

from serving.console.filters import SHOWN, SORT, Filters, typed
from serving.parts import PARTS
from serving.scoring.part import Column

COLUMNS: list[Column] = [column for part in PARTS for column in part.columns]


def read(query: str) -> Filters:
    return Filters.read(QueryParams(query), COLUMNS)


@pytest.mark.parametrize(
    ("text", "number"),
    [("30%", 0.3), ("30", 0.3), ("0.3", 0.3), ("1", 1.0), (" 30 ％", 0.3), ("nan", None), ("1e999", None), ("x", None)],
)
def test_shares_are_typed_in_percent(text: str, number: float | None) -> None:
    found = read(str(QueryParams({"min_risk": text})))
    assert found.least == ({} if number is None else {"risk": pytest.approx(number)})
    assert found.wrong == ({"min_risk": text} if number is None else {})


def test_amounts_are_typed_with_signs() -> None:
    query = QueryParams({"min_amount": "$1,200.50", "max_amount": "￥ 3 000", "min_value_at_risk": "-5"})
    found = read(str(query))
    assert found.least == {"amount": 1200.5, "value_at_risk": -5}
    assert found.most == {"amount": 3000}


def test_an_address_is_read_as_it_was_written() -> None:
    query = (
        "q=%E4%B8%AD+%26+x&in=city&segment=vip&tier=high&tier=low&min_risk=0.07&max_risk=0.5&max_amount=100"
        "&sort=amount&columns=amount,stage"
    )
    found = read(query)
    assert read(urlsplit(found.address()).query) == found
    assert dict(parse_qsl(urlsplit(found.address()).query))["min_risk"] == "0.07"
    assert found.listing.one_of == {"tier": ["high", "low"]}
    assert (found.listing.sort, found.listing.descending) == ("amount", False)


def test_what_is_usual_is_in_no_address() -> None:
    assert read("").address() == "/console/customers"
    found = read(f"q=&min_risk=&tier=&sort={SORT}&columns={'&columns='.join(reversed(SHOWN))}&utm_source=mail")
    assert found == Filters()
    assert read("sort=tier&columns=no_column").address() == "/console/customers"  # what nothing can be sorted by


def test_a_second_click_turns_the_order() -> None:
    assert read("").sorted_by("risk") == "/console/customers?sort=-risk"
    assert read("sort=-risk").sorted_by("risk") == "/console/customers?sort=risk"
    assert read("tier=low").sorted_by("customer_id") == "/console/customers?tier=low&sort=customer_id"
    assert [read("sort=risk").order(name) for name in ("risk", "amount")] == ["ascending", None]


def test_filters_are_taken_away_one_by_one() -> None:
    found = read("q=1&in=city&segment=vip&tier=high&tier=low&min_risk=0.1&max_risk=0.5")
    assert found.without("q").wanted.within == ""
    assert found.without("segment").wanted.segment == ""
    assert found.without("tier", "high").texts == {"tier": ["low"]}
    without = found.without("risk")
    assert (without.least, without.most, without.texts) == ({}, {}, {"tier": ["high", "low"]})


def test_a_share_above_all_is_still_one_in_the_address() -> None:
    found = read("min_risk=150%25")
    assert found.least == {"risk": 1.5}
    assert read(urlsplit(found.address()).query) == found


def test_numbers_go_back_into_their_fields() -> None:
    assert [typed("risk", 0.07), typed("amount", 1200.5), typed("amount", None)] == ["7%", "1200.5", ""]
