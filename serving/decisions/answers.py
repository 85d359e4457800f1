"""What is answered about a decision for one customer, in the reader's language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import numpy as np
from pydantic import Field

from serving.decisions.actions import DO_NOTHING, Action, Goal
from serving.decisions.listing import REASONS, reasons_of
from serving.decisions.policy import not_before
from serving.decisions.within import Decided
from serving.decisions.wording import Basis, Change, DecisionWriter, Gain, Known
from serving.explain.wording import Writer


@dataclass(frozen=True, slots=True)
class OfferedProduct:
    """A product that goes with an action."""

    product_id: str
    name: str


@dataclass(frozen=True, slots=True)
class ExpectedGain:
    """What an action is expected to bring after all costs, in the currency of the data."""

    value: float
    low: Annotated[float | None, Field(description="Of the 95 % interval; null where the effect is assumed")]
    high: float | None
    text: str


@dataclass(frozen=True, slots=True)
class EffectAnswer:
    """What an action adds to the probability that the customer stays, or buys."""

    source: Annotated[
        Basis,
        Field(
            description="`assumed`: stated in the file of decisions; `measured` in campaigns; `model`: by an uplift "
            "model that was learned from campaigns"
        ),
    ]
    lift: Annotated[float, Field(examples=[0.06])]
    low: Annotated[float | None, Field(description="Of the 95 % interval; null where the effect is assumed")]
    high: float | None
    label: Annotated[str, Field(description="The model, or the campaigns; empty where the effect is assumed")]
    text: str


@dataclass(frozen=True, slots=True)
class RunnerUp:
    """The best other action that is allowed and expected to bring something."""

    action: str
    title: str
    expected_gain: float
    text: str


@dataclass(frozen=True, slots=True)
class RuledOut:
    """An action that is no option for the customer now, and why."""

    action: str
    title: str
    code: Annotated[str, Field(examples=["cap"])]
    text: str


@dataclass(frozen=True, slots=True)
class DecisionAnswer:
    """The best action for a customer within the policy."""

    action: Annotated[str, Field(description="Its name in the file of decisions, or do_nothing", examples=["call"])]
    title: str
    goal: Annotated[Goal | None, Field(description="Null where nothing is done, as the next ones")]
    channel: str | None
    offer: Annotated[list[OfferedProduct] | None, Field(description="Products that go with it; null without an offer")]
    not_before: Annotated[datetime | None, Field(description="The end of quiet hours, or now (UTC)")]
    expected_gain: ExpectedGain | None
    cost: Annotated[float | None, Field(description="Of the contact, and of the discount that is expected")]
    effect: EffectAnswer | None
    reason: Annotated[str, Field(description="Why, in a sentence or two")]
    runner_up: RunnerUp | None
    ruled_out: list[RuledOut]


#: The products that go with an action and a customer, by the name of the action and the id of the customer.
Products = Mapping[tuple[str, str], Sequence[OfferedProduct]]


def decision_answers(
    decided: Decided, writer: Writer, products: Products, places: Sequence[int] | None = None
) -> list[DecisionAnswer]:
    """Return what was decided for each customer, or for those at some places."""
    pen = _Pen(decided, DecisionWriter(writer), products)
    return [pen.answer(place) for place in (range(len(decided.choice)) if places is None else places)]


class _Pen:
    """Writes answers about the customers of a decision, by their place."""

    def __init__(self, decided: Decided, write: DecisionWriter, products: Products) -> None:
        self._decided, self._write, self._products = decided, write, products
        self._not_before = not_before(decided.decisions.policy, decided.now)
        self._reasons = reasons_of(decided)

    def answer(self, place: int) -> DecisionAnswer:
        column = int(self._decided.choice[place])
        ruled_out, runner_up = self._ruled_out(place), self._runner_up(place)
        if column < 0:
            return DecisionAnswer(
                action=DO_NOTHING,
                title=self._write.title(None),
                goal=None,
                channel=None,
                offer=None,
                not_before=None,
                expected_gain=None,
                cost=None,
                effect=None,
                reason=self._why_nothing(place, ruled_out),
                runner_up=runner_up,
                ruled_out=ruled_out,
            )
        action = self._decided.actions[column]
        worth, change = self._decided.worth, self._change(place, column)
        low, high = _number(worth.low[place, column]), _number(worth.high[place, column])
        gain = Gain(float(worth.gain[place, column]), float(worth.cost[place, column]), low, high)
        effect = self._write.change(self._write.title(action), change)
        source = self._decided.effects.sources[column]
        return DecisionAnswer(
            action=action.name,
            title=self._write.title(action),
            goal=action.goal,
            channel=action.channel,
            offer=self._offer(place, action),
            not_before=self._not_before,
            expected_gain=ExpectedGain(gain.value, low, high, self._write.gain(gain)),
            cost=gain.cost,
            effect=EffectAnswer(source.source, change.lift, change.low, change.high, source.label, effect),
            reason=self._why(place, action, change, effect),
            runner_up=runner_up,
            ruled_out=ruled_out,
        )

    def _why(self, place: int, action: Action, change: Change, effect: str) -> str:
        facts, other = self._write.facts(self._known(place, action)), int(self._decided.runner_up[place])
        if other >= 0:
            title, others = self._write.title(self._decided.actions[other]), self._change(place, other)
            effect = self._write.better(self._write.title(action), change, title, others) or effect
        return self._write.together(facts, effect)

    def _why_nothing(self, place: int, ruled_out: Sequence[RuledOut]) -> str:
        facts, codes = self._write.facts(self._known(place, None)), {one.code for one in ruled_out}
        if len(ruled_out) < len(self._decided.actions):
            return self._write.together(facts, self._write.nothing("elsewhere"))
        if len(codes) == 1:
            return self._write.together(facts, ruled_out[0].text)
        return self._write.together(facts, self._write.nothing("no_option"))

    def _known(self, place: int, action: Action | None) -> Known:
        population, moments = self._decided.population, action.moments if action is not None else ()

        def number(name: str) -> float | None:
            values = population.numbers.get(name)
            return None if values is None else _number(values[place])

        def text(name: str) -> str | None:
            values = population.texts.get(name)
            return None if values is None else values[place]

        return Known(
            value_tier=text("value_tier"),
            risk_tier=text("tier"),
            silent_days=number("recency_days"),
            usual_gap_days=number("gap_mean"),
            contract_days=number("days_to_contract_end"),
            # of several it is not said which one was recent
            moment=self._decided.decisions.moments[moments[0]].kind if len(moments) == 1 else None,
        )

    def _change(self, place: int, column: int) -> Change:
        effects, action = self._decided.effects, self._decided.actions[column]
        return Change(
            effects.sources[column].source,
            float(effects.lift[place, column]),
            _number(effects.low[place, column]),
            _number(effects.high[place, column]),
            action.sells,
        )

    def _offer(self, place: int, action: Action) -> list[OfferedProduct] | None:
        if action.offer is None:
            return None
        return list(self._products.get((action.name, self._decided.population.customers[place]), ()))

    def _runner_up(self, place: int) -> RunnerUp | None:
        gains, other = self._decided.worth.gain[place], int(self._decided.runner_up[place])
        if other < 0:
            return None
        chosen, action = int(self._decided.choice[place]), self._decided.actions[other]
        gain, title = float(gains[other]), self._write.title(action)
        text = self._write.runner_up(title, gain, float(gains[chosen]) if chosen >= 0 else None)
        return RunnerUp(action.name, title, gain, text)

    def _ruled_out(self, place: int) -> list[RuledOut]:
        codes = zip(self._decided.actions, self._reasons[place].tolist(), strict=True)
        return [
            RuledOut(action.name, self._write.title(action), REASONS[code], self._write.ruled_out(REASONS[code]))
            for action, code in codes
            if code
        ]


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
