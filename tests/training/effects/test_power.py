"""How many customers it takes to see an effect."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.effects.difference import adjusted_difference, effect
from training.effects.power import needed_more, smallest_effect, visible


def test_the_smallest_effect_by_hand() -> None:
    """A share of 40 %, 10,000 customers, a tenth held out: (1.960 + .842) x .490 x sqrt(1/1000 + 1/9000)."""
    found = smallest_effect(math.sqrt(0.24), 10_000, 0.1)
    assert found == pytest.approx(2.80159 * math.sqrt(0.24) * math.sqrt(1 / 1000 + 1 / 9000), rel=1e-5)
    assert smallest_effect(1, 100, 0.5, comparisons=4) > smallest_effect(1, 100, 0.5)
    for holdout in (0.0, 1.0):
        with pytest.raises(ValueError, match="customers on both sides"):
            smallest_effect(1, 100, holdout)


def test_the_smallest_effect_is_seen_in_four_of_five_experiments() -> None:
    rng = np.random.default_rng(2)
    size = smallest_effect(1.0, 600, 0.25)
    seen = 0
    for _ in range(400):
        outcome = rng.normal(0, 1, 600)
        outcome[:450] += size
        seen += adjusted_difference(outcome, np.arange(450), np.zeros((600, 0))).low > 0
    assert seen / 400 == pytest.approx(0.8, abs=0.05)


@settings(max_examples=30)
@given(st.floats(0.01, 3), st.integers(50, 5000))
def test_as_many_more_as_are_needed_show_the_effect(value: float, have: int) -> None:
    """With these customers, the difference that was found is the smallest that is visible."""
    found = effect(value, 1.0, (have, have))
    more = needed_more(found)
    assert more is not None
    error = math.sqrt(2 * have / (2 * have + more))
    later = effect(value, error, (have, have))
    assert visible(later) <= value * (1 + 1e-12)
    # one customer fewer would be too few
    assert more == 0 or value * math.sqrt((2 * have + more - 1) / (2 * have)) < visible(found)


def test_no_number_is_enough_for_no_difference() -> None:
    assert needed_more(effect(0.0, 1.0, (50, 50))) is None
    assert needed_more(effect(1e-9, 1.0, (50, 50))) is None
    assert needed_more(adjusted_difference(np.ones(9), np.arange(4), np.zeros((9, 0)))) is None
