"""The value matrix against a loop."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.segments.matrix import FIELDS, MatrixCuts, fields

AMOUNTS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=50)


@given(AMOUNTS, st.floats(0.05, 0.95))
def test_fields_equal_a_loop(pairs: list[tuple[int, int]], share: float) -> None:
    current, potential = (np.array(values, dtype=float) for values in zip(*pairs, strict=True))
    cuts = MatrixCuts.learn(current, potential, share)
    names = {(True, True): "invest", (True, False): "keep", (False, True): "grow", (False, False): "serve"}
    for (one, other), field in zip(pairs, fields(current, potential, cuts), strict=True):
        assert field == names[one > cuts.current, other > cuts.potential]
    # never more than the share is high, and only ties make it fewer
    for values, cut in ((current, cuts.current), (potential, cuts.potential)):
        assert (values > cut).sum() <= share * len(values) + 1e-9
        assert (values >= cut).sum() >= share * len(values) - 1e-9


def test_every_field_is_reached_and_says_what_to_do() -> None:
    cuts = MatrixCuts(10.0, 10.0)
    found = fields(np.array([20.0, 20.0, 1.0, 1.0]), np.array([20.0, 1.0, 20.0, 1.0]), cuts)
    assert found.tolist() == list(FIELDS)


def test_a_missing_value_has_no_field() -> None:
    cuts = MatrixCuts.learn(np.array([1.0, np.nan, 3.0]), np.array([np.nan, 2.0, 3.0]), 0.5)
    assert fields(np.array([1.0, np.nan, 3.0]), np.array([np.nan, 2.0, 3.0]), cuts).tolist() == ["", "", "invest"]
    unknown = MatrixCuts.learn(np.array([np.nan]), np.array([1.0]), 0.5)
    assert fields(np.array([5.0]), np.array([5.0]), unknown).tolist() == [""]
