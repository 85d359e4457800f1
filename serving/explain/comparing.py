"""How sure a comparison is: clear, slight, or none, so that what is normal for a customer is never an alarm."""

import math
from typing import Literal

from serving.explain.themes import Fact, Values
from training.evaluation.peers import Group

#: `clear` is rare by the customer's own ups and downs, or outside the middle half of similar customers; `slight` is a
#: difference that may be chance; `none` is no difference to speak of.
Certainty = Literal["clear", "slight", "none"]

#: Distances from what is usual, in standard deviations, that one in four and one in ten exceed.
_SLIGHT, _CLEAR = 0.67, 1.28
#: How much the amounts of a customer's purchases vary: standard deviation over mean, as in most retail data.
_AMOUNTS_VARY = 0.7
#: How much the gaps between purchases vary where it is unknown: as if purchases came at random.
_GAPS_VARY = 1.0
#: Late is more than this multiple of the usual gap, and more than nine in ten of the gaps.
_LATE, _SLIGHTLY_LATE = 1.5, 1.15
#: Below a day a delay is none; below two it is not clear.
_DAY, _TWO_DAYS = 1.0, 2.0
#: A last purchase younger than this is no silence, whatever others do.
_RECENT_DAYS = 7.0
#: A difference from what is typical for others of less than this share is none.
_SAME = 0.1


def lateness(values: Values) -> Certainty:
    """Say how sure it is that the next purchase is late, by the customer's own gaps; needs `gap_mean`.

    Clear is later than one and a half mean gaps and than nine in ten gaps; slight is later than 1.15 mean gaps.
    """
    since, gap = values["recency_days"], values["gap_mean"]
    longest = values.get("gap_p90", math.nan)
    limit = _LATE * gap if math.isnan(longest) else max(_LATE * gap, longest)
    if since > limit and since - gap >= _TWO_DAYS:
        return "clear"
    return "slight" if since > _SLIGHTLY_LATE * gap and since - gap >= _DAY else "none"


def from_habit(fact: Fact, values: Values, usual: float) -> Certainty:
    """Say how sure a difference from the customer's own habit is, which the fact has.

    The number of purchases in 28 days varies by about sqrt(usual) times the variation of the gaps between them (the
    central limit theorem of renewal processes; Cox, Renewal Theory, 1962), an amount by that of the purchases too. No
    purchase at all is normal as long as the next one is not late.

    Parameters
    ----------
    usual
        What is usual for the customer, in the unit of the fact.
    """
    value, kind = values[fact.feature], fact.habit.kind if fact.habit else "uses"
    if kind == "gaps":
        return lateness(values) if value > usual else "clear"
    if kind == "uses":
        return _by_deviation(value, usual, usual, _GAPS_VARY)
    bought, purchases = (values.get(name, math.nan) for name in ("baskets_28d", "baskets_usual_28d"))
    if bought == 0 and not math.isnan(values.get("gap_mean", math.nan)):
        return lateness(values)
    if bought == 1 and purchases < 1:
        return "none"  # one purchase beside an average of mostly nothing
    vary = _gaps_vary(values) if kind == "purchases" else math.hypot(_gaps_vary(values), _AMOUNTS_VARY)
    return _by_deviation(value, usual, usual if math.isnan(purchases) else purchases, vary)


def from_others(fact: Fact, value: float, group: Group) -> Certainty:
    """Say how sure a difference from what is typical for a group is: clear is outside its middle half."""
    usual = group.usual[fact.feature]
    if fact.habit is not None and fact.habit.kind == "gaps" and usual < value < _RECENT_DAYS:
        return "none"
    if usual < _DAY and (fact.sign < 0 or fact.unit == "span"):
        return "none"  # more than nothing says little
    if abs(value - usual) <= _SAME * abs(usual) or (fact.unit in {"ago", "span"} and abs(value - usual) < _DAY):
        return "none"
    low, high = group.middle.get(fact.feature, (-math.inf, math.inf))
    return "slight" if low <= value <= high else "clear"


def _gaps_vary(values: Values) -> float:
    mean, deviation = values.get("gap_mean", math.nan), values.get("gap_std", math.nan)
    known = mean > 0 and not math.isnan(deviation)
    # who has bought at two moments only, or like a clock, may not continue like it
    return max(deviation / mean, _AMOUNTS_VARY) if known else _GAPS_VARY


def _by_deviation(value: float, usual: float, count: float, vary: float) -> Certainty:
    """Compare a difference with its standard deviation, of a habit that takes `count` purchases in 28 days."""
    if usual <= 0 or count <= 0:
        return "clear" if value > usual else "none"
    distance = abs(value / usual - 1) * math.sqrt(count) / vary
    if distance >= _CLEAR:
        return "clear"
    return "slight" if distance >= _SLIGHT else "none"
