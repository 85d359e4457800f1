"""How well one feature separates two outcomes: by its order, either way round, and by what is missing."""

import numpy as np
import pytest

from training.evaluation.alone import separation

OUTCOMES = np.array([0, 0, 0, 1, 1])


@pytest.mark.parametrize(
    ("values", "area"),
    [
        pytest.param([1, 2, 3, 4, 5], 1.0, id="in order"),
        pytest.param([5, 4, 3, 2, 1], 1.0, id="the other way round"),
        pytest.param([np.nan, np.nan, np.nan, 7, 3], 1.0, id="missing for those who stay"),
        pytest.param([7, 3, 9, np.nan, np.nan], 1.0, id="missing for those who leave"),
        pytest.param([1, 1, 1, 1, 1], 0.5, id="one value"),
        pytest.param([np.nan] * 5, 0.5, id="no value"),
        pytest.param([1, 2, 4, 3, 5], 5 / 6, id="one pair in the wrong order"),
    ],
)
def test_separation(values: list[float], area: float) -> None:
    assert separation(OUTCOMES, np.array(values, dtype="float64")) == pytest.approx(area)
