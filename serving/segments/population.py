"""All customers as rules see them: their columns at one moment, and who of them a rule holds for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from core.arrays import Floats, Ints
from serving.segments.columns import RuleColumn, accepted
from serving.segments.rules import AllOf, Condition, NotOf, Rule, parts_of
from serving.segments.values import Mask, Numbers, TextArray


@dataclass(frozen=True)
class Population:
    """Customers at a moment, one place in every array for each.

    Attributes
    ----------
    customers
        Ids, in order.
    columns
        The columns that rules may read, in order of their names.
    numbers
        Values of columns of numbers, and of moments as days from `as_of`; NaN where one is missing.
    texts
        Values of columns of texts; None where one is missing.
    made_from
        Names the materialisation.
    """

    customers: list[str]
    as_of: datetime
    columns: Mapping[str, RuleColumn]
    numbers: Mapping[str, Floats]
    texts: Mapping[str, TextArray]
    made_from: str = ""

    def members(self, rule: Rule) -> Mask:
        """Return for each customer whether a rule holds.

        A condition on a missing value does not hold, so that `not` of it does.

        Raises
        ------
        RuleError
            If a condition does not fit the columns.
        """
        if isinstance(rule, Condition):
            values = accepted(rule, self.columns)
            if isinstance(values, Numbers):
                return values.holds(self.numbers[rule.column])
            return values.holds(self.texts[rule.column])
        parts = [self.members(part) for part in parts_of(rule)]
        if isinstance(rule, NotOf):
            return ~parts[0]
        together = np.logical_and if isinstance(rule, AllOf) else np.logical_or
        mask: Mask = together.reduce(parts)
        return mask

    def mean(self, column: str, mask: Mask) -> float | None:
        """Return the mean of a column of numbers over some customers who have a value; None where there is none."""
        values = self.numbers[column][mask] if column in self.numbers else np.empty(0)
        values = values[~np.isnan(values)]
        return float(values.mean()) if len(values) else None

    def among(self, places: Ints) -> "Population":
        """Return some of the customers, by their places."""
        return replace(
            self,
            customers=[self.customers[place] for place in places],
            numbers={name: values[places] for name, values in self.numbers.items()},
            texts={name: values[places] for name, values in self.texts.items()},
        )

    def are(self, customers: frozenset[str]) -> Mask:
        """Return for each customer whether they are among some."""
        return np.fromiter((one in customers for one in self.customers), dtype=np.bool_, count=len(self.customers))

    def chosen(self, mask: Mask) -> list[str]:
        """Return the ids of the customers of a mask, in order."""
        return [self.customers[place] for place in np.flatnonzero(mask)]
