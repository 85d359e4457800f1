"""A customer is silent for longer than usual."""

from typing import Annotated, Literal

from pydantic import Field

from serving.decisions.moments.kind import Moment
from serving.decisions.moments.rhythm import first_due, usual_gap

#: A rhythm is that of this many days with a purchase at least.
LEAST_DAYS = 3


class Silent(Moment):
    """The last purchase lies more than `times` the customer's own usual gap back.

    The usual gap is the mean one between days with a purchase, of which there are three at least. The cause is the last
    purchase: it fires again after the next one only.
    """

    kind: Literal["silent"] = "silent"
    times: Annotated[float, Field(gt=0, le=100, description="Of the customer's own usual gap")] = 2.0

    def query(self) -> str:
        """Return when customers were silent for too long."""
        due = f"last + {usual_gap(self.times)}"
        return first_due(["customer_id"], "purchases", "last", due, f"days >= {LEAST_DAYS}")
