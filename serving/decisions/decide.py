"""The best action for each customer: read, rule out, value, choose."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from training.uplift.model import UpliftModel

from core.arrays import Ints
from core.settings import Settings
from serving.decisions.contacts import Contacts, Reserved
from serving.decisions.definitions import Action, Decisions
from serving.decisions.effects import Effects
from serving.decisions.eligibility import Eligibility
from serving.decisions.solver import Prices, Solution
from serving.decisions.worth import ActionWorth, Stakes
from serving.scoring.models import Loaded
from serving.segments.population import Population
from serving.segments.service import Source


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
        Contacts by channel, of the whole run; None is that of the policy for a day, less the contacts of the last
        24 hours.
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
        In the order of the columns: by priority, then as in the file.
    now
        The moment of the decision.
    choice, runner_up
        Places of actions; -1 is nothing. The runner-up is the best other action that is allowed and gains something,
        at the prices of the solution.
    limits
        What it was decided within.
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


class Decider:
    """Decides for all customers, or for some.

    Parameters
    ----------
    uplift
        Returns the uplift champion; None where there is none.
    reserved
        Returns the contacts that campaigns have exported since a moment.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        uplift: Callable[[], Loaded[UpliftModel] | None] = lambda: None,
        reserved: Callable[[datetime], Sequence[Reserved]] = lambda _: (),
    ) -> None:
        self._settings = settings
        self._uplift = uplift
        self._reserved = reserved

    def decide(
        self,
        source: Source,
        now: datetime,
        *,
        customers: Sequence[str] | None = None,
        limits: Limits | None = None,
        campaigns_of: Mapping[str, frozenset[str]] | None = None,
    ) -> Decided:
        """Decide for all customers, or for some of them.

        Parameters
        ----------
        customers
            None is all; unknown ones are left out.
        limits
            In the place of those of the policy.
        campaigns_of
            Customers of other campaigns, as eligibility takes them.

        Raises
        ------
        StateError
            If no file of decisions is configured, or customers cannot be read.
        """
        raise NotImplementedError

    def answer(self, population: Population, contacts: Contacts, prices: Prices, now: datetime) -> Decided:
        """Decide for few customers by the prices of a plan: an action where its reduced gain is the highest above 0."""
        raise NotImplementedError
