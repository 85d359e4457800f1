"""The value matrix: current against potential value, in four fields, each with its own thing to do.

| | low potential | high potential |
| --- | --- | --- |
| high current value | `keep`: keep them as they are, at little cost | `invest`: give them the best service, bind them |
| low current value | `serve`: serve them at the lowest cost | `grow`: offer them more, find what holds them back |
"""

from dataclasses import dataclass

import numpy as np

from core.arrays import Floats
from training.segments.names import Names

#: The fields; the first two have a high current value, the first and third a high potential one.
FIELDS = ("invest", "keep", "grow", "serve")


@dataclass(frozen=True)
class MatrixCuts:
    """The amounts above which values are high, learned from a population and applied to any customer.

    Attributes
    ----------
    current, potential
        In the data's currency; NaN for a population without any such value, so that no customer has a field.
    """

    current: float
    potential: float

    @classmethod
    def learn(cls, current: Floats, potential: Floats, high_share: float) -> "MatrixCuts":
        """Make the values of a share of the customers high; fewer where several have the amount at the limit."""
        return cls(_limit(current, high_share), _limit(potential, high_share))


def fields(current: Floats, potential: Floats, cuts: MatrixCuts) -> Names:
    """Return the field of each customer; empty where either value is missing.

    Parameters
    ----------
    current
        What the customer brings now, such as the amount of the last year.
    potential
        What may still come, such as the predicted value.
    """
    place = 2 * (current <= cuts.current) + (potential <= cuts.potential)
    found: Names = np.array(FIELDS, dtype=object)[place]
    found[np.isnan(current + potential) | np.isnan(cuts.current + cuts.potential)] = ""
    return found


def _limit(values: Floats, high_share: float) -> float:
    known = values[~np.isnan(values)]
    return float(np.quantile(known, 1 - high_share, method="inverted_cdf")) if len(known) else float("nan")
