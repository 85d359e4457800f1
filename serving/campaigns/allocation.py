"""Who gets which action and who is held out: the same answer whenever it is computed again for the same choice.

A customer is held out by a hash of campaign and customer alone. So the holdout does not depend on the action that was
chosen, on the order of customers, or on who else is in the campaign.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.arrays import Floats, Ints
from serving.campaigns.definition import Campaign

_WHOLE = 2.0**64
#: The place of no action: behind the last one, as indexes count.
NONE = -1
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Candidates:
    """Customers that a campaign asks about, one place in every array for each; and the m actions of the campaign.

    Attributes
    ----------
    allowed
        Whether the policy allows the action; customers x m. Nobody of the global holdout is allowed any.
    choice
        The action that gains most for all customers together under budget and capacity; `NONE` is no action.
    gain, low, high
        Expected gain of each action with its 95 % interval, of customers like these; NaN where it is not known.
    cost
        Of the contact and the expected discount.
    risk
        Probability of churn, NaN where there is none.
    """

    customers: Sequence[str]
    actions: tuple[str, ...]
    channels: tuple[str, ...]
    allowed: Mask
    choice: Ints
    gain: Floats
    low: Floats
    high: Floats
    cost: Floats
    risk: Floats


@dataclass(frozen=True)
class Allocation:
    """Customers of a campaign, one place in every array for each.

    Attributes
    ----------
    rows
        Their places among the candidates, ascending.
    arms
        The place of the action; `NONE` is the holdout.
    intended
        The action that was chosen, also for the holdout; `NONE` where arms were drawn for everybody alike.
    propensity
        Probability of the arm for this customer, in (0, 1].
    """

    rows: Ints
    arms: Ints
    intended: Ints
    propensity: Floats

    @property
    def held_out(self) -> Mask:
        """Return who is not contacted."""
        held: Mask = self.arms == NONE
        return held


def draws(salt: str, customers: Sequence[str]) -> Floats:
    """Return a number in [0, 1) for each customer, always the same for the same salt and customer."""
    digests = (hashlib.sha256(f"{salt}\0{one}".encode()).digest()[:8] for one in customers)
    return np.fromiter((int.from_bytes(one, "big") for one in digests), dtype=np.float64, count=len(customers)) / _WHOLE


def allocate(
    campaign: Campaign, candidates: Candidates, capacity: Mapping[str, int], budget: float | None
) -> Allocation:
    """Return who is in the campaign with which arm.

    `best`: the choice that was made under budget and capacity, as if there were no holdout. So customers of the holdout
    are like those who are contacted, and contacts cost about (1 - holdout) of what the choice may cost. `random`: arms
    drawn by lot, of as many customers as budget and capacity allow, themselves in an order drawn by lot.

    Parameters
    ----------
    capacity
        Contacts of the whole campaign by channel; a channel that is not there has no limit.
    """
    if campaign.allocation == "best":
        return _best(campaign, candidates)
    held = _held(campaign, candidates.customers)
    return _random(campaign, candidates, held, _Limits(capacity, budget))


def _held(campaign: Campaign, customers: Sequence[str]) -> Mask:
    return draws(f"{campaign.name}\0holdout", customers) < campaign.holdout


def _best(campaign: Campaign, candidates: Candidates) -> Allocation:
    chosen = candidates.choice != NONE
    chosen &= candidates.allowed[np.arange(len(chosen)), candidates.choice]
    rows = np.flatnonzero(chosen)
    intended, held = candidates.choice[rows], _held(campaign, [candidates.customers[row] for row in rows.tolist()])
    propensity = np.where(held, campaign.holdout, 1 - campaign.holdout)
    return Allocation(rows, np.where(held, NONE, intended), intended, propensity)


@dataclass(frozen=True)
class _Limits:
    capacity: Mapping[str, int]
    budget: float | None


def _random(campaign: Campaign, candidates: Candidates, held: Mask, limits: _Limits) -> Allocation:
    count = len(candidates.actions)
    drawn = draws(f"{campaign.name}\0arm", candidates.customers)
    arms = np.where(held, NONE, np.minimum((drawn * count).astype(np.int64), count - 1))
    # a customer whose discount is not known could exceed the budget
    eligible = (
        np.flatnonzero((candidates.allowed & np.isfinite(candidates.cost)).all(axis=1)) if count else np.arange(0)
    )
    # in an order that says nothing about the customers, so that those who are left out are like the others
    order = eligible[np.argsort(draws(f"{campaign.name}\0order", candidates.customers)[eligible], kind="stable")]
    rows = np.sort(order[: _within(candidates, order, arms, limits)])
    propensity = np.where(held[rows], campaign.holdout, (1 - campaign.holdout) / max(count, 1))
    return Allocation(rows, arms[rows], np.full(len(rows), NONE), propensity)


def _within(candidates: Candidates, order: Ints, arms: Ints, limits: _Limits) -> int:
    """Return how many customers of an order can get their arms before a limit is exceeded."""
    contacted = arms[order] != NONE
    within = np.ones(len(order), dtype=np.bool_)
    if limits.budget is not None:
        costs = np.where(contacted, candidates.cost[order, arms[order]], 0.0)
        within &= np.cumsum(costs) <= limits.budget
    channels = np.array([*candidates.channels, ""], dtype=object)[arms[order]]
    for channel, most in limits.capacity.items():
        within &= np.cumsum(channels == channel) <= most
    return len(order) if within.all() else int(np.argmin(within))
