"""Sets of values: the laws of sets, and membership of each number and text."""

import math
from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from serving.segments.values import Numbers, Texts

_EDGES = (-math.inf, -1.0, -0.0, 0.0, math.nextafter(0.0, 1.0), 0.5, 2.0, math.inf)
_VALUES = (*_EDGES[1:-1], -3.0, 0.25, 7.0, math.nan)


def _made(edges: list[float], points: Sequence[float], missing: bool) -> Numbers:
    low, high = min(edges), max(edges)
    span = Numbers.span(low, high) if low < high else Numbers(())
    other = Numbers.points(points)
    union = span.complement().both(other.complement()).complement()
    return Numbers(union.spans, missing)


_finite = st.lists(st.sampled_from(_EDGES[1:-1]), max_size=3)
_numbers = st.builds(_made, st.lists(st.sampled_from(_EDGES), min_size=2, max_size=2), _finite, st.booleans())
_texts = st.builds(Texts, st.frozensets(st.sampled_from("abc")), st.booleans(), st.booleans())


@given(_numbers, _numbers)
def test_numbers_are_in_both_or_not(one: Numbers, other: Numbers) -> None:
    values = np.array(_VALUES)
    assert (one.both(other).holds(values) == (one.holds(values) & other.holds(values))).all()
    assert (one.complement().holds(values) == ~one.holds(values)).all()
    assert one.complement().complement() == one
    assert one.both(one.complement()).is_empty


@given(_texts, _texts)
def test_texts_are_in_both_or_not(one: Texts, other: Texts) -> None:
    values = np.array(["a", "b", "c", "d", None], dtype=object)
    assert (one.both(other).holds(values) == (one.holds(values) & other.holds(values))).all()
    assert (one.complement().holds(values) == ~one.holds(values)).all()
    assert one.both(one.complement()).is_empty


def test_intervals_have_their_start_and_not_their_end() -> None:
    values = np.array([1.0, 1.5, 2.0, np.nan])
    assert Numbers.span(1.0, 2.0).holds(values).tolist() == [True, True, False, False]
    assert Numbers.points([1.5, 2.0]).holds(values).tolist() == [False, True, True, False]
    assert Numbers.absent().holds(values).tolist() == [False, False, False, True]
