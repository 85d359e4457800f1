"""What an action changes, and where that is known from: a model before experiments before an assumption."""

from dataclasses import dataclass
from typing import Literal

from core.arrays import Floats


@dataclass(frozen=True)
class EffectSource:
    """Where the effect of an action is from.

    Attributes
    ----------
    label
        Name and version of the model, or the campaigns that it was measured in; empty where it is assumed.
    customers, controls
        With the action, and without it, that it was measured on; 0 where it is assumed.
    """

    action: str
    source: Literal["assumed", "measured", "model"]
    label: str = ""
    customers: int = 0
    controls: int = 0


@dataclass(frozen=True)
class Effects:
    """What actions change. Customers x actions; NaN where an action is not valued for a customer.

    Attributes
    ----------
    sources
        One an action, in order.
    base
        Probability of a success without a contact.
    lift
        What the action adds to it.
    low, high
        Ends of the 95 % interval of the lift; NaN where it is assumed.
    """

    sources: tuple[EffectSource, ...]
    base: Floats
    lift: Floats
    low: Floats
    high: Floats
