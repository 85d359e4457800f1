"""Movements against a loop."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.segments.movements import NO_LONGER, NOT_YET, movements

ORDER = ("a", "b", "c")
GROUPS = st.dictionaries(st.integers(0, 20).map(str), st.sampled_from(("", *ORDER)), max_size=15)


@given(GROUPS, GROUPS)
def test_counts_equal_a_loop(before: dict[str, str], after: dict[str, str]) -> None:
    found = movements(before, after, ORDER)
    for one in found.before:
        for other in found.after:
            wanted = 0
            for customer in {*before, *after}:
                pair = before.get(customer, "") or NOT_YET, after.get(customer, "") or NO_LONGER
                wanted += pair == (one, other) != (NOT_YET, NO_LONGER)
            assert found.of(one, other) == wanted
    assert found.counts.sum() == len({c for group in (before, after) for c, name in group.items() if name})


def test_who_came_and_who_left_is_counted() -> None:
    found = movements({"1": "a", "2": "a", "3": "b"}, {"1": "b", "2": "b", "4": "c"}, ORDER)
    assert found.rows() == [
        {"before": "a", "after": "b", "customers": 2},
        {"before": "b", "after": NO_LONGER, "customers": 1},
        {"before": NOT_YET, "after": "c", "customers": 1},
    ]


def test_an_unknown_group_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected groups among a, b, c; found 'd'"):
        movements({"1": "d"}, {}, ORDER)
