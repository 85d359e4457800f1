"""Moments that an event reports: a complaint, a low rating."""

from typing import Annotated, Literal

from pydantic import Field

from features.contract.events.interactions import COMPLAINT, RATING
from serving.decisions.moments.kind import Moment

_REPORTED = "SELECT customer_id, min(known) AS fires FROM happened WHERE {condition} GROUP BY customer_id, moment"


class Complained(Moment):
    """The customer complained."""

    kind: Literal["complaint"] = "complaint"

    def query(self) -> str:
        """Return when complaints were known."""
        return _REPORTED.format(condition=f"kind = '{COMPLAINT.name}'")


class LowRating(Moment):
    """The customer answered "would you recommend us?" with `rating` at most."""

    kind: Literal["low_rating"] = "low_rating"
    rating: Annotated[float, Field(ge=0, le=10)] = 6.0

    def query(self) -> str:
        """Return when low ratings were known."""
        return _REPORTED.format(condition=f"kind = '{RATING.name}' AND value <= {self.rating!r}")
