"""Sample ratio mismatch: arms that have other numbers of customers than they were drawn with."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from core.arrays import Floats, Ints
from training.effects.given import Names

#: Below this p-value something else than chance decides who is in an arm.
ALARM = 0.001
#: The distribution of chi-square holds from this expected number on (Cochran 1954).
_EXPECTED = 5.0
#: Customers with any arm that nobody is in.
_ABSENT = ""
_ROUNDING = 1e-6


@dataclass(frozen=True)
class SampleRatio:
    """Customers by arm beside the numbers that the propensities give, over all strata that can be checked."""

    assigned: Mapping[str, int]
    expected: Mapping[str, float]
    chi_square: float
    degrees: int
    p_value: float

    @property
    def alarm(self) -> bool:
        """Whether the difference is no chance."""
        return self.p_value < ALARM


@dataclass(frozen=True)
class _Stratum:
    assigned: dict[str, int]
    expected: dict[str, float]
    chi_square: float


def sample_ratio(arms: Names, propensity: Floats, strata: Ints) -> SampleRatio | None:
    """Compare the numbers of customers by arm with their propensities, by Pearson's chi-square, summed over strata.

    Source of the check: Fabijan and others, Diagnosing sample ratio mismatch in online controlled experiments, KDD
    2019.

    A stratum is checked where each arm has one propensity, or where there are two arms, so that the propensity of the
    other arm follows. Propensities that add up to less than 1 leave the rest to an arm that nobody is in, such as a
    holdout that is missing. Strata that expect fewer than 5 customers in an arm are not checked.

    Parameters
    ----------
    propensity
        Probability of the arm that the customer is in; NaN where it is unknown.

    Returns
    -------
    None where no stratum can be checked.
    """
    found = []
    for group in np.unique(strata):
        rows = strata == group
        one = _stratum(arms[rows], propensity[rows])
        if one is not None and min(one.expected.values()) >= _EXPECTED:
            found.append(one)
    if not found:
        return None
    chi_square = sum(one.chi_square for one in found)
    degrees = sum(len(one.expected) - 1 for one in found)
    names = sorted({name for one in found for name in one.expected})
    return SampleRatio(
        {name: sum(one.assigned.get(name, 0) for one in found) for name in names},
        {name: sum(one.expected.get(name, 0.0) for one in found) for name in names},
        chi_square,
        degrees,
        float(chdtrc(degrees, chi_square)),
    )


def _stratum(arms: Names, propensity: Floats) -> _Stratum | None:
    """Return the numbers of one stratum; None where they cannot be compared."""
    if not np.isfinite(propensity).all():
        return None
    names = sorted(set(arms.tolist()))
    counts = {name: int((arms == name).sum()) for name in names}
    ranges = {name: propensity[arms == name] for name in names}
    if all(np.ptp(one) <= _ROUNDING for one in ranges.values()):
        return _constant(counts, {name: float(one[0]) for name, one in ranges.items()})
    return _two_arms(counts, arms, propensity) if len(names) == 2 else None


def _constant(counts: dict[str, int], chances: dict[str, float]) -> _Stratum | None:
    """Return Pearson's chi-square of arms with one propensity each."""
    rest, total = 1 - sum(chances.values()), sum(counts.values())
    if rest < -_ROUNDING:
        return None
    if rest > _ROUNDING:
        counts, chances = {**counts, _ABSENT: 0}, {**chances, _ABSENT: rest}
    if len(counts) == 1:
        return None
    expected = {name: total * chance for name, chance in chances.items()}
    chi_square = sum((counts[name] - number) ** 2 / number for name, number in expected.items())
    return _Stratum(counts, expected, chi_square)


def _two_arms(counts: dict[str, int], arms: Names, propensity: Floats) -> _Stratum:
    """Return the squared score of a sum of drawings with different probabilities."""
    first, second = counts
    chance = np.where(arms == first, propensity, 1 - propensity)
    expected = {first: float(chance.sum()), second: float((1 - chance).sum())}
    variance = float((chance * (1 - chance)).sum())
    return _Stratum(counts, expected, (counts[first] - expected[first]) ** 2 / variance)
