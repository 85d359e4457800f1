"""What would change a score: the smallest realistic change that moves a customer a tier down.

It is a calculation: the inputs of this customer are changed, and the model is asked again. No customers who did so were
observed, and nothing says that bringing the change about would keep anybody.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Annotated

import numpy as np
from pydantic import Field

from features.spans.orders import WINDOWS
from features.views.activity import overdue
from features.views.ratios import basket_amount, trend
from serving.explain.tiers import AnyTier, Tiers
from serving.explain.wording import Writer
from training.churn.model import ChurnModel

Values = dict[str, float]


@dataclass(frozen=True, slots=True)
class Change:
    """One feature that would be different."""

    feature: Annotated[str, Field(examples=["baskets_28d"])]
    before: float | None
    after: float


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The smallest realistic change with which the model puts a customer in a lower tier.

    It is a calculation of the model; it does not promise that a customer who changes will stay.
    """

    changes: list[Change]
    risk: Annotated[float, Field(description="The model's risk after the change", examples=[0.18])]
    tier: AnyTier
    text: Annotated[
        str,
        Field(
            examples=[
                "If they made 2 more purchases this week, the model would say 18%, not 37%; a calculation, "
                "not a promise"
            ]
        ),
    ]


@dataclass(frozen=True)
class Lever:
    """Something about a customer that can realistically become different within days.

    Attributes
    ----------
    steps
        How far it may go, smallest first; each is worded by the text `change.<name>`.
    needs
        Features that must be known of the customer.
    apply
        Returns the customer's values after a step.
    with_visit
        Whether it takes a purchase to happen.
    """

    name: str
    steps: tuple[int, ...]
    needs: tuple[str, ...]
    apply: Callable[[Values, int], Values]
    with_visit: bool = False


def _visit(values: Values, count: int) -> Values:
    """Buy baskets as they usually are, the last of them today; the usual gaps between purchases stay what they were."""
    spent = count * values["basket_amount_mean"]
    changed = {**values, "recency_days": 0.0}
    for name in (*(f"baskets_{days}d" for days in WINDOWS), "baskets_total", "purchase_days_84d"):
        changed[name] = values.get(name, np.nan) + count
    for name in (*(f"amount_{days}d" for days in WINDOWS), "amount_total"):
        changed[name] = values.get(name, np.nan) + spent
    changed["basket_amount_84d"] = basket_amount(changed["amount_84d"], changed["baskets_84d"])
    for name in ("baskets", "amount"):
        changed[f"{name}_trend"] = trend(changed[f"{name}_28d"], values.get(f"{name}_usual_28d", np.nan))
    return changed


def _widen(values: Values, count: int) -> Values:
    """Buy from categories that are new in the last 84 days."""
    return {**values, **{name: values[name] + count for name in ("categories_28d", "categories_84d")}}


def _answer(values: Values, count: int) -> Values:
    """Redeem something of a campaign today."""
    rate = min(values["answer_rate"] + count / values["campaigns_contacted"], 1.0)
    more = {name: values.get(name, 0.0) + count for name in ("redemptions_total", "redemptions_84d")}
    return {**values, **more, "answer_rate": rate, "days_since_redemption": 0.0}


def _cheaper(values: Values, percent: int) -> Values:
    """Pay less for the contract."""
    factor = 1 - percent / 100
    change = values.get("contract_price_change", np.nan) * factor
    return {**values, "contract_price": values["contract_price"] * factor, "contract_price_change": change}


LEVERS = (
    Lever("visit", (1, 2, 3), ("recency_days", "basket_amount_mean", "baskets_28d", "amount_28d"), _visit),
    Lever("widen", (2, 5), ("categories_28d", "categories_84d"), _widen, with_visit=True),
    Lever("answer", (1,), ("answer_rate", "campaigns_contacted"), _answer, with_visit=True),
    Lever("cheaper", (10, 20), ("contract_price",), _cheaper),
)

