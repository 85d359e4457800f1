"""Attribution against a loop over orders and contacts."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.effects.campaigns import START, words
from training.effects.attribution import Contacts, Purchases, attribute

DAY = np.timedelta64(1, "D")
CUSTOMERS = st.sampled_from(["C0", "C1", "C2"])


@settings(max_examples=100, deadline=None)
@given(
    # one contact of a customer a day: which of two at the same moment is the last one is not defined
    st.lists(
        st.tuples(CUSTOMERS, st.integers(-20, 20), st.sampled_from(["spring", "autumn", ""])),
        max_size=12,
        unique_by=lambda one: one[:2],
    ),
    st.lists(st.tuples(CUSTOMERS, st.integers(-20, 20), st.integers(1, 99)), max_size=12),
    st.integers(1, 14),
)
def test_the_last_contact_has_the_order(
    touches: list[tuple[str, int, str]], orders: list[tuple[str, int, int]], window: int
) -> None:
    contacts = Contacts(
        words([one[0] for one in touches]),
        words([one[2] for one in touches]),
        START + np.array([one[1] for one in touches], dtype="int64") * DAY,
        words(["contact"] * len(touches)),
    )
    purchases = Purchases(
        words([one[0] for one in orders]),
        START + np.array([one[1] for one in orders], dtype="int64") * DAY,
        np.array([one[2] for one in orders], dtype="float64"),
    )
    amounts = []
    for customer, at, amount in orders:
        before = [(day, campaign) for who, day, campaign in touches if who == customer and day <= at < day + window]
        if before and max(before)[1] == "spring":
            amounts.append(amount)
    found = attribute(purchases, contacts, {"spring"}, window)
    assert (found.orders, found.amount) == (len(orders), sum(one[2] for one in orders))
    assert (found.attributed_orders, found.attributed_amount) == (len(amounts), sum(amounts))
    assert found.share == (len(amounts) / len(orders) if orders else None)


def test_an_opening_is_no_contact() -> None:
    contacts = Contacts(words(["C0"]), words(["spring"]), np.array([START]), words(["opening"]))
    purchases = Purchases(words(["C0"]), np.array([START + DAY]), np.array([5.0]))
    assert attribute(purchases, contacts, {"spring"}, 7).attributed_orders == 0
