"""Sentences about decisions: why an action, what it changes and brings, the second choice, what was ruled out."""

import math
from dataclasses import dataclass
from typing import Literal

from serving.decisions.actions import DO_NOTHING, Action
from serving.explain.language import title_in
from serving.explain.wording import Writer

#: Where an effect is known from.
Basis = Literal["assumed", "measured", "model"]
#: Why nothing is done: there is no option, or each one is worth more elsewhere.
Nothing = Literal["no_option", "elsewhere"]

#: Tiers of the value pyramid that are called high, and low; the others are not spoken of.
_VALUE = {"diamond": "high", "platinum": "high", "basic": "low"}
#: Tiers of the risk that are spoken of.
_RISK = frozenset({"high", "medium"})
#: A customer is silent from this multiple of the usual gap on.
_SILENT = 1.5
#: Contracts that end later are not spoken of, in days.
_SOON = 92.0
#: Below this ratio one action does not work better than another.
_BETTER = 1.1
#: Effects are written per 100, 1,000 or 10,000 customers: the first number of which at least two are changed.
_MANY = (100, 1_000, 10_000)


@dataclass(frozen=True)
class Known:
    """The facts about a customer that a reason speaks of; None where a fact is unknown, or not so.

    Attributes
    ----------
    silent_days, usual_gap_days
        Since the last purchase, and usually between two purchases.
    contract_days
        Until the contract ends.
    moment
        Kind of the moment that the action is chosen for.
    """

    value_tier: str | None = None
    risk_tier: str | None = None
    silent_days: float | None = None
    usual_gap_days: float | None = None
    contract_days: float | None = None
    moment: str | None = None


@dataclass(frozen=True)
class Change:
    """What an action changes for customers like one.

    Attributes
    ----------
    lift, low, high
        What it adds to the probability of a success, with its 95 % interval; None where it is assumed.
    sells
        Whether a success is a sale; otherwise it is a customer who stays.
    """

    basis: Basis
    lift: float
    low: float | None = None
    high: float | None = None
    sells: bool = False


@dataclass(frozen=True)
class Gain:
    """What an action is expected to bring and costs, in the currency of the data; see `Change` for the interval."""

    value: float
    cost: float
    low: float | None = None
    high: float | None = None


