"""What came back of a campaign, counted by arm as a plain loop counts it."""

from datetime import datetime
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from serving.campaigns.report import groups_of
from serving.campaigns.responses import KINDS, by_arm, read_responses
from tests.serving.campaigns.shops import Shop
from tests.serving.decisions.worlds import NOW, ago, ingested, interaction, report
from training.effects.attribution import Contacts
from training.effects.outcomes import Assigned

_AT = np.datetime64(NOW.replace(tzinfo=None), "us")
_HOURS = np.timedelta64(1, "h")


def assigned(arms: dict[str, str]) -> Assigned:
    size = len(arms)
    customers, sides = (np.array(list(one), dtype=object) for one in (arms.keys(), arms.values()))
    spring, empty = (np.full(size, text, dtype=object) for text in ("spring", ""))
    numbers = np.full(size, 0.5)
    return Assigned(customers, spring, sides, empty, empty, np.full(size, _AT), numbers, numbers)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcx"), st.sampled_from(["spring", "other"]), st.sampled_from(KINDS), st.integers(-2, 2)
        )
    )
)
def test_each_customer_counts_once_a_kind_from_the_assignment_on(seen: list[tuple[str, str, str, int]]) -> None:
    arms = {"a": "call", "b": "call", "c": "holdout"}
    names = [np.array([row[place] for row in seen], dtype=object) for place in (0, 1, 2)]
    moments = np.array([_AT + row[3] * _HOURS for row in seen], dtype="datetime64[us]")
    found = by_arm(assigned(arms), Contacts(names[0], names[1], moments, names[2]))
    for arm in ("call", "holdout"):
        for kind in KINDS:
            expected = {
                customer
                for customer, name, one, hours in seen
                if arms.get(customer) == arm and (name, one) == ("spring", kind) and hours >= 0
            }
            assert found[arm][kind] == len(expected)


def test_exports_and_acknowledged_events_are_read_once(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path)
    contact = interaction("a", "contact", 1, channel="email", campaign_id="spring")
    ingested(shop.settings, [contact, interaction("a", "visit", 1, campaign_id="spring")])
    report(
        shop.settings,
        [contact, interaction("b", "response", 0.5, campaign_id="spring"), interaction("b", "complaint", 0.5)],
    )
    found = read_responses(shop.settings)
    assert list(zip(found.customers, found.kinds, found.moments.astype(datetime), strict=True)) == [
        ("a", "contact", ago(1).replace(tzinfo=None)),
        ("b", "response", ago(0.5).replace(tzinfo=None)),
    ]


def test_groups_are_those_of_the_start(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path)
    rows = shop.started().store.assignments("spring")
    rows["segments"] = ["vip;risky", None] * (len(rows) // 2) + ["risky"] * (len(rows) % 2)
    found = groups_of(rows["segments"])
    assert {name: int(mask.sum()) for name, mask in found.items()} == {
        "risky": len(rows) // 2 + len(rows) % 2,
        "vip": len(rows) // 2,
    }
