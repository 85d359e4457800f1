"""Some days after the first purchase."""

from typing import Annotated, Literal

from pydantic import Field

from serving.decisions.moments.kind import DAY, Moment
from serving.decisions.moments.rhythm import states


class FirstPurchase(Moment):
    """`days_after` days have passed since the customer's first purchase. It fires once for a customer."""

    kind: Literal["first_purchase"] = "first_purchase"
    days_after: Annotated[int, Field(ge=0, le=3650)] = 0

    def query(self) -> str:
        """Return when it was that long ago."""
        at = f"greatest(since, first + {self.days_after * DAY})"
        return (
            f"SELECT customer_id, min({at}) AS fires FROM ({states(['customer_id'], 'purchases')}) "
            f"WHERE {at} < until GROUP BY customer_id"
        )