#: Weekdays as `datetime` counts them.
_WEEKDAYS = {"monday": 0, "saturday": 5, "sunday": 6}
#: With fewer days left than this, nothing is asked of what is left of the week.
_ENOUGH_OF_A_WEEK = 3
#: More at a time is no small change, and no short sentence.
_MOST_LEVERS = 2
#: A risk that falls by less than this is the same to a reader.
_LEAST = 0.01
#: What the age of the last purchase is set against.
_GAPS = ("recency_days", "gap_mean", "gap_p90")
#: One step, or none, of each lever.
_Plan = tuple[tuple[Lever, int], ...]


@dataclass(frozen=True)
class Manner:
    """How a what-if is worded.

    Attributes
    ----------
    moment
        The day that the week is counted from.
    order_only
        Whether percentages are too far off to be said, so that tiers are.
    """

    writer: Writer
    moment: datetime
    order_only: bool = False

    def text(self, plan: "_Plan", risk: float, after: float, tiers: Tiers) -> str:
        """Say what the change is, and what the model says after it."""
        writer = self.writer
        when = writer.say(f"change.week.{'this' if self._days_left >= _ENOUGH_OF_A_WEEK else 'next'}")
        words = [writer.plural(f"change.{lever.name}", n, when=when) for lever, n in plan]
        changes = writer.say("change.and").join(words)
        if self.order_only:
            to, now = (writer.say(f"tier.{tiers.of(value)}") for value in (after, risk))
        else:
            to, now = writer.percent(after), writer.percent(risk)
        return writer.say("change.text", changes=changes, risk=to, now=now)

    @property
    def _days_left(self) -> int:
        """Days of this week, today among them."""
        first = _WEEKDAYS[self.writer.style.first_weekday]
        return 7 - (self.moment.weekday() - first) % 7


def what_would_change(model: ChurnModel, values: Values, risk: float, tiers: Tiers, manner: Manner) -> WhatIf | None:
    """Find the change of fewest and smallest steps after which the model puts the customer in a lower tier.

    Parameters
    ----------
    values
        All features of the customer, whether the model reads them or not.

    Returns
    -------
    None for a customer in the lowest tier, and where no realistic change is enough.
    """
    now = tiers.of(risk)
    if now == "low":
        return None
    plans = _plans(values)
    if not plans:
        return None
    outcomes = [_after(values, plan) for plan in plans]
    rows = np.array([[outcome[name] for name in model.features] for outcome in outcomes])
    for plan, outcome, after in zip(plans, outcomes, model.risk(rows).tolist(), strict=True):
        tier = tiers.of(after)
        if tier != now and after <= risk - _LEAST:
            return WhatIf(_changes(model, values, outcome), after, tier, manner.text(plan, risk, after, tiers))
    return None


def _plans(values: Mapping[str, float]) -> list[_Plan]:
    """Return every combination of steps that the customer's values allow, the smallest first."""
    open_to = [lever for lever in LEVERS if not any(np.isnan(values.get(name, np.nan)) for name in lever.needs)]
    choices = [[(lever, place, n) for place, n in enumerate((0, *lever.steps))] for lever in open_to]
    combined = [[step for step in steps if step[1]] for steps in product(*choices)]
    possible = [steps for steps in combined if 0 < len(steps) <= _MOST_LEVERS and _happens(steps)]
    ordered = sorted(possible, key=lambda s: (len(s), sum(place for _, place, _ in s)))
    return [tuple((lever, n) for lever, _, n in steps) for steps in ordered]


def _happens(steps: Sequence[tuple[Lever, int, int]]) -> bool:
    """Tell whether steps that take a purchase come with one."""
    return any(lever.name == "visit" for lever, _, _ in steps) or not any(lever.with_visit for lever, _, _ in steps)


def _after(values: Values, plan: _Plan) -> Values:
    for lever, count in plan:
        values = lever.apply(values, count)
    if "recency_days" in values:
        late = overdue({name: np.array([values[name]]) for name in _GAPS if name in values})
        values = values | {name: float(column[0]) for name, column in late.items()}
    return values


def _changes(model: ChurnModel, before: Values, after: Values) -> list[Change]:
    return [
        Change(feature=name, before=None if np.isnan(before[name]) else before[name], after=after[name])
        for name in model.features
        if after[name] != before[name] and not np.isnan(after[name])
    ]
