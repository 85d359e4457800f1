"""What a report of effects says: of each arm and measure the difference, the verdict, the money, and the checks."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from training.effects.difference import Effect
from training.effects.outcomes import Measure
from training.evaluation.bootstrap import Estimate

#: `effect`: the goal's measure is higher with the arm; `harm`: lower; `no_effect_seen`: all outcomes are known and the
#: interval includes 0; `not_yet_known`: too few customers, or outcomes are still to come and the interval includes 0.
Verdict = Literal["effect", "no_effect_seen", "harm", "not_yet_known"]
#: Which interval decides: `fixed` where the report is made once, at the end; `sequential` where somebody looked before.
DecidedBy = Literal["fixed", "sequential"]
#: By what a group of customers is formed.
By = Literal["segment", "reason"]
Status = Literal["ok", "alarm", "not_checked"]
#: The fewest customers with the action, and the fewest without it, of a difference that is judged.
LEAST = 50


@dataclass(frozen=True)
class Found:
    """The difference that an arm makes on one measure, for each customer of the arm.

    Attributes
    ----------
    effect
        The difference with its own 95 % interval, of fixed size: as if it were the only comparison, made once.
    low, high
        The interval that decides. All intervals of the same family hold together in 95 % of the campaigns, at every
        look where `sequential`; NaN where the difference is not judged: it is not known, or of fewer than `LEAST`
        customers on a side.
    p_value
        Adjusted for the family by Holm's method, and for looks where `sequential`; NaN where it is not judged.
    comparisons
        Differences that are judged in the family.
    """

    effect: Effect
    low: float
    high: float
    p_value: float
    comparisons: int

    @property
    def judged(self) -> bool:
        """Whether the interval that decides is known."""
        return math.isfinite(self.low)

    @property
    def sign(self) -> int:
        """1 where the whole interval that decides lies above 0, -1 where it lies below 0, else 0."""
        return int(self.low > 0) - int(self.high < 0)


@dataclass(frozen=True)
class GroupFound:
    """The difference on the goal's measure in one group; groups of the same kind, of all arms, are one family."""

    by: By
    group: str
    found: Found
    verdict: Verdict
    needed_more: int | None


@dataclass(frozen=True)
class Money:
    """What an arm brought, in the currency of the data, of the customers whose outcome is known.

    Attributes
    ----------
    cost
        Of the contacts; None where the cost of one is not known. Discounts are in the margin already.
    margin
        The incremental margin: difference on `margin` x customers, with its 95 % interval, which is valid at every look
        where the report is `sequential`; None where margins are not known.
    net
        Margin less cost.
    return_on_investment
        Net over cost: 0.5 is 50 cents earned for each unit spent; None where nothing was spent.
    """

    cost: float | None
    margin: Estimate | None
    net: Estimate | None
    return_on_investment: Estimate | None


@dataclass(frozen=True)
class ArmReport:
    """One arm beside its control group: the holdout customers for whom the policy had intended the same action.

    Attributes
    ----------
    arm
        Name of the action; empty for all actions together.
    customers, controls
        Customers assigned.
    known, known_controls
        Those whose outcome is known.
    contacted
        Customers of the arm with a contact of the campaign; None where contacts are not known.
    found
        By measure, of the measures that are known.
    verdict
        On the goal's measure.
    needed_more
        About how many more customers, arm and control together, would show the difference that was seen on the goal's
        measure, with a power of 80 %; where a side has fewer than `LEAST` customers, how many are missing until both
        have them. 0 where the verdict is `effect` or `harm`; None where no number is enough.
    smallest_effect
        The smallest difference on the goal's measure that these customers show with a power of 80 %; None where it
        cannot be said.
    """

    arm: str
    customers: int
    controls: int
    known: int
    known_controls: int
    contacted: int | None
    found: Mapping[Measure, Found]
    verdict: Verdict
    needed_more: int | None
    smallest_effect: float | None
    money: Money
    groups: tuple[GroupFound, ...] = ()


@dataclass(frozen=True)
class Check:
    """One check of whether the differences can be believed.

    Attributes
    ----------
    name
        `sample_ratio`, `contamination`, `other_campaigns` or `looks`.
    case
        What the sentence says: its key among those of the check, by which it is written in another language.
    text
        The sentence in English.
    figures
        What was found.
    counts
        By arm, customers assigned and expected; "" is no arm.
    """

    name: str
    status: Status
    case: str
    text: str
    figures: Mapping[str, float] = field(default_factory=dict)
    counts: Mapping[str, tuple[int, float]] = field(default_factory=dict)


def plain(value: object) -> Any:  # noqa: ANN401 - JSON is any of its kinds
    """Return dataclasses, mappings and sequences as JSON has them; NaN and infinities become None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if hasattr(value, "__dataclass_fields__"):
        return plain(asdict(value))  # type: ignore[call-overload]
    return value
