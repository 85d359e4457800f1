"""Plans that are only tried: the same customers within one budget after another, as where somebody moves a slider.

Customers are read, ruled out and valued once, and remembered for a minute; what a budget, a capacity, a holdout or a
name changes is computed each time. Nothing that is kept or started is made of what is remembered.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from core.arrays import Floats
from serving.campaigns.allocation import NONE, Allocation, Candidates
from serving.campaigns.candidates import planned
from serving.campaigns.definition import Campaign
from serving.campaigns.plan import Gain, Plan
from serving.decisions.remembered import Remembered
from serving.decisions.within import Decided, Limits, Valued, within
from serving.segments.service import Source

#: For how many seconds customers are not read again, and for how many kinds of plans.
_SECONDS, _MOST = 60.0, 4
#: Budgets of a curve, beside none at all.
_STEPS = 8
#: From this share of the most that can be gained on, more money stops paying.
_ENOUGH = 0.9
#: Columns that lists of customers speak of.
SPOKEN = frozenset(
    {"risk", "tier", "value_tier", "recency_days", "gap_mean", "days_to_contract_end", "reason_1", "churn_model"}
)


@dataclass(frozen=True)
class Spend:
    """What one budget would bring."""

    budget: float
    cost: float
    contacted: int
    gain: Gain


@dataclass(frozen=True)
class Curve:
    """What budgets would bring, from nothing to as much as can be spent.

    Attributes
    ----------
    enough
        The smallest of the budgets that brings nearly all that can be gained; None where nothing is gained.
    """

    points: tuple[Spend, ...]
    enough: Spend | None

    @classmethod
    def of(cls, points: tuple[Spend, ...]) -> "Curve":
        """Find the budget that is enough."""
        best = max((one.gain.value for one in points), default=0.0)
        reached = (one for one in points if best > 0 and one.gain.value >= _ENOUGH * best)
        return cls(points, next(reached, None))


@dataclass
class Ground:
    """What is remembered of the customers of a plan.

    Attributes
    ----------
    all_churners
        How many of all customers are expected to churn; NaN without a risk.
    curves, most
        What was computed of it already, by limits.
    """

    valued: Valued
    all_churners: float
    curves: dict[Hashable, Curve] = field(default_factory=dict)
    most: dict[Hashable, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Draft:
    """A plan that is tried, with whom it is about.

    Attributes
    ----------
    most
        What can be spent where the budget has no limit: where a slider of budgets ends.
    """

    campaign: Campaign
    plan: Plan
    decided: Decided
    candidates: Candidates
    allocation: Allocation
    most: float

    @property
    def one_more(self) -> float:
        """What one more unit of money would bring; 0 where the budget does not bind."""
        return self.decided.solution.prices.budget

    @cached_property
    def contacted(self) -> list[int]:
        """The places of the customers who would be contacted, the highest expected gain first."""
        rows = self.allocation.rows[~self.allocation.held_out]
        arms = self.allocation.arms[~self.allocation.held_out]
        order = np.argsort(-np.nan_to_num(self.candidates.gain[rows, arms]), kind="stable")
        found: list[int] = rows[order].tolist()
        return found

    @property
    def as_assigned(self) -> Decided:
        """The decision with the actions that customers would get: those of lots, too, and none of the holdout."""
        choice = np.full(len(self.candidates.customers), NONE)
        choice[self.allocation.rows] = self.allocation.arms
        return replace(self.decided, choice=choice)

    def spread(self, bins: int = 20) -> "Spread | None":
        """Count the customers who may be contacted by risk; None where no risk is known."""
        may = self.candidates.allowed.any(axis=1)
        held = self.allocation.held_out
        chosen, kept_back = self.allocation.rows[~held], self.allocation.rows[held]
        risk = self.candidates.risk
        if not np.isfinite(risk[may]).any():
            return None
        edges = np.linspace(0.0, 1.0, bins + 1)

        def count(values: Floats) -> list[int]:
            found: list[int] = np.histogram(values[np.isfinite(values)], edges)[0].tolist()
            return found

        contacted, held_out, eligible = count(risk[chosen]), count(risk[kept_back]), count(risk[may])
        rest = [every - one - two for every, one, two in zip(eligible, contacted, held_out, strict=True)]
        return Spread(edges.tolist(), contacted, held_out, rest)


@dataclass(frozen=True)
class Spread:
    """Customers by risk, in steps of [edge, next edge).

    Attributes
    ----------
    rest
        Those who may be contacted and are not chosen.
    """

    edges: list[float]
    contacted: list[int]
    held_out: list[int]
    rest: list[int]


class Drafts:
    """Tries plans. Safe for threads.

    Parameters
    ----------
    ground
        Reads and values the customers of a campaign.
    limits
        Returns the limits of a campaign but for its budget.
    """

    def __init__(
        self, ground: Callable[[Campaign, Source], Ground], limits: Callable[[Campaign, Source], Limits]
    ) -> None:
        self._ground, self._limits = ground, limits
        self._remembered: Remembered[Ground] = Remembered(_SECONDS, _MOST)

    def draft(self, campaign: Campaign, source: Source, key: Hashable) -> Draft:
        """Return what a campaign would do.

        Parameters
        ----------
        key
            Names everything that the customers, and what they are worth, depend on.
        """
        ground, limits = self._of(campaign, source, key)
        named = _named(limits)
        if named not in ground.most:
            free = within(ground.valued, replace(limits, budget=_none(ground.valued)))
            ground.most[named] = float(free.of_choice(free.worth.cost).sum())
        return _tried(campaign, source, ground, limits, ground.most[named])

    def curve(self, campaign: Campaign, source: Source, key: Hashable) -> Curve:
        """Return what budgets would bring, each beside the holdout of the campaign; see `draft`."""
        most = self.draft(campaign, source, key).most
        ground, limits = self._of(campaign, source, key)
        named = (_named(limits), campaign.name, campaign.holdout, campaign.allocation)
        if named not in ground.curves:
            budgets = np.linspace(0.0, most, _STEPS + 1)[1:].tolist() if most > 0 else []
            points = [_spend(campaign, source, ground, replace(limits, budget=budget)) for budget in budgets]
            ground.curves[named] = Curve.of((Spend(0.0, 0.0, 0, Gain(0.0, None, None)), *points))
        return ground.curves[named]

    def _of(self, campaign: Campaign, source: Source, key: Hashable) -> tuple[Ground, Limits]:
        ground = self._remembered.get(key, lambda: self._ground(campaign, source))
        return ground, self._limits(campaign, source)


def _tried(campaign: Campaign, source: Source, ground: Ground, limits: Limits, most: float) -> Draft:
    decided = within(ground.valued, limits)
    plan, candidates, allocation = planned(campaign, decided, ground.all_churners, source.as_of)
    return Draft(campaign, plan, decided, candidates, allocation, most)


def _spend(campaign: Campaign, source: Source, ground: Ground, limits: Limits) -> Spend:
    plan = planned(campaign, within(ground.valued, limits), ground.all_churners, source.as_of)[0]
    return Spend(limits.budget or 0.0, plan.cost, plan.contacted, plan.gain)


def _named(limits: Limits) -> Hashable:
    capacity: Mapping[str, int] = limits.capacity or {}
    return tuple(sorted(capacity.items()))


def _none(valued: Valued) -> float:
    """Return a budget that pays every action of every customer; None would be that of the policy."""
    costs = valued.worth.cost
    return float(np.nansum(costs, where=np.isfinite(costs))) + 1.0