class DecisionWriter:
    """Writes about decisions in the language of a writer."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def title(self, action: Action | None) -> str:
        """Return what an action is called; None is doing nothing."""
        if action is None:
            return self._writer.say(f"decision.{DO_NOTHING}")
        return title_in(action.titles, self._writer.language, action.name)

    def facts(self, known: Known) -> str | None:
        """Return the facts about a customer as one sentence; None where there are none."""
        clauses = [*self._standing(known), *self._rhythm(known), *self._occasion(known)]
        if not clauses:
            return None
        fact = self._writer.say("list.and").join(clauses)
        return self._writer.say("direction.alone", fact=self._writer.sentence(fact))

    def change(self, action: str, change: Change) -> str:
        """Say what an action changes, by its title."""
        kind = f"{change.basis}_{'sell' if change.sells else 'stay'}"
        return self._of_many(f"decision_effect.{kind}", action, change)

    def better(self, action: str, change: Change, other: str, others: Change) -> str | None:
        """Say how many times better one action worked than another; None where that is not seen.

        It is seen where both effects were learned from campaigns, and even the lower end of the first is above the
        second.
        """
        learned = "assumed" not in {change.basis, others.basis} and change.sells == others.sells
        if not learned or change.low is None or others.lift <= 0:
            return None
        if change.low <= others.lift or change.lift < _BETTER * others.lift:
            return None
        factor = self._writer.factor(change.lift / others.lift)
        return self._writer.say("decision.better", title=self._quoted(action), factor=factor, other=self._quoted(other))

    def worked(self, action: str, change: Change) -> str:
        """Say that an action worked for customers with the reason that a playbook answers."""
        return self._of_many(f"decision.worked_{'sell' if change.sells else 'stay'}", action, change)

    def gain(self, gain: Gain) -> str:
        """Say what an action is expected to bring."""
        amounts = {"gain": self._money(gain.value), "cost": self._money(gain.cost)}
        if gain.low is None or gain.high is None:
            return self._writer.say("decision_gain.assumed", **amounts)
        ends = {"low": self._money(gain.low), "high": self._money(gain.high)}
        return self._writer.say("decision_gain.within", **amounts, **ends)

    def nothing(self, why: Nothing) -> str:
        """Say why nothing is done."""
        return self._writer.say(f"decision_nothing.{why}")

    def runner_up(self, action: str, gain: float, chosen: float | None) -> str:
        """Say what the second choice would bring.

        Parameters
        ----------
        chosen
            The gain of what was chosen; None where nothing is done.
        """
        title = self._quoted(action)
        if chosen is None:
            return self._writer.say("decision_runner_up.instead", title=title, amount=self._money(gain))
        amount = self._money(abs(chosen - gain))
        if amount == self._money(0.0):
            return self._writer.say("decision_runner_up.equal", title=title)
        key = "less" if gain < chosen else "more"
        return self._writer.say(f"decision_runner_up.{key}", title=title, amount=amount)

    def ruled_out(self, code: str) -> str:
        """Say why an action is ruled out, by its code in `serving.decisions.listing.REASONS`."""
        return self._writer.say(f"ruled_out.{code}")

    def together(self, first: str | None, second: str) -> str:
        """Put two sentences beside each other."""
        return second if first is None else self._writer.say("decision.sentences", first=first, second=second)

    def _standing(self, known: Known) -> list[str]:
        value, say = _VALUE.get(known.value_tier or ""), self._writer.say
        clauses = [say(f"decision.value_{value}")] if value else []
        if known.risk_tier in _RISK:
            clauses.append(say(f"decision.risk_{known.risk_tier}"))
        return clauses

    def _rhythm(self, known: Known) -> list[str]:
        silent, gap, writer = known.silent_days, known.usual_gap_days, self._writer
        if silent is None:
            return []
        ago = writer.amount(silent, "ago")
        if gap is None:
            return [writer.say("decision.last_alone", ago=ago)]
        every = writer.amount(gap, "every")
        if silent > _SILENT * gap and silent - gap >= 1:
            return [writer.say("decision.silent", span=writer.amount(math.floor(silent), "span"), every=every)]
        return [writer.say("decision.last", ago=ago, every=every)]

    def _occasion(self, known: Known) -> list[str]:
        days, writer = known.contract_days, self._writer
        clauses = []
        # one of both speaks of the contract
        if known.moment is not None and writer.has(f"decision_moment.{known.moment}"):
            clauses.append(writer.say(f"decision_moment.{known.moment}"))
        elif days is not None and 0 <= days < _SOON:
            clauses.append(writer.say("decision.contract", span=writer.amount(days, "span")))
        return clauses

    def _of_many(self, key: str, action: str, change: Change) -> str:
        """Fill a text about a number of customers of which at least two are changed."""
        many = next((one for one in _MANY if round(change.lift * one, 1) >= 2), _MANY[-1])
        numbers = {"n": self._count(change.lift * many), "many": self._writer.number(many)}
        if change.low is not None and change.high is not None:
            numbers |= self._ends(change.low * many, change.high * many)
        return self._writer.say(key, title=self._quoted(action), **numbers)

    def _ends(self, low: float, high: float) -> dict[str, str]:
        """Write the ends of a range of more customers; one below zero says how many fewer."""
        if low >= 0:
            return {"low": self._count(low), "high": self._count(high)}
        signs = {"low": low, "high": high}
        return {
            end: self._writer.say(f"decision.{'fewer' if value < 0 else 'more'}", n=self._count(abs(value)))
            for end, value in signs.items()
        }

    def _count(self, value: float) -> str:
        """Write a number of customers: whole from 10 on, else with one decimal."""
        return self._writer.number(value) if abs(value) >= 10 else self._writer.factor(value)

    def _quoted(self, title: str) -> str:
        return self._writer.quoted(title)

    def _money(self, value: float) -> str:
        return self._writer.amount(value, "money")
