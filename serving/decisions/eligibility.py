"""Which actions may be chosen for which customers, and why the others may not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.arrays import Rows
from serving.decisions.actions import Action
from serving.decisions.contacts import Contacts
from serving.decisions.definitions import Decisions
from serving.decisions.policy import Policy, in_global_holdout
from serving.segments.columns import RuleError
from serving.segments.population import Population
from serving.segments.values import Mask

#: Why an action is ruled out for a customer; the code is the place in this list. The first reason counts where several
#: hold. A text of each is `ruled_out.<reason>` in serving/explain/texts.
RULED_OUT: tuple[str, ...] = (
    "allowed",
    # the customer asked to be forgotten
    "erased",
    # of the global holdout, which is never contacted
    "holdout",
    # consent to the channel was withdrawn, or was never given and is required
    "consent_withdrawn",
    "consent_missing",
    # now is outside [valid_from, valid_until)
    "not_valid",
    # the rule of the action does not hold
    "rule",
    # none of the moments of the action was recent
    "moment",
    # the customer is in a running campaign of an exclusive group
    "campaign",
    # cool-down after a complaint, a return, a contact
    "complaint",
    "return",
    "contact",
    # as many contacts as a cap allows
    "cap",
)
Codes = npt.NDArray[np.int8]
_CODE = {reason: code for code, reason in enumerate(RULED_OUT)}
_Checks = Iterator[tuple[str, Mask]]
#: Customers who are in no campaign.
NOWHERE: Mapping[str, frozenset[str]] = MappingProxyType({})


@dataclass(frozen=True)
class Eligibility:
    """Which actions are allowed for which customers.

    Attributes
    ----------
    actions
        Names of actions, one for each column.
    codes
        Customers x actions: 0 where the action is allowed, else the place of the reason in `RULED_OUT`.
    """

    actions: Sequence[str]
    codes: Codes

    @property
    def allowed(self) -> Mask:
        """Customers x actions: whether the action is allowed."""
        mask: Mask = self.codes == 0
        return mask

    def of(self, actions: Sequence[str]) -> "Eligibility":
        """Return the same of some actions, in their order."""
        return Eligibility(actions, self.codes[:, [self.actions.index(name) for name in actions]])


def eligible(
    decisions: Decisions,
    population: Population,
    contacts: Contacts,
    fired: Mapping[str, Rows],
    now: datetime,
    campaigns_of: Mapping[str, frozenset[str]] = NOWHERE,
) -> Eligibility:
    """Return which actions are allowed for each customer of a population.

    Parameters
    ----------
    contacts
        Of the customers of the population, in their order.
    fired
        By moment, the places of the customers for whom it is recent; a moment that is not here is recent for nobody.
    campaigns_of
        By customer, the running campaigns that they are in; those of exclusive groups count.

    Raises
    ------
    RuleError
        If the rule of an action does not fit the columns of the population.
    """
    shared = _Shared(decisions, contacts)
    busy = _in_exclusive(decisions.policy, population.customers, campaigns_of)
    codes = np.zeros((len(population.customers), len(decisions.actions)), dtype=np.int8)
    for column, action in enumerate(decisions.actions.values()):
        if not action.is_valid(now):
            codes[:, column] = _CODE["not_valid"]
        else:
            own = _own(action, population, fired, busy)
            codes[:, column] = _first([*own, *shared.checks(action.channel, marketing=action.is_marketing)])
    return Eligibility(tuple(decisions.actions), codes)


def barred(decisions: Decisions, channel: str, contacts: Contacts, *, marketing: bool) -> Codes:
    """Return what rules out a contact through a channel now, whatever the action: a second look before it is made.

    Erasure, global holdout, consent, cool-down and caps are looked at, as `eligible` does.

    Returns
    -------
    One code for each customer of the contacts.
    """
    return _first(_Shared(decisions, contacts).checks(channel, marketing=marketing))


class _Shared:
    """What is looked at for all actions of a channel alike."""

    def __init__(self, decisions: Decisions, contacts: Contacts) -> None:
        self._policy = decisions.policy
        self._contacts = contacts
        self._found: dict[tuple[str, bool], list[tuple[str, Mask]]] = {}
        held = (in_global_holdout(self._policy, customer) for customer in contacts.customers)
        self._holdout: Mask = np.fromiter(held, dtype=np.bool_, count=len(contacts.customers))

    def checks(self, channel: str, *, marketing: bool) -> list[tuple[str, Mask]]:
        """Return reasons, each with the customers for whom it holds."""
        if (channel, marketing) not in self._found:
            found = [("erased", self._contacts.erased), ("holdout", self._holdout)]
            if marketing:
                found += self._of_marketing(channel)
            self._found[channel, marketing] = [*found, *self._frequency(channel)]
        return self._found[channel, marketing]

    def _of_marketing(self, channel: str) -> _Checks:
        consent = self._contacts.consent(channel)
        yield "consent_withdrawn", consent == 0
        if self._policy.ask == "required":
            yield "consent_missing", np.isnan(consent)
        yield "complaint", self._contacts.is_within("complaint", self._policy.cool_down.complaint_days)
        yield "return", self._contacts.is_within("return", self._policy.cool_down.return_days)

    def _frequency(self, channel: str) -> _Checks:
        yield "contact", self._contacts.is_within("contact", self._policy.cool_down.contact_days)
        for cap in self._policy.caps:
            if cap.channel in {None, channel}:
                yield "cap", self._contacts.counts(cap.channel, cap.days) >= cap.contacts


def _own(action: Action, population: Population, fired: Mapping[str, Rows], busy: Mask) -> _Checks:
    """Yield the reasons of one action."""
    if action.is_marketing:
        yield "campaign", busy
    if action.rule is not None:
        try:
            yield "rule", ~population.members(action.rule)
        except RuleError as error:
            raise RuleError(f"actions.{action.name}.rule: {error.problem}", error.remedy) from error
    if action.moments:
        recent = np.zeros(len(population.customers), dtype=np.bool_)
        for moment in action.moments:
            if moment in fired:
                recent[fired[moment]] = True
        yield "moment", ~recent


def _first(checks: Sequence[tuple[str, Mask]]) -> Codes:
    """Return for each customer the code of the first reason that holds, in the order of `RULED_OUT`."""
    codes = np.zeros(len(checks[0][1]), dtype=np.int8)
    for reason, mask in sorted(checks, key=lambda check: -_CODE[check[0]]):
        codes[mask] = _CODE[reason]
    return codes


def _in_exclusive(policy: Policy, customers: Sequence[str], campaigns_of: Mapping[str, frozenset[str]]) -> Mask:
    """Return for each customer whether they are in a campaign of an exclusive group."""
    names = {name for group in policy.exclusive for name in group}
    inside = [customer for customer, campaigns in campaigns_of.items() if not names.isdisjoint(campaigns)]
    mask = np.zeros(len(customers), dtype=np.bool_)
    places = pd.Index(customers).get_indexer(pd.Index(inside, dtype=object)) if inside else np.array([], dtype="int64")
    mask[places[places >= 0]] = True
    return mask
