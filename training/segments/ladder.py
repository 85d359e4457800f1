"""The relationship ladder: first purchase, repeated, several categories, advocate.

The rungs are those of the loyalty ladder of relationship marketing (Christopher, Payne and Ballantyne, 1991), as far
as data show them.
"""

from core.arrays import Columns
from training.segments.names import Names, absent, column
from training.segments.settings import SegmentSettings

#: The rungs, the lowest first.
RUNGS = ("first_purchase", "repeated", "several_categories", "advocate")


def ladder(columns: Columns, settings: SegmentSettings, rows: int) -> Names:
    """Return the highest rung of each customer; empty for a customer without a purchase or contract.

    A customer has repeated who bought on two days or has a second contract. All higher rungs need that too: one large
    basket, or a rating after one visit, is no relationship yet. An advocate has brought another customer, or has given
    a last rating of at least `advocate_rating`. Without categories, referrals or ratings nobody is on their rungs.
    """
    days, contracts = column(columns, "cycle_purchase_days", rows), column(columns, "contracts_total", rows)
    repeated = (days >= 2) | (contracts >= 2)
    several = column(columns, "cycle_categories_total", rows) >= settings.several_categories
    referred = column(columns, "cycle_referrals", rows) >= 1
    promoter = column(columns, "nps_latest", rows) >= settings.advocate_rating
    found = absent(rows)
    found[(days >= 1) | (contracts >= 1)] = "first_purchase"
    found[repeated] = "repeated"
    found[repeated & several] = "several_categories"
    found[repeated & (referred | promoter)] = "advocate"
    return found
