"""The choice within limits, apart from what it is made of: other limits need no other customers, effects and worths."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from core.arrays import Floats, Ints
from serving.decisions.actions import Action
from serving.decisions.choosing import best_of, choose, reduced_gains
from serving.decisions.definitions import Decisions
from serving.decisions.effects import Effects
from serving.decisions.eligibility import Eligibility
from serving.decisions.solver import Solution
from serving.decisions.stakes import Stakes
from serving.decisions.worth import ActionWorth
from serving.segments.population import Population
from serving.segments.values import Mask


@dataclass(frozen=True)
class Limits:
    """What is decided within, in the place of what the policy says.

    Attributes
    ----------
    actions
        Only these; None is all of the file.
    budget
        Of this run; None is that of the policy.
    capacity
        Contacts by channel, of the whole run; a channel that is not there has that of the policy for a day, less the
        contacts with all customers of the last 24 hours.
    """

    actions: tuple[str, ...] | None = None
    budget: float | None = None
    capacity: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Decided:
    """What was decided. Arrays are aligned with `population.customers`, and matrices with `actions` too.

    Attributes
    ----------
    actions
        In the order of `decisions.actions`.
    now
        The moment of the decision.
    choice, runner_up
        Places of actions; -1 is nothing. The runner-up is the best other action that is allowed and gains something,
        at the prices of the solution.
    limits
        What it was decided within: the names of the actions, the budget, and the capacities.
    decisions
        With the actions of the limits alone.
    versions
        What it was made from: decisions, materialisation, models, effects.
    is_plan
        Whether it is about all customers and all actions, so that its prices hold for single customers.
    """

    population: Population
    actions: tuple[Action, ...]
    now: datetime
    choice: Ints
    runner_up: Ints
    stakes: Stakes
    effects: Effects
    worth: ActionWorth
    eligibility: Eligibility
    solution: Solution
    limits: Limits
    decisions: Decisions
    versions: Mapping[str, str]
    is_plan: bool

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels of the actions."""
        return tuple(action.channel for action in self.actions)

    @property
    def chosen(self) -> Ints:
        """The places of the customers for whom there is an action."""
        return np.flatnonzero(self.choice >= 0)

    def of_choice(self, matrix: Floats) -> Floats:
        """Return what a matrix has for each customer's choice; 0 for nothing."""
        rows = np.arange(len(self.choice))
        if not self.actions:
            return np.zeros(len(rows))
        return np.where(self.choice >= 0, matrix[rows, np.maximum(self.choice, 0)], 0.0)


@dataclass(frozen=True)
class Valued:
    """What can be done for customers, and what it is worth: all that budget and capacity do not change.

    Attributes
    ----------
    now
        The moment of the decision.
    used
        By channel, contacts with all customers in the 24 hours before it.
    is_plan
        Whether it is about all customers and all actions.
    """

    decisions: Decisions
    population: Population
    eligibility: Eligibility
    stakes: Stakes
    effects: Effects
    worth: ActionWorth
    versions: Mapping[str, str]
    now: datetime
    used: Mapping[str, int] = field(default_factory=dict)
    is_plan: bool = False

    @property
    def actions(self) -> tuple[Action, ...]:
        """The actions, in order."""
        return tuple(self.decisions.actions.values())

    @property
    def allowed(self) -> Mask:
        """Customers x actions: allowed, and valued."""
        mask: Mask = self.eligibility.allowed & np.isfinite(self.worth.gain)
        return mask

    def speaking_of(self, columns: Collection[str]) -> "Valued":
        """Leave the columns of customers that somebody speaks of, which takes a small part of the memory."""
        there = self.population
        narrow = replace(
            there,
            columns={name: one for name, one in there.columns.items() if name in columns},
            numbers={name: one for name, one in there.numbers.items() if name in columns},
            texts={name: one for name, one in there.texts.items() if name in columns},
        )
        return replace(self, population=narrow)


def within(valued: Valued, limits: Limits | None = None) -> Decided:
    """Choose among valued actions within limits."""
    limits = _resolved(limits or Limits(), valued)
    solution = choose(valued.actions, valued.worth, valued.allowed, limits.budget, limits.capacity)
    return decided(valued, limits, solution)


def _resolved(limits: Limits, valued: Valued) -> Limits:
    """Return the limits with those of the policy in the place of what they do not say."""
    policy = valued.decisions.policy
    capacity = {channel: max(0, most - valued.used[channel]) for channel, most in policy.capacity.items()}
    budget = policy.budget if limits.budget is None else limits.budget
    return Limits(tuple(valued.decisions.actions), budget, {**capacity, **(limits.capacity or {})})


def decided(valued: Valued, limits: Limits, solution: Solution) -> Decided:
    """Return what was chosen, with the second choices."""
    others = reduced_gains(valued.actions, valued.worth, valued.allowed, solution.prices)
    chosen = np.flatnonzero(solution.choice >= 0)
    others[chosen, solution.choice[chosen]] = -np.inf
    return Decided(
        population=valued.population,
        actions=valued.actions,
        now=valued.now,
        choice=solution.choice,
        runner_up=best_of(others, valued.actions),
        stakes=valued.stakes,
        effects=valued.effects,
        worth=valued.worth,
        eligibility=valued.eligibility,
        solution=solution,
        limits=limits,
        decisions=valued.decisions,
        versions=valued.versions,
        is_plan=valued.is_plan,
    )
