"""A contract comes to its end."""

from typing import Annotated, Literal

from pydantic import Field

from serving.decisions.moments.kind import DAY, NEVER, Moment


class ContractEnd(Moment):
    """A contract ends in `days_before` days, and no other contract of the customer runs beyond that end.

    Where the end becomes known later than that, it fires then, unless it is over. The cause is the end: a contract that
    is extended fires again before its new end.
    """

    kind: Literal["contract_end"] = "contract_end"
    days_before: Annotated[int, Field(ge=0, le=365)] = 30

    def query(self) -> str:
        """Return when contracts came to their ends."""
        at = f"greatest(since, stop - {self.days_before * DAY})"
        return f"""
            WITH changes AS (
                SELECT customer_id, known AS since FROM terms UNION SELECT customer_id, gone FROM terms
            ),
            states AS (
                SELECT customer_id, since,
                    coalesce(lead(since) OVER (PARTITION BY customer_id ORDER BY since), {NEVER}) AS until
                FROM changes
            ),
            ending AS (
                SELECT customer_id, since, until, stop, max(stop) OVER (PARTITION BY customer_id, since) AS last
                FROM states JOIN terms USING (customer_id)
                WHERE known <= since AND gone > since
            )
            SELECT customer_id, min({at}) AS fires FROM ending
            WHERE stop < {NEVER} AND stop = last AND {at} < until AND {at} <= stop
            GROUP BY customer_id, stop
        """
