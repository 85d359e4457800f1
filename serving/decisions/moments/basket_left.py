"""A basket was filled and left."""

from typing import Annotated, Literal

from pydantic import Field

from features.contract.events.interactions import BASKET
from serving.decisions.moments.kind import Moment

_HOUR = 3_600_000_000


class BasketLeft(Moment):
    """For `hours` after something was put into the basket nothing was added to it, and nothing was bought.

    The cause is the last thing that was put into it.
    """

    kind: Literal["basket_left"] = "basket_left"
    hours: Annotated[float, Field(gt=0, le=24 * 365)] = 4.0

    def query(self) -> str:
        """Return when baskets were left."""
        wait = round(self.hours * _HOUR)
        return f"""
            WITH baskets AS (
                SELECT customer_id, moment, min(known) AS known, greatest(moment + {wait}, min(known)) AS fires
                FROM happened WHERE kind = '{BASKET.name}' GROUP BY customer_id, moment
            )
            SELECT customer_id, fires FROM baskets AS left_one
            WHERE NOT EXISTS (
                SELECT 1 FROM baskets AS later WHERE later.customer_id = left_one.customer_id
                AND later.moment > left_one.moment AND later.known <= left_one.fires
            ) AND NOT EXISTS (
                SELECT 1 FROM purchases WHERE purchases.customer_id = left_one.customer_id
                AND purchases.moment >= left_one.moment AND purchases.known <= left_one.fires
                AND purchases.gone > left_one.fires
            )
        """
