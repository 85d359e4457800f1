"""What an action changes, and where that is known from: a model before experiments before an assumption.

An effect that was measured is that of a group of customers, where it was measured for one that the customer is in:
those with the same main reason, else those of a segment. What few customers show of a group is mostly chance. The
effect of a group is therefore drawn to that of all customers, the more so the less precise it is (empirical Bayes:
Morris 1983, Parametric Empirical Bayes Inference, Journal of the American Statistical Association 78(381), 47-55):

    effect = w x effect of the group + (1 - w) x effect of all,    w = t / (t + variance of the group)

with the variance t of true effects between the groups by the method of moments (DerSimonian and Laird 1986,
Meta-analysis in clinical trials, Controlled Clinical Trials 7(3), 177-188). Its variance is w x variance of the group +
(1 - w)^2 x variance of all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from core.arrays import Floats
from serving.decisions.actions import Action
from serving.decisions.stakes import Stakes
from serving.segments.population import Population
from serving.segments.values import Mask
from training.effects.measured import MeasuredEffect, needs_more

#: Half the width of a 95 % interval, in standard errors.
_HALF_WIDTH = 1.96
#: The column of the score table that names a customer's main reason.
_REASON = "reason_1"


class Uplift(Protocol):
    """What an uplift model expects of an action; see `training.uplift.model.ActionUplift`."""

    @property
    def base(self) -> Floats: ...  # noqa: D102 - see the class that it describes

    @property
    def lift(self) -> Floats: ...  # noqa: D102

    @property
    def low(self) -> Floats: ...  # noqa: D102

    @property
    def high(self) -> Floats: ...  # noqa: D102

    @property
    def revenue(self) -> Floats: ...  # noqa: D102


@dataclass(frozen=True)
class Predicted:
    """What the uplift champion expects, by action.

    Attributes
    ----------
    label
        Its name and version.
    """

    label: str
    by_action: Mapping[str, Uplift]

    @property
    def revenue(self) -> Floats | None:
        """What a customer who stays spends, which is the same whichever action."""
        return next((one.revenue for one in self.by_action.values()), None)


@dataclass(frozen=True)
class EffectSource:
    """Where the effect of an action is from.

    Attributes
    ----------
    label
        Name and version of the model, or the campaigns that it was measured in; empty where it is assumed.
    customers, controls
        With the action, and without it, that it was measured on; 0 where it was not.
    """

    action: str
    source: Literal["assumed", "measured", "model"]
    label: str = ""
    customers: int = 0
    controls: int = 0


@dataclass(frozen=True)
class Effects:
    """What actions change. Customers x actions; NaN where an action is not valued for a customer.

    Attributes
    ----------
    sources
        One an action, in order.
    base
        Probability of a success without a contact.
    lift
        What the action adds to it.
    low, high
        Ends of the 95 % interval of the lift; NaN where it is assumed.
    """

    sources: tuple[EffectSource, ...]
    base: Floats
    lift: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class _Effect:
    """The effect of one action, for each customer."""

    source: EffectSource
    base: Floats
    lift: Floats
    low: Floats
    high: Floats


def effects_of(
    actions: Sequence[Action],
    stakes: Stakes,
    population: Population,
    predicted: Predicted | None,
    measured: Sequence[MeasuredEffect],
    members: Callable[[str], Mask],
) -> Effects:
    """Return what each action changes for each customer.

    Parameters
    ----------
    predicted
        None where there is no uplift champion.
    members
        Returns for each customer whether a segment has them.
    """
    found = []
    for action in actions:
        of_model = predicted.by_action.get(action.name) if predicted is not None else None
        if of_model is not None and predicted is not None:
            source = EffectSource(action.name, "model", predicted.label)
            found.append(_Effect(source, of_model.base, of_model.lift, of_model.low, of_model.high))
        else:
            found.append(_measured(action, stakes, population, measured, members) or _assumed(action, stakes))
    stacked = (
        np.column_stack([getattr(one, name) for one in found]) if found else np.empty((len(stakes.risk), 0))
        for name in ("base", "lift", "low", "high")
    )
    return Effects(tuple(one.source for one in found), *stacked)


def _assumed(action: Action, stakes: Stakes) -> _Effect:
    """Return the effect that the file states: a share of those who would leave, or points of probability."""
    unknown = np.full(len(stakes.risk), np.nan)
    if action.saves is not None:
        lift = action.saves * stakes.risk
    else:
        # nobody buys with a probability above 1
        lift = np.fmin(np.full(len(unknown), action.adds), 1.0 - stakes.base)
    return _Effect(EffectSource(action.name, "assumed"), stakes.base, lift, unknown, unknown)


def _measured(
    action: Action,
    stakes: Stakes,
    population: Population,
    measured: Sequence[MeasuredEffect],
    members: Callable[[str], Mask],
) -> _Effect | None:
    """Return the effect that experiments have measured; None where they were too small."""
    measure = "orders" if action.sells else "retained"
    known = [one for one in measured if one.action == action.name and one.measure == measure and not needs_more(one)]
    overall = next((one for one in known if one.by == "all"), None)
    if overall is None:
        return None
    lift, variance = (np.full(len(stakes.risk), value) for value in (overall.lift, _variance(overall)))
    in_segment: Callable[[str], Mask] = members
    reasons = population.texts.get(_REASON, np.full(len(lift), None, dtype=object))
    # the reason of a customer counts before the segments that have them
    for by, among in (("segment", in_segment), ("reason", lambda group: reasons == group)):
        for group, its_lift, its_variance in shrunk([one for one in known if one.by == by], overall):
            inside = among(group)
            lift[inside], variance[inside] = its_lift, its_variance
    reach = _HALF_WIDTH * np.sqrt(variance)
    low, high = lift - reach, lift + reach
    if not action.sells:
        lift, low, high = (np.clip(one, -stakes.base, 1.0 - stakes.base) for one in (lift, low, high))
    label = ", ".join(overall.campaigns)
    source = EffectSource(action.name, "measured", label, overall.customers, overall.controls)
    return _Effect(source, stakes.base, lift, low, high)


def shrunk(groups: Sequence[MeasuredEffect], overall: MeasuredEffect) -> list[tuple[str, float, float]]:
    """Draw the effects of groups to that of all customers.

    Returns
    -------
    Group, effect and its variance, in order.
    """
    between = _between(groups)
    found = []
    for one in groups:
        own, whole = _variance(one), _variance(overall)
        weight = between / (between + own) if between + own > 0 else 1.0
        lift = weight * one.lift + (1 - weight) * overall.lift
        found.append((one.group, lift, weight * own + (1 - weight) ** 2 * whole))
    return found


def _between(groups: Sequence[MeasuredEffect]) -> float:
    """Return the variance of true effects between groups; 0 where chance explains how they differ."""
    variances = np.array([_variance(one) for one in groups])
    if len(groups) < 2 or (variances <= 0).any():
        return 0.0
    lifts, weights = np.array([one.lift for one in groups]), 1 / variances
    mean = weights @ lifts / weights.sum()
    spread = weights @ (lifts - mean) ** 2 - (len(groups) - 1)
    return float(max(0.0, spread / (weights.sum() - (weights**2).sum() / weights.sum())))


def _variance(effect: MeasuredEffect) -> float:
    return ((effect.high - effect.low) / (2 * _HALF_WIDTH)) ** 2
