"""The best action for each customer: read, rule out, value, choose."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from core.errors import StateError
from core.settings import Settings, StoreSettings
from core.stamps import fingerprint
from serving.decisions.choosing import best_of, reduced_gains
from serving.decisions.contacts import Contacts, Reserved, read_contacts
from serving.decisions.definitions import DecisionFile, Decisions
from serving.decisions.effects import Predicted, effects_of
from serving.decisions.eligibility import eligible
from serving.decisions.recent import recent_moments
from serving.decisions.solver import Prices, Solution
from serving.decisions.stakes import Terms, stakes_of
from serving.decisions.within import Decided, Limits, Valued, decided, within
from serving.decisions.worth import worth_of
from serving.scoring.models import Loaded
from serving.scoring.score_table import ScoreTable
from serving.segments.population import Population
from serving.segments.reading import read_population
from serving.segments.service import Source
from serving.segments.store import SegmentStore
from serving.segments.values import Mask
from training.effects.measured import load_effects

#: Contacts of campaigns that are this old count for no policy.
_REMEMBERED = timedelta(days=400)
#: Columns of the score table that name the models behind it.
_LABELS = ("churn_model", "value_model")


class Decider:
    """Decides for all customers, or for some. Safe for threads.

    Parameters
    ----------
    table
        The score table.
    uplift
        Returns the champion that predicts what contacts change; None where there is none.
    reserved
        Returns the contacts that campaigns have reserved since a moment.
    """

    def __init__(
        self,
        settings: Settings,
        table: ScoreTable,
        *,
        uplift: Callable[[], Loaded[Any] | None] = lambda: None,
        reserved: Callable[[datetime], Sequence[Reserved]] = lambda _: (),
    ) -> None:
        self._settings = settings
        self._table = table
        self._uplift = uplift
        self._reserved = reserved
        self._segments = SegmentStore(settings[StoreSettings])
        self.file = DecisionFile(settings)

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
            If no file of decisions is configured, nothing is known to value actions by, or customers cannot be read.
        ConfigError
            If the file of decisions cannot be read.
        StoreError
            If a store cannot be read.
        """
        return within(
            self.value(
                source,
                now,
                customers=customers,
                actions=None if limits is None else limits.actions,
                campaigns_of=campaigns_of,
            ),
            limits,
        )

    def decide_for(
        self,
        population: Population,
        now: datetime,
        *,
        customers: Sequence[str] | None = None,
        limits: Limits | None = None,
        campaigns_of: Mapping[str, frozenset[str]] | None = None,
    ) -> Decided:
        """Decide for the customers of a population; see `decide`."""
        actions = None if limits is None else limits.actions
        valued = self.value_for(population, now, customers=customers, actions=actions, campaigns_of=campaigns_of)
        return within(valued, limits)

    def value(
        self,
        source: Source,
        now: datetime,
        *,
        customers: Sequence[str] | None = None,
        actions: Sequence[str] | None = None,
        campaigns_of: Mapping[str, frozenset[str]] | None = None,
    ) -> Valued:
        """Return what can be done, and what it is worth, before anything is chosen; see `decide`.

        Parameters
        ----------
        actions
            Only these; None is all of the file.
        """
        population = read_population(self._settings, source.online, source.vectors, self._table, source.as_of)
        return self.value_for(population, now, customers=customers, actions=actions, campaigns_of=campaigns_of)

    def value_for(
        self,
        population: Population,
        now: datetime,
        *,
        customers: Sequence[str] | None = None,
        actions: Sequence[str] | None = None,
        campaigns_of: Mapping[str, frozenset[str]] | None = None,
    ) -> Valued:
        """Return what can be done for the customers of a population; see `value`."""
        decisions = _narrowed(self._current(), actions)
        contacts = self.contacts(population.customers, now)
        # what others have used of a channel counts too
        used = {channel: int(contacts.counts(channel, 1).sum()) for channel in decisions.policy.capacity}
        if customers is not None:
            population = population.among(np.flatnonzero(population.are(frozenset(customers))))
            contacts = self.contacts(population.customers, now)
        valued = self._value(decisions, population, contacts, now, campaigns_of or {})
        _check_known(valued)
        return replace(valued, used=used, is_plan=customers is None and actions is None)

    def answer(
        self,
        population: Population,
        contacts: Contacts,
        prices: Prices,
        now: datetime,
        campaigns_of: Mapping[str, frozenset[str]] | None = None,
    ) -> Decided:
        """Decide for few customers by the prices of a plan: the action with the highest reduced gain above 0.

        So they are answered as the plan of all customers would, without reading these.

        Raises
        ------
        StateError
            If no file of decisions is configured.
        """
        valued = self._value(self._current(), population, contacts, now, campaigns_of or {})
        reduced = reduced_gains(valued.actions, valued.worth, valued.allowed, prices)
        choice = best_of(np.where(reduced > 0, reduced, -np.inf), valued.actions)
        total = float(valued.worth.gain[np.flatnonzero(choice >= 0), choice[choice >= 0]].sum())
        solution = Solution(choice, total, total, prices.budget, prices.channels)
        return decided(valued, Limits(tuple(valued.decisions.actions)), solution)

    def contacts(self, customers: Sequence[str], now: datetime) -> Contacts:
        """Read what the policy needs to know about customers, as it is now."""
        reserved = self._reserved(now - _REMEMBERED)
        return read_contacts(self._settings, customers, now, reserved, self._current())

    def _current(self) -> Decisions:
        decisions = self.file.current()
        if decisions is None:
            raise StateError(
                "Expected a file of decisions, found none configured.",
                'Write one, and name it in encore.toml: [decisions] file = "decisions.toml".',
            )
        return decisions

    def _value(
        self,
        decisions: Decisions,
        population: Population,
        contacts: Contacts,
        now: datetime,
        campaigns_of: Mapping[str, frozenset[str]],
    ) -> Valued:
        """Rule out and value all actions."""
        actions = tuple(decisions.actions.values())
        predicted = self._predicted(population)
        measured = load_effects(self._settings[StoreSettings])
        terms = Terms.read(self._settings, decisions.policy, population)
        stakes = stakes_of(population, terms, predicted.revenue if predicted else None)
        effects = effects_of(actions, stakes, population, predicted, measured, self._members_among(population))
        fired = recent_moments(self._settings, decisions, population, now)
        versions = {"decisions": decisions.version, "features": population.made_from}
        versions |= {name: label for name in _LABELS if (label := _labels(population, name))}
        versions |= {"uplift_model": predicted.label} if predicted else {}
        versions |= {"effects": fingerprint([one.__dict__ for one in measured])} if measured else {}
        return Valued(
            decisions,
            population,
            eligible(decisions, population, contacts, fired, now, campaigns_of),
            stakes,
            effects,
            worth_of(actions, stakes, effects),
            versions,
            now,
        )

    def _predicted(self, population: Population) -> Predicted | None:
        """Ask the uplift champion."""
        champion = self._uplift()
        if champion is None:
            return None
        predicted = champion.artifact.predict(population.numbers, population.texts, len(population.customers))
        return Predicted(champion.version.label, predicted)

    def _members_among(self, population: Population) -> Callable[[str], Mask]:
        return lambda segment: population.are(frozenset(self._segments.members(segment)))


def _narrowed(decisions: Decisions, names: Sequence[str] | None) -> Decisions:
    """Leave some actions.

    Raises
    ------
    StateError
        If there is no action of a name.
    """
    if names is None:
        return decisions
    unknown = sorted(set(names) - decisions.actions.keys())
    if unknown:
        raise StateError(
            f"Expected actions among {', '.join(decisions.actions) or 'none'}, found {unknown[0]!r}.",
            "Correct the name, or define the action.",
        )
    return replace(decisions, actions={name: one for name, one in decisions.actions.items() if name in names})


def _check_known(valued: Valued) -> None:
    """Refuse to decide where no action has a worth for any customer.

    Raises
    ------
    StateError
        If so.
    """
    gains = valued.worth.gain
    if gains.size and not np.isfinite(gains).any():
        raise StateError(
            "Expected risks and amounts of customers to value actions by, or an uplift model; found neither.",
            "Run `encore scores`, which keeps risks and amounts, or train an uplift model from an experiment.",
        )


def _labels(population: Population, column: str) -> str:
    """Return the names of the models that a column names, in order."""
    found = population.texts.get(column)
    return "" if found is None else ", ".join(sorted({one for one in found if one is not None}))
