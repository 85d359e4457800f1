"""What each action is worth for each customer.

gain = lift x margin of a success - contact cost - discount x spend x (base + lift)
"""

from dataclasses import dataclass

from core.arrays import Floats


@dataclass(frozen=True)
class Stakes:
    """What is at stake with each customer, whichever action. Aligned arrays; NaN where it is not known.

    Attributes
    ----------
    risk
        Probability of leaving without a contact.
    base
        Probability of staying, or buying, without a contact.
    amount
        Net amount that a customer who stays spends in a window.
    spend
        Net amount that a customer who stays spends within the days of an effect, which a discount is given on.
    basket
        The usual net amount of an order.
    margin
        Share of an amount that is earned.
    kept
        Margin of one kept customer: amount x margin x `policy.kept_windows`.
    """

    risk: Floats
    base: Floats
    amount: Floats
    spend: Floats
    basket: Floats
    margin: Floats
    kept: Floats


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
