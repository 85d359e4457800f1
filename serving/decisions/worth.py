"""What each action is worth for each customer, in the currency of the data.

    gain = lift x margin of a success - cost
    cost = cost of the contact + discount x spend x (base + lift)

`base` is the probability of a success without the action, and `lift` what the action adds to it: the discount is given
to those too who would have stayed or bought anyway. The success of a goal that sells is a sale, whose margin is that of
`amount` of the action or of the customer's usual basket. The success of the other goals is a customer who stays, whose
margin is

    kept = amount x margin x kept_windows
    amount = forecast of the value model / max(1 - risk, 0.1)

as the forecast is an expectation that counts those who leave as spending nothing, and what is kept is what the customer
spends who stays; it is at most ten times the forecast, as both models err where hardly anybody stays. Without a value
model, `amount` is the revenue that the uplift model expects of a customer who stays, and a window is one of its own.

A discount is given on what is spent within the days of an effect (`uplift.horizon_days`): the uplift model's revenue,
or that share of `amount`; with a goal that sells, on the sale.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.arrays import Floats
from serving.decisions.actions import Action
from serving.decisions.effects import Effects
from serving.decisions.stakes import Stakes


@dataclass(frozen=True)
class ActionWorth:
    """What each action is worth. Customers x actions; NaN where it is not valued.

    Attributes
    ----------
    gain
        Expected, in the currency of the data.
    low, high
        Ends of its 95 % interval; NaN where the effect is assumed.
    cost
        Contact and expected discount, which the budget pays.
    base
        Probability of a success without a contact.
    lift
        What the action adds to it.
    kept
        Margin of one kept customer; one entry a customer.
    """

    gain: Floats
    low: Floats
    high: Floats
    cost: Floats
    base: Floats
    lift: Floats
    kept: Floats


def worth_of(actions: Sequence[Action], stakes: Stakes, effects: Effects) -> ActionWorth:
    """Return what each action is worth."""
    rows = len(stakes.kept)
    gain, low, high, cost = (np.full((rows, len(actions)), np.nan, order="F") for _ in range(4))
    for place, action in enumerate(actions):
        success, spend = _of_a_success(action, stakes)
        base, lift = effects.base[:, place], effects.lift[:, place]
        given = action.discount * spend if action.discount else np.zeros(rows)
        before = action.cost + (given * base if action.discount else given)
        cost[:, place] = before + given * lift
        gain[:, place] = lift * success - cost[:, place]
        ends = [end[:, place] * (success - given) - before for end in (effects.low, effects.high)]
        low[:, place], high[:, place] = np.minimum(*ends), np.maximum(*ends)
    return ActionWorth(gain, low, high, cost, effects.base, effects.lift, stakes.kept)


def _of_a_success(action: Action, stakes: Stakes) -> tuple[Floats, Floats]:
    """Return the margin of a success of an action, and what a discount is given on."""
    if not action.sells:
        return stakes.kept, stakes.spend
    sale = stakes.basket if action.amount is None else np.full(len(stakes.basket), action.amount)
    return sale * stakes.margin, sale
