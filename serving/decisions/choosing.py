"""The choice among valued actions: for all customers within limits, or for each customer by the prices of a plan."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from core.arrays import Floats, Ints
from serving.decisions.actions import Action
from serving.decisions.problem import NOTHING
from serving.decisions.solver import Prices, Solution, solve
from serving.decisions.worth import ActionWorth
from serving.segments.values import Mask


def choose(
    actions: Sequence[Action],
    worth: ActionWorth,
    allowed: Mask,
    budget: float | None = None,
    capacity: Mapping[str, int] | None = None,
) -> Solution:
    """Choose for all customers; of equal actions the one with the higher priority, then the first.

    Parameters
    ----------
    allowed
        Customers x actions.
    budget
        None is none.
    capacity
        Contacts by channel; a channel that is not in it has no limit.
    """
    order = _by_priority(actions)
    channels = [actions[place].channel for place in order]
    solution = solve(worth.gain[:, order], worth.cost[:, order], channels, allowed[:, order], budget, capacity or {})
    return replace(solution, choice=np.array([*order, NOTHING])[solution.choice])


def reduced_gains(actions: Sequence[Action], worth: ActionWorth, allowed: Mask, prices: Prices) -> Floats:
    """Return gains less prices, customers x actions; -inf where an action is not allowed or gains nothing."""
    channels = tuple(action.channel for action in actions)
    option = allowed & (worth.gain > 0)
    return np.where(option, prices.reduced(worth.gain, worth.cost, channels), -np.inf)


def best_of(reduced: Floats, actions: Sequence[Action]) -> Ints:
    """Return the option with the highest reduced gain of each customer, by priority where they are equal."""
    choice = np.full(len(reduced), NOTHING, dtype="int64")
    best = np.full(len(reduced), -np.inf)
    for place in _by_priority(actions):
        better = reduced[:, place] > best
        choice[better], best[better] = place, reduced[better, place]
    return choice


def _by_priority(actions: Sequence[Action]) -> list[int]:
    return sorted(range(len(actions)), key=lambda place: (-actions[place].priority, place))
