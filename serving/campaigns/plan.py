"""What a campaign would do before it starts: how many, whom, for how much, with which gain, and what could be seen."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from core.arrays import Floats
from serving.campaigns.allocation import Allocation, Candidates
from training.effects.power import smallest_effect


@dataclass(frozen=True)
class Gain:
    """An expected gain in the currency of the data, with the ends of its 95 % interval.

    Attributes
    ----------
    low, high
        None where the effect is an assumption that nobody has measured.
    """

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class ActionPlan:
    """What a campaign would do with one action.

    Attributes
    ----------
    eligible
        Customers who may get it.
    contacted, held_out
        Customers who would get it, and who would get it but for the holdout. Where arms are drawn by lot, everybody of
        the holdout could have got any action, and the holdout is counted with each.
    cost
        Of contacts and expected discounts.
    effect
        Where the effect is from: `assumed`, `measured` or `model`.
    smallest_effect
        The smallest difference in the share of customers who stay that contacted and held out customers would show
        with a power of 80 %; None where nobody is held out.
    ruled_out
        Customers who may not get it, by the reason.
    """

    action: str
    channel: str
    eligible: int
    contacted: int
    held_out: int
    cost: float
    gain: Gain
    effect: str
    smallest_effect: float | None
    ruled_out: Mapping[str, int]


@dataclass(frozen=True)
class Plan:
    """What a campaign would do.

    Attributes
    ----------
    made
        The time on the clock.
    as_of
        The moment that scores and features are for.
    version
        Of actions and policy.
    customers
        Those of the segment, or all.
    eligible
        Those who may get one of the actions, or each of them where arms are drawn by lot.
    not_chosen
        Those who may and would not: no action gains anything, or budget or capacity is used up.
    false_alarms
        The expected number of contacted customers who would have stayed without a contact.
    churners_reached
        Share of all expected churners, in the segment or out of it, who would be contacted; None without a risk.
    churners
        The expected number of contacted customers who would leave without a contact; None without a risk.
    """

    made: datetime
    as_of: datetime
    version: str
    customers: int
    eligible: int
    contacted: int
    held_out: int
    not_chosen: int
    cost: float
    budget: float | None
    gain: Gain
    false_alarms: float | None
    churners_reached: float | None
    actions: tuple[ActionPlan, ...]
    churners: float | None = None


@dataclass(frozen=True)
class Frame:
    """What a plan says beside the choice.

    Attributes
    ----------
    ruled_out
        By action and reason, how many customers.
    effects
        By action where its effect is from.
    all_churners
        The sum of the risks of all customers; NaN without a risk.
    """

    made: datetime
    as_of: datetime
    version: str
    budget: float | None
    ruled_out: Mapping[str, Mapping[str, int]]
    effects: Mapping[str, str]
    all_churners: float


def make_plan(candidates: Candidates, allocation: Allocation, frame: Frame, *, by_lot: bool) -> Plan:
    """Return the plan of an allocation.

    The gains of customers with the same action depend on one estimate of its effect, which may be wrong for all of them
    alike: their intervals are added end by end. Effects of different actions come from different customers: half
    widths are added as squares.

    Parameters
    ----------
    by_lot
        Whether arms are drawn for everybody alike.
    """
    one_by_one = tuple(
        _action(candidates, allocation, frame, place, by_lot=by_lot) for place in range(len(candidates.actions))
    )
    may = candidates.allowed.all(axis=1) if by_lot else candidates.allowed.any(axis=1)
    eligible = int(may.sum()) if candidates.actions else 0
    held, risk = allocation.held_out, candidates.risk[allocation.rows]
    return Plan(
        made=frame.made,
        as_of=frame.as_of,
        version=frame.version,
        customers=len(candidates.customers),
        eligible=eligible,
        contacted=int((~held).sum()),
        held_out=int(held.sum()),
        not_chosen=eligible - len(held),
        cost=sum(one.cost for one in one_by_one),
        budget=frame.budget,
        gain=together([one.gain for one in one_by_one]),
        false_alarms=_stay(risk[~held]),
        churners_reached=_share(risk[~held], frame.all_churners),
        actions=one_by_one,
        churners=_leave(risk[~held]),
    )


def together(gains: Sequence[Gain]) -> Gain:
    """Add gains whose errors are independent of each other; the sum has an interval where all of them have one."""
    value = math.fsum(one.value for one in gains)
    if any(one.low is None or one.high is None for one in gains):
        return Gain(value, None, None)
    below = math.hypot(*(one.value - (one.low or 0.0) for one in gains))
    above = math.hypot(*((one.high or 0.0) - one.value for one in gains))
    return Gain(value, value - below, value + above)


def _action(candidates: Candidates, allocation: Allocation, frame: Frame, place: int, *, by_lot: bool) -> ActionPlan:
    name, held = candidates.actions[place], allocation.held_out
    rows = allocation.rows[allocation.arms == place]
    beside = held if by_lot else held & (allocation.intended == place)
    controls = allocation.rows[beside]
    return ActionPlan(
        action=name,
        channel=candidates.channels[place],
        eligible=int(candidates.allowed[:, place].sum()),
        contacted=len(rows),
        held_out=len(controls),
        cost=float(candidates.cost[rows, place].sum()),
        gain=_sum(candidates.gain[rows, place], candidates.low[rows, place], candidates.high[rows, place]),
        effect=frame.effects[name],
        smallest_effect=_visible(
            candidates.risk[np.r_[rows, controls]], len(rows), len(controls), len(candidates.actions)
        ),
        ruled_out=frame.ruled_out.get(name, {}),
    )


def _sum(value: Floats, low: Floats, high: Floats) -> Gain:
    """Add gains that are wrong together; one that is not known, as of a customer without a forecast, adds nothing."""
    if np.isnan([value, low, high]).any():
        return Gain(float(np.nansum(value)), None, None)
    return Gain(float(value.sum()), float(low.sum()), float(high.sum()))


def _visible(risk: Floats, treated: int, controls: int, arms: int) -> float | None:
    """Return the smallest effect that one of several arms shows, of customers who stay as often as their risks say."""
    known = risk[~np.isnan(risk)]
    # without a risk, the share at which a difference is hardest to see
    stays = float(1 - known.mean()) if len(known) else 0.5
    if not treated or not controls:
        return None
    together = treated + controls
    return smallest_effect(math.sqrt(stays * (1 - stays)), together, controls / together, comparisons=arms)


def _stay(risk: Floats) -> float | None:
    known = risk[~np.isnan(risk)]
    return float((1 - known).sum()) if len(known) else None


def _leave(risk: Floats) -> float | None:
    known = risk[~np.isnan(risk)]
    return float(known.sum()) if len(known) else None


def _share(risk: Floats, everyone: float) -> float | None:
    return float(np.nansum(risk) / everyone) if everyone > 0 else None
