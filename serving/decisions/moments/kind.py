"""What a moment is: something that happens to a customer, or that time brings, after which to turn to the customer."""

from typing import Annotated

from pydantic import Field

from core.settings import Days
from features.contract.events.kind import Strict

#: The latest moment that there is, in microseconds since 1970.
NEVER = 2**62
#: A day in microseconds.
DAY = 86_400_000_000


class Moment(Strict):
    """A kind of moment with its options. Every kind is one module beside this one, and one line in `MomentDefinition`.

    A moment fires once for a customer and a cause, at the first instant at which its condition held by what was known
    then. What was written later changes nothing before it was written.
    """

    kind: str
    within_days: Annotated[Days, Field(description="Days after it has fired for which actions may wait for it")] = 1

    def query(self) -> str:
        """Return a DuckDB query over the views of `serving.decisions.moments.known`.

        Returns
        -------
        `customer_id` and `fires`, when it fired in microseconds since 1970: one row per customer and cause. The view
        `asked` has the time of the request; rows after its end may be left out.
        """
        raise NotImplementedError
