"""Which actions may be chosen for which customers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.arrays import Rows
from core.settings import Settings, StoreSettings
from features.contract.erased import Erased
from serving.decisions.contacts import Reserved, read_contacts
from serving.decisions.definitions import Decisions
from serving.decisions.eligibility import RULED_OUT, Eligibility, barred, eligible
from serving.decisions.policy import in_global_holdout
from serving.segments.columns import RuleColumn, RuleError
from serving.segments.population import Population
from tests.serving.decisions.worlds import (
    NOW,
    History,
    Row,
    ago,
    decisions,
    ingested,
    interaction,
    naive,
    report,
    settings_in,
)

_CUSTOMERS = ["a", "b", "c"]
#: With different events in one example, since an example takes a tenth of a second.
_MANY = list("abcdefgh")


def _population(risk: Sequence[float] = (0.1, 0.5, 0.9), customers: Sequence[str] = tuple(_CUSTOMERS)) -> Population:
    columns = {"risk": RuleColumn("risk", "number", "scores")}
    return Population(list(customers), NOW, columns, {"risk": np.array(risk)}, {})


def _eligible(
    where: Settings,
    said: Decisions,
    fired: Mapping[str, Rows] | None = None,
    campaigns_of: Mapping[str, frozenset[str]] | None = None,
    reserved: Sequence[Reserved] = (),
    population: Population | None = None,
) -> Eligibility:
    population = population or _population()
    contacts = read_contacts(where, population.customers, NOW, reserved, said)
    return eligible(said, population, contacts, fired or {}, NOW, campaigns_of or {})


def _reasons(found: Eligibility, action: str = "mail") -> list[str]:
    return [RULED_OUT[code] for code in found.codes[:, found.actions.index(action)]]


@pytest.fixture
def where(tmp_path: Path) -> Settings:
    found = settings_in(tmp_path)
    ingested(found, [])
    return found


def test_without_limits_everything_is_allowed(where: Settings) -> None:
    found = _eligible(where, decisions(mail={}, call={"channel": "phone"}))
    assert found.actions == ("call", "mail")
    assert found.codes.dtype == np.int8
    assert found.allowed.all()
    assert found.allowed.shape == (3, 2)


def test_rules_validity_and_moments_are_of_an_action(where: Settings) -> None:
    said = decisions(
        risky={"rule": {"column": "risk", "at_least": 0.5}},
        later={"valid_from": NOW + timedelta(microseconds=1)},
        over={"valid_until": NOW},
        current={"valid_from": NOW, "valid_until": NOW + timedelta(microseconds=1)},
        due={"moments": ["due", "silent"]},
    )
    found = _eligible(where, said, {"due": np.array([0]), "silent": np.array([False, True, False])})
    assert _reasons(found, "risky") == ["rule", "allowed", "allowed"]
    assert _reasons(found, "later") == ["not_valid"] * 3
    assert _reasons(found, "over") == ["not_valid"] * 3
    assert _reasons(found, "current") == ["allowed"] * 3
    assert _reasons(found, "due") == ["allowed", "allowed", "moment"]
    assert _reasons(_eligible(where, said), "due") == ["moment"] * 3
    some = found.of(["due", "risky"])
    assert (_reasons(some, "due"), some.codes.shape) == (["allowed", "allowed", "moment"], (3, 2))


def test_a_rule_that_does_not_fit_names_its_action(where: Settings) -> None:
    with pytest.raises(RuleError, match=r"actions.mail.rule: There is no column 'rsk'. Did you mean risk"):
        _eligible(where, decisions(mail={"rule": {"column": "rsk", "below": 1}}))


def test_customers_of_running_campaigns_of_exclusive_groups_are_left_to_them(where: Settings) -> None:
    said = decisions({"exclusive": [["spring", "easter"]]}, mail={}, apology={"goal": "serve"})
    found = _eligible(
        where, said, campaigns_of={"a": frozenset({"spring"}), "b": frozenset({"vip"}), "x": frozenset({"easter"})}
    )
    assert _reasons(found) == ["campaign", "allowed", "allowed"]
    assert _reasons(found, "apology") == ["allowed"] * 3


def test_service_needs_no_consent_but_is_a_contact(where: Settings) -> None:
    rows = [
        interaction("a", "consent", 1, value=0.0),
        interaction("a", "complaint", 1),
        interaction("b", "contact", 1, channel="email"),
    ]
    ingested(where, rows)
    said = decisions(
        {"caps": [{"contacts": 1, "days": 7}], "cool_down": {"complaint_days": 7}}, mail={}, apology={"goal": "serve"}
    )
    found = _eligible(where, said)
    assert _reasons(found) == ["consent_withdrawn", "cap", "allowed"]
    assert _reasons(found, "apology") == ["allowed", "cap", "allowed"]


def test_required_consent_is_given_and_not_only_never_withdrawn(where: Settings) -> None:
    ingested(where, [], [{"customer_id": "a", "marketing_consent": True}])
    assert _reasons(_eligible(where, decisions())) == ["allowed"] * 3
    required = decisions({"ask": "required"})
    assert _reasons(_eligible(where, required)) == ["allowed", "consent_missing", "consent_missing"]


def test_nothing_is_done_for_customers_who_are_erased(where: Settings) -> None:
    Erased(where[StoreSettings]).add("b", NOW)
    assert _reasons(_eligible(where, decisions(mail={"goal": "serve"}))) == ["allowed", "erased", "allowed"]


def test_the_second_look_bars_what_the_first_one_did(where: Settings) -> None:
    said = decisions({"caps": [{"channel": "email", "contacts": 1, "days": 7}]})
    first = _eligible(where, said)
    assert first.allowed.all()
    report(where, [interaction("a", "consent", 0, value=0), interaction("b", "contact", 0, channel="email")])
    contacts = read_contacts(where, _CUSTOMERS, NOW, [], said)
    codes = barred(said, "email", contacts, marketing=True)
    assert [RULED_OUT[code] for code in codes] == ["consent_withdrawn", "cap", "allowed"]
    assert [RULED_OUT[code] for code in barred(said, "email", contacts, marketing=False)] == [
        "allowed",
        "cap",
        "allowed",
    ]
    assert _reasons(_eligible(where, said)) == ["consent_withdrawn", "cap", "allowed"]


_DAYS = st.sampled_from([-0.5, 0, 0.25, 1, 2, 2.5, 3, 7, 8])
_CHANNELS = st.sampled_from([None, "email", "phone"])
_KINDS = st.sampled_from(["contact", "contact", "contact", "complaint", "return", "consent", "visit"])


@st.composite
def _rows(draw: st.DrawFn) -> Row:
    kind = draw(_KINDS)
    more: dict[str, Any] = {"channel": draw(_CHANNELS), "campaign_id": draw(st.sampled_from([None, "spring", "vip"]))}
    if kind == "consent":
        more["value"] = draw(st.sampled_from([0, 1]))
    if kind == "return":
        more |= {"value": 1, "product_id": "p"}
    return interaction(draw(st.sampled_from(_MANY)), kind, draw(_DAYS), **more)


_RESERVED = st.builds(
    Reserved,
    st.sampled_from(_MANY),
    st.sampled_from(["email", "phone"]),
    _DAYS.map(ago),
    st.sampled_from(["spring", "vip"]),
)
_HISTORIES = st.builds(
    History, st.lists(_rows(), max_size=24), st.lists(_rows(), max_size=12), st.lists(_RESERVED, max_size=8)
)
_SOME_DAYS = st.sampled_from([0, 1, 2, 3, 7])
_CAPS = st.fixed_dictionaries(
    {"contacts": st.integers(1, 3), "days": st.sampled_from([1, 2, 3, 7, 8])},
    optional={"channel": st.sampled_from(["email", "phone"])},
)
_POLICIES = st.fixed_dictionaries(
    {
        "holdout": st.sampled_from([0, 0.5]),
        "holdout_name": st.sampled_from(["one", "two", "three"]),
        "ask": st.sampled_from(["not_withdrawn", "required"]),
        "caps": st.lists(_CAPS, max_size=3),
        "cool_down": st.fixed_dictionaries(
            {"contact_days": _SOME_DAYS, "complaint_days": _SOME_DAYS, "return_days": _SOME_DAYS}
        ),
    }
)


@settings(max_examples=25, deadline=None)
@given(_HISTORIES, _POLICIES, st.randoms(use_true_random=False))
def test_the_policy_is_never_broken_whatever_events_there_are_in_whatever_order(
    history: History, policy: Row, random: Any
) -> None:
    said = decisions(policy, mail={}, call={"channel": "phone"}, apology={"goal": "serve", "channel": "phone"})
    population = _population([0.5] * len(_MANY), _MANY)
    with TemporaryDirectory() as folder:
        where = settings_in(Path(folder))
        shuffled = list(history.exported)
        random.shuffle(shuffled)
        ingested(where, shuffled)
        before = _eligible(where, said, reserved=history.reserved, population=population)
        report(where, history.logged)
        after = _eligible(where, said, reserved=history.reserved, population=population)
    for found, known in ((before, replace(history, logged=())), (after, history)):
        for action in said.actions.values():
            assert _reasons(found, action.name) == [
                naive(said.policy, known, customer, action.channel, marketing=action.is_marketing) for customer in _MANY
            ]


def test_the_holdout_is_left_alone(where: Settings) -> None:
    said = decisions({"holdout": 0.5}, mail={}, apology={"goal": "serve"})
    held = [in_global_holdout(said.policy, customer) for customer in _CUSTOMERS]
    assert len(set(held)) == 2
    for action in said.actions:
        assert [reason == "holdout" for reason in _reasons(_eligible(where, said), action)] == held
