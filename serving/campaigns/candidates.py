"""What a decision says about the customers of a campaign, as its plan and its assignments read it."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import numpy as np

from serving.campaigns.allocation import Allocation, Candidates, allocate
from serving.campaigns.definition import Campaign
from serving.campaigns.plan import Frame, Plan, make_plan
from serving.decisions.eligibility import RULED_OUT
from serving.decisions.within import Decided, Limits, Valued
from serving.scoring.score_table import ScoreTable
from serving.segments.service import Source


class Deciding(Protocol):
    """Decides for customers; `serving.decisions.decide.Decider` does."""

    def value(
        self,
        source: Source,
        now: datetime,
        *,
        customers: Sequence[str] | None = None,
        actions: Sequence[str] | None = None,
        campaigns_of: Mapping[str, frozenset[str]] | None = None,
    ) -> Valued:
        """Return what can be done for all customers, or for some, and what it is worth."""
        ...

    def decide(
        self,
        source: Source,
        now: datetime,
        *,
        customers: Sequence[str] | None = None,
        limits: Limits | None = None,
        campaigns_of: Mapping[str, frozenset[str]] | None = None,
    ) -> Decided:
        """Decide for all customers, or for some."""
        ...


def candidates_of(decided: Decided) -> Candidates:
    """Return the customers of a decision."""
    customers, worth = decided.population.customers, decided.worth
    return Candidates(
        customers=customers,
        actions=tuple(action.name for action in decided.actions),
        channels=tuple(action.channel for action in decided.actions),
        allowed=decided.eligibility.allowed,
        choice=decided.choice,
        gain=worth.gain,
        low=worth.low,
        high=worth.high,
        cost=worth.cost,
        risk=decided.stakes.risk,
    )


def frame_of(decided: Decided, all_churners: float, now: datetime) -> Frame:
    """Return what a plan says beside the choice.

    Parameters
    ----------
    all_churners
        How many of all customers are expected to churn; NaN without a risk.
    """
    budget = decided.limits.budget
    return Frame(
        made=now,
        as_of=decided.population.as_of,
        version=decided.decisions.version,
        budget=decided.decisions.policy.budget if budget is None else budget,
        ruled_out=_ruled_out(decided),
        effects={one.action: one.source for one in decided.effects.sources},
        all_churners=all_churners,
    )


def _ruled_out(decided: Decided) -> dict[str, dict[str, int]]:
    """Return by action and reason how many customers may not get it."""
    found = {}
    for place, action in enumerate(decided.actions):
        counts = np.bincount(decided.eligibility.codes[:, place].astype(np.int64), minlength=len(RULED_OUT))
        found[action.name] = {RULED_OUT[code]: int(count) for code, count in enumerate(counts) if code and count}
    return found


def churners_of(table: ScoreTable) -> float:
    """Return how many of all customers are expected to churn; NaN where no risk is known."""
    ((_, total),) = table.totals((), ("risk",))
    return math.nan if total is None else float(total)


def planned(
    campaign: Campaign, decided: Decided, all_churners: float, now: datetime
) -> tuple[Plan, Candidates, Allocation]:
    """Return what a campaign would do by a decision, and for whom."""
    frame, candidates = frame_of(decided, all_churners, now), candidates_of(decided)
    allocation = allocate(campaign, candidates, decided.limits.capacity or {}, frame.budget)
    return make_plan(candidates, allocation, frame, by_lot=campaign.allocation == "random"), candidates, allocation
