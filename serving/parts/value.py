"""What a customer will spend, when they come again, and what they are worth."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import numpy as np
from pydantic import Field

from core.arrays import Floats
from serving.explain.contributions import explain
from serving.explain.reasons import Reason, write_reasons
from serving.explain.wording import Writer
from serving.parts.segments import Named, named
from serving.parts.standing import Placed, placed_customers
from serving.parts.valuers import Values
from serving.parts.worth import ValueEngine
from serving.scoring.part import AnswerPart, Column, Computed, PartAnswer, Reading
from training.customer_value.money import Assumption


@dataclass(frozen=True, slots=True)
class Range:
    """A forecast with the ends of its interval, both inclusive; of contracts there is none."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class NextOrder:
    """When the next order is expected, with the ends of its interval."""

    days: Annotated[float, Field(description="From as_of on")]
    expected: datetime
    low: datetime
    high: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Customer lifetime value in the currency of the data: margins, less what retention and acquisition cost."""

    historic: Annotated[float, Field(description="Of all purchases so far")]
    predicted: Annotated[float, Field(description="Present value of what is to come")]
    total: float
    margin: Annotated[float, Field(description="Share of an amount that is earned")]
    text: str


@dataclass(frozen=True, slots=True)
class FieldOfMatrix:
    """A field of the value matrix, and what to do about its customers."""

    name: str
    title: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueAnswer(PartAnswer):
    """What a customer is worth. Values are null for a customer without a purchase."""

    horizon_days: Annotated[int | None, Field(description="Amount and orders are of [as_of, as_of + this)")] = None
    text: Annotated[str | None, Field(description="The forecast in a sentence")] = None
    amount: Annotated[
        Range | None, Field(description="Net amount of the horizon, in the currency of the data, with its interval")
    ] = None
    orders: Annotated[Range | None, Field(description="Number of orders of the horizon, with its interval")] = None
    alive: Annotated[float | None, Field(description="Probability that the customer will ever buy again")] = None
    next_order: Annotated[NextOrder | None, Field(description="Null where none is expected within the horizon")] = None
    at_risk: Annotated[
        float | None, Field(description="Risk times amount; null for a customer whose churn is not asked about")
    ] = None
    lifetime: Lifetime | None = None
    tier: Annotated[
        Named | None, Field(description="Value pyramid: diamond, platinum, gold, regular or basic, by lifetime value")
    ] = None
    field: Annotated[
        FieldOfMatrix | None,
        Field(description="Value matrix: invest, keep, grow or serve, so far and to come"),
    ] = None
    reasons: Annotated[list[Reason] | None, Field(description="Why the amount is what it is, both ways")] = None
    assumptions: Annotated[
        list[Assumption] | None,
        Field(description="What lifetime values are counted with, and where each number comes from"),
    ] = None


class ValuePart(AnswerPart[ValueAnswer]):
    """Amounts, orders and the next order, with intervals; lifetime value, tier and field; reasons."""

    name = "value"
    schema = ValueAnswer
    role = "score"
    engine = ValueEngine
    columns = (
        Column("amount", "number", "Net amount that is expected within the horizon of the value model"),
        Column("amount_low", "number", "Lower end of its interval"),
        Column("amount_high", "number", "Upper end of its interval"),
        Column("orders", "number", "Orders that are expected within the horizon"),
        Column("alive", "number", "Probability that the customer will ever buy again"),
        Column("days_to_next_order", "number", "Days until the next order, where one is expected within the horizon"),
        Column("value_at_risk", "number", "Risk times amount"),
        Column("lifetime_value", "number", "Customer lifetime value, so far and to come"),
        Column("value_tier", "text", "diamond, platinum, gold, regular or basic"),
        Column("value_field", "text", "invest, keep, grow or serve"),
        Column("value_model", "text", "Name and version of the model that forecast the amount"),
    )

    def compute(self, reading: Reading) -> Mapping[str, Computed[ValueAnswer]]:
        """Return what every known customer is worth."""
        placed, engine = reading.once(placed_customers), reading.deployment.engine(ValueEngine)
        if not placed.customers:
            return {}
        pen = _Pen(engine, engine.values(placed), placed, engine.writers[reading.question.language])
        return {
            customer: Computed(vector.moment, pen.answer(place))
            for place, (customer, vector) in enumerate(zip(placed.customers, placed.vectors, strict=True))
        }

    def cells(self, value: ValueAnswer) -> Mapping[str, object]:
        """Return forecast, lifetime value, tier and field."""
        amount, following, lifetime = value.amount, value.next_order, value.lifetime
        return {
            "amount": amount.value if amount else None,
            "amount_low": amount.low if amount else None,
            "amount_high": amount.high if amount else None,
            "orders": value.orders.value if value.orders else None,
            "alive": value.alive,
            "days_to_next_order": following.days if following else None,
            "value_at_risk": value.at_risk,
            "lifetime_value": lifetime.total if lifetime else None,
            "value_tier": value.tier.name if value.tier else None,
            "value_field": value.field.name if value.field else None,
            "value_model": value.model,
        }

    def exported(self, value: ValueAnswer | None) -> Mapping[str, object]:
        """Return the same."""
        cells = self.cells(value or ValueAnswer())
        return {name: cell for name, cell in cells.items() if name != "value_model"}

    def texts(self, value: ValueAnswer | None) -> Mapping[str, object]:
        """Return the forecast in a sentence."""
        return {"value_text": value.text if value else None}


class _Pen:
    """Writes answers about customers, by their place.

    Attributes
    ----------
    engine, values, placed
        Aligned with each other.
    """

    def __init__(self, engine: ValueEngine, values: Values, placed: Placed, writer: Writer) -> None:
        self._engine, self._values, self._placed, self._writer = engine, values, placed, writer
        self._tiers, self._fields = engine.tiers(values), engine.fields(values)
        self._reasons = self._explained()
        self._horizon = engine.valuer.horizon_days
        self._share = writer.percent(engine.valuer.interval or 0.0)
        self._days = writer.amount(self._horizon, "span")

    def answer(self, place: int) -> ValueAnswer:
        """Return what the customer at a place is worth."""
        engine, writer, forecast = self._engine, self._writer, self._values.forecast
        model = engine.label
        amount = _range(place, forecast.amount, forecast.amount_low, forecast.amount_high)
        if amount is None:
            return ValueAnswer(model=model, text=writer.say("value.no_purchase"))
        return ValueAnswer(
            model=model,
            horizon_days=self._horizon,
            text=self._forecast(amount),
            amount=amount,
            orders=_range(place, forecast.orders, forecast.orders_low, forecast.orders_high),
            alive=_known(forecast.alive[place]),
            next_order=self._next(place),
            at_risk=_known(self._values.at_risk[place]),
            lifetime=self._lifetime(place),
            tier=named("value_tier", self._tiers[place], writer),
            field=self._field(place),
            reasons=self._reasons[place],
            assumptions=engine.valuer.money.assumptions.named(),
        )

    def _explained(self) -> list[list[Reason]]:
        """Return the reasons of each customer; none of customers without a purchase."""
        columns, known = self._placed.columns, ~np.isnan(self._values.forecast.amount)
        reasons: list[list[Reason]] = [[] for _ in known]
        places, model = np.flatnonzero(known), self._engine.valuer.explainable
        if len(places) and model is not None:
            own = {name: values[places] for name, values in columns.items()}
            inputs = model.model.inputs(own, len(places))
            for place, explained in zip(places.tolist(), explain(model, inputs, own), strict=True):
                reasons[place] = write_reasons(explained, self._writer)
        return reasons

    def _forecast(self, amount: Range) -> str:
        writer = self._writer
        if amount.low is None or amount.high is None:
            return writer.say("value.contract", amount=writer.amount(amount.value, "money"), days=self._days)
        value, low, high = (writer.amount(one, "money") for one in (amount.value, amount.low, amount.high))
        return writer.say("value.forecast", amount=value, days=self._days, share=self._share, low=low, high=high)

    def _next(self, place: int) -> NextOrder | None:
        forecast, writer = self._values.forecast, self._writer
        ends = [float(one[place]) for one in (forecast.next_days, forecast.next_low, forecast.next_high)]
        if np.isnan(ends[0]):
            return None
        as_of = datetime.fromtimestamp(self._placed.moments[place], tz=UTC)
        days, low, high = (writer.amount(one, "span") for one in ends)
        expected, first, last = (as_of + timedelta(days=one) for one in ends)
        text = writer.say("value.next", days=days, share=self._share, low=low, high=high)
        return NextOrder(ends[0], expected, first, last, text)

    def _lifetime(self, place: int) -> Lifetime:
        worth, writer = self._values.worth, self._writer
        historic, predicted, total = (float(one[place]) for one in (worth.historic, worth.predicted, worth.total))
        amounts = {
            "historic": writer.amount(historic, "money"),
            "predicted": writer.amount(predicted, "money"),
            "total": writer.amount(total, "money"),
        }
        assumptions = self._engine.valuer.money.assumptions
        if assumptions.lifetime:
            text = writer.say("value.lifetime_open", **amounts)
        else:
            text = writer.say("value.lifetime", months=writer.plural("unit.month", assumptions.months), **amounts)
        return Lifetime(historic, predicted, total, float(worth.margin[place]), text)

    def _field(self, place: int) -> FieldOfMatrix | None:
        name, writer = self._fields[place], self._writer
        if not name:
            return None
        return FieldOfMatrix(name, writer.say(f"matrix.{name}"), writer.say(f"matrix_advice.{name}"))


def _range(place: int, value: Floats, low: Floats, high: Floats) -> Range | None:
    expected = _known(value[place])
    return None if expected is None else Range(expected, _known(low[place]), _known(high[place]))


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
