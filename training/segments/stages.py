"""Lifecycle stages by the customer's own rhythm, which is the days that usually lie between two of their purchase days.

With few gaps of their own, customers are expected to have the population's typical one. As the mean of a gamma
distribution is updated by observations, the rhythm is

    (number of gaps x own mean gap + prior_gaps x typical gap) / (number of gaps + prior_gaps)

All columns but recency and the ages of contracts change by events alone. Without an event a customer can therefore
only move on: a stage of a higher `RANKS` follows one of a lower, never the other way round.
"""

import numpy as np
import numpy.typing as npt

from core.arrays import Columns, Floats
from features.views.cycle import group_sizes
from training.segments.names import Names, absent, column
from training.segments.settings import StageSettings

Mask = npt.NDArray[np.bool_]
#: By stage how near to the end it is; one with a lower rank is not reached again without an event.
RANKS = {"new": 0, "won_back": 0, "growing": 1, "mature": 1, "declining": 2, "lapsed": 3, "lost": 4}
STAGES = tuple(RANKS)
_NONE = 9


def stages(columns: Columns, typical_gap: float, settings: StageSettings, rows: int) -> Names:
    """Return the stage of each customer; empty for a customer without a purchase or contract.

    A customer with both is in the stage that is farther from the end: who buys is not lost, even if a contract ended.

    Parameters
    ----------
    typical_gap
        The population's, in days. It is given so that it can be kept: a stage does not change because others change.
    """
    bought = by_purchases(columns, typical_gap, settings, rows)
    signed = by_contracts(columns, settings, rows)
    ranks = [np.array([RANKS.get(stage, _NONE) for stage in found]) for found in (bought, signed)]
    return np.where(ranks[0] <= ranks[1], bought, signed)


def rhythm(gaps: Floats, days: Floats, typical_gap: float, settings: StageSettings) -> Floats:
    """Return the expected gap in days.

    Parameters
    ----------
    gaps
        Number of the customer's gaps.
    days
        Their sum; the mean of none does not matter.
    """
    own = np.where(gaps > 0, days, 0.0)
    result: Floats = (own + settings.prior_gaps * typical_gap) / (gaps + settings.prior_gaps)
    return result


def by_purchases(columns: Columns, typical_gap: float, settings: StageSettings, rows: int) -> Names:
    """Return the stage by purchases; empty for a customer without any.

    New has fewer than `new_purchase_days` days with a purchase. Won back has come again after a time that made the
    customer a lapsed one, up to the third purchase after it. Growing and declining spend clearly more or less for each
    day that passes than before. Declining is also a customer who lets `declining_cycles` rhythms pass.
    """
    days, recency = column(columns, "cycle_purchase_days", rows), column(columns, "recency_days", rows)
    gaps = days - 1
    usual = rhythm(gaps, gaps * column(columns, "gap_mean", rows), typical_gap, settings)
    back = _came_back(columns, typical_gap, settings, rows)
    new = (days < settings.new_purchase_days) & ~back
    change, noise = spending_change(columns, rows)
    clear = np.maximum(np.log1p(settings.clear_change), settings.clear_errors * noise)
    quiet = recency >= np.maximum(settings.declining_cycles * usual, settings.declining_days)
    conditions: list[tuple[str, Mask]] = [
        ("lost", recency >= np.maximum(settings.lost_cycles * usual, settings.lost_days)),
        ("lapsed", recency >= np.maximum(settings.lapsed_cycles * usual, settings.lapsed_days)),
        ("new", new),
        ("declining", quiet),
        ("won_back", back),
        ("declining", change < -clear),
        ("growing", change > clear),
        ("mature", days >= 1),
    ]
    return _first_of(conditions, (days >= 1) & ~np.isnan(recency))


def _came_back(columns: Columns, typical_gap: float, settings: StageSettings, rows: int) -> Mask:
    """Tell who had lapsed before one of the last three gaps ended, by the rhythm without that gap."""
    gaps = column(columns, "cycle_purchase_days", rows) - 1
    longest = column(columns, "cycle_longest_recent_gap", rows)
    others = gaps * column(columns, "gap_mean", rows) - longest
    usual = rhythm(gaps - 1, others, typical_gap, settings)
    # between dates, up to a day less than the time that passed between the purchases
    back: Mask = longest > np.maximum(settings.lapsed_cycles * usual, settings.lapsed_days) - 1
    return back


def spending_change(columns: Columns, rows: int) -> tuple[Floats, Floats]:
    """Compare the spending for each day that passes in the recent gaps and in those before.

    Returns
    -------
    The logarithm of the recent rate over the earlier one, and its standard error. Both are NaN where there are no
    earlier gaps. The rate is a mean amount over a mean gap; by the delta method the squared error of the logarithm of
    a mean of n values is the squared coefficient of variation over n, and errors of independent means add up.
    """
    recent, earlier = (
        column(columns, f"cycle_{group}_amount", rows) / column(columns, f"cycle_{group}_gap", rows)
        for group in ("recent", "earlier")
    )
    days = column(columns, "cycle_purchase_days", rows)
    sizes = group_sizes(days - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.log(np.maximum(recent, 0)) - np.log(np.maximum(earlier, 0))
        of_gaps = column(columns, "gap_std", rows) / column(columns, "gap_mean", rows)
        of_amounts = column(columns, "cycle_amount_std", rows) * days / column(columns, "amount_total", rows)
        noise = np.sqrt((of_gaps**2 + of_amounts**2) * (1 / sizes[0] + 1 / sizes[1]))
    return change, noise


def by_contracts(columns: Columns, settings: StageSettings, rows: int) -> Names:
    """Return the stage by contracts; empty for a customer without any.

    New is a customer in the first `new_contract_days` of the first contract, won back the same after a break of at
    least `lapsed_days`, declining one who has given notice or whose contract has just ended.
    """
    contracts, age = column(columns, "contracts_total", rows), column(columns, "contract_age_days", rows)
    over = column(columns, "contract_over_days", rows)
    ended = np.isnan(age)
    young = age < settings.new_contract_days
    conditions: list[tuple[str, Mask]] = [
        ("lost", ended & (over >= settings.lost_days)),
        ("lapsed", ended & (over >= settings.lapsed_days)),
        ("declining", ended | (column(columns, "contract_cancelled", rows) > 0)),
        ("won_back", young & (column(columns, "cycle_contract_break", rows) >= settings.lapsed_days)),
        ("new", column(columns, "contracts_tenure_days", rows) < settings.new_contract_days),
        ("mature", contracts >= 1),
    ]
    return _first_of(conditions, contracts >= 1)


def _first_of(conditions: list[tuple[str, Mask]], known: Mask) -> Names:
    found = absent(len(known))
    for stage, holds in reversed(conditions):
        found[holds & known] = stage
    return found
