"""Contacted holdouts and customers in several campaigns, against loops over pairs."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.effects.campaigns import START, assigned_of, words
from training.effects.attribution import Contacts
from training.effects.contamination import Shares, contacted, elsewhere
from training.effects.outcomes import Assigned

DAY = np.timedelta64(1, "D")
CAMPAIGNS = st.sampled_from(["spring", "autumn"])
CUSTOMERS = st.sampled_from(["C0", "C1", "C2", "C3"])
MOMENTS = st.integers(-40, 40)
ASSIGNMENTS = st.lists(
    st.tuples(CUSTOMERS, CAMPAIGNS, MOMENTS, st.sampled_from(["call", "holdout"])),
    max_size=8,
    unique_by=lambda one: one[:2],
)


def _assigned(rows: list[tuple[str, str, int, str]]) -> Assigned:
    return assigned_of(
        [row[3] for row in rows],
        customers=[row[0] for row in rows],
        campaigns=[row[1] for row in rows],
        moments=START + np.array([row[2] for row in rows], dtype="int64") * DAY,
    )


@settings(max_examples=60, deadline=None)
@given(
    ASSIGNMENTS,
    st.lists(st.tuples(CUSTOMERS, CAMPAIGNS, MOMENTS, st.sampled_from(["contact", "opening"])), max_size=12),
    st.integers(1, 30),
)
def test_contacts_of_the_own_campaign_within_the_window(
    rows: list[tuple[str, str, int, str]], made: list[tuple[str, str, int, str]], days: int
) -> None:
    contacts = Contacts(
        words([one[0] for one in made]),
        words([one[1] for one in made]),
        START + np.array([one[2] for one in made], dtype="int64") * DAY,
        words([one[3] for one in made]),
    )
    naive = [
        any((customer, campaign, "contact") == (one[0], one[1], one[3]) and at <= one[2] < at + days for one in made)
        for customer, campaign, at, _ in rows
    ]
    assert contacted(_assigned(rows), contacts, days).tolist() == naive


@settings(max_examples=60, deadline=None)
@given(ASSIGNMENTS, ASSIGNMENTS, st.integers(1, 30))
def test_actions_of_other_campaigns_whose_windows_overlap(
    rows: list[tuple[str, str, int, str]], others: list[tuple[str, str, int, str]], days: int
) -> None:
    naive = [
        any(
            other[0] == customer and other[1] != campaign and other[3] != "holdout" and abs(other[2] - at) < days
            for other in others
        )
        for customer, campaign, at, _ in rows
    ]
    assert elsewhere(_assigned(rows), _assigned(others), days).tolist() == naive


def test_shares_of_both_sides() -> None:
    assigned = assigned_of(["call", "call", "mail", "call", "holdout", "holdout"])
    shares = Shares.of(assigned, np.array([1, 0, 1, 0, 1, 0], dtype=bool))
    assert (shares.arms, shares.holdout) == (0.5, 0.5)
    assert Shares(0, 0, 0, 0).holdout == 0
