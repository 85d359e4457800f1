"""The comparisons of a campaign: which customers are the controls of which, and how their differences are decided."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.arrays import Floats, Ints, Rows
from features.contract.assigned import HOLDOUT
from training.effects import sequential
from training.effects.difference import MISS, Effect, adjusted_difference
from training.effects.findings import LEAST, Found
from training.effects.multiple import holm, share_of_miss
from training.effects.outcomes import MEASURES, Assigned, Measure, Outcomes

#: A measure that more of the known customers lack is left out: customers without it are not like the others.
_LACKING = 0.05


@dataclass(frozen=True)
class Comparison:
    """Customers of an arm and their controls, as masks over all assignments.

    Attributes
    ----------
    arm
        Empty for all actions together.
    propensity
        Probability of each customer's own side; NaN where it is not known.
    """

    arm: str
    treated: Rows
    controls: Rows
    propensity: Floats

    @property
    def planned(self) -> int:
        """Customers that are compared once all outcomes are known."""
        return int(self.treated.sum() + self.controls.sum())


def strata_of(assigned: Assigned) -> Ints:
    """Return a number for each group inside which customers were drawn: a campaign and the intended action."""
    pairs = pd.MultiIndex.from_arrays([assigned.campaigns, assigned.intended])
    codes: Ints = pairs.factorize()[0].astype("int64")
    return codes


def compared(assigned: Assigned, strata: Ints) -> list[Comparison]:
    """Return each arm, in the order of names, with the holdout of the strata that it is in."""
    holdout = assigned.arms == HOLDOUT
    found = []
    for arm in sorted(set(assigned.arms[~holdout].tolist())):
        treated = assigned.arms == arm
        controls = holdout & np.isin(strata, strata[treated])
        found.append(Comparison(arm, treated, controls, assigned.propensity))
    return found


def together(assigned: Assigned, strata: Ints) -> Comparison:
    """Return all actions together beside the whole holdout.

    Where a stratum has several actions, a customer's propensity of any action is not known: those of the stratum are
    taken as equal.
    """
    holdout = assigned.arms == HOLDOUT
    propensity = assigned.propensity.copy()
    for group in np.unique(strata):
        rows = strata == group
        if len(set(assigned.arms[rows & ~holdout].tolist())) > 1:
            propensity[rows] = np.nan
    return Comparison("", ~holdout, holdout, propensity)


@dataclass(frozen=True)
class Study:
    """Assignments with their outcomes, and the rule by which differences are decided.

    Attributes
    ----------
    final
        Nothing is to come.
    sequential
        Somebody looked, or looks, before the end.
    """

    assigned: Assigned
    outcomes: Outcomes
    strata: Ints
    final: bool
    sequential: bool

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that nearly all customers with a known outcome have."""
        known = self.outcomes.known
        return tuple(
            measure
            for measure in MEASURES
            if measure in self.outcomes.values
            and known.any()
            and np.isnan(self.outcomes.values[measure][known]).mean() <= _LACKING
        )

    def difference(self, comparison: Comparison, measure: Measure, within: Rows | None = None) -> Effect:
        """Measure the difference on one measure, of all customers or of those within a mask.

        It is adjusted to all measures of the time before the assignment, the measure itself first.
        """
        rows = (comparison.treated | comparison.controls) & self.outcomes.known
        if within is not None:
            rows = rows & within
        before = self.outcomes.before
        names = sorted(before, key=lambda name: (name != measure, MEASURES.index(name)))
        covariates = np.array([before[name][rows] for name in names]).reshape(len(names), int(rows.sum())).T
        return adjusted_difference(
            self.outcomes.values[measure][rows],
            comparison.treated[rows],
            covariates,
            self.strata[rows],
            comparison.propensity[rows],
        )

    def decide(self, effects: Sequence[Effect], planned: Sequence[int]) -> list[Found]:
        """Judge a family of differences, so that all its intervals hold together.

        Parameters
        ----------
        planned
            Customers of each difference once all outcomes are known.
        """
        judged = [one.known and min(one.customers, one.controls) >= LEAST for one in effects]
        comparisons = sum(judged)
        found, p_values = [], np.full(len(effects), np.nan)
        for place, (one, count) in enumerate(zip(effects, planned, strict=True)):
            reach = math.nan
            if judged[place]:
                reach = self.half_width(one, count, share_of_miss(comparisons))
                p_values[place] = self._p_value(one, count)
            found.append((one, one.value - reach, one.value + reach))
        adjusted = holm(p_values).tolist()
        return [Found(*ends, p_value, comparisons) for ends, p_value in zip(found, adjusted, strict=True)]

    def half_width(self, effect: Effect, planned: int, miss: float = MISS) -> float:
        """Return how far the interval of a difference reaches on each side."""
        if self.sequential:
            return sequential.half_width(effect, effect.customers + effect.controls, planned, miss)
        return effect.half_width(miss)

    def _p_value(self, effect: Effect, planned: int) -> float:
        if self.sequential:
            return sequential.p_value(effect, effect.customers + effect.controls, planned)
        return effect.p_value
