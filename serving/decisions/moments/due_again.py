"""A product is due again."""

from typing import Annotated, Literal

from pydantic import Field

from serving.decisions.moments.kind import Moment
from serving.decisions.moments.rhythm import first_due, usual_gap


class DueAgain(Moment):
    """A product that the customer buys again and again is due by its own usual gap.

    The usual gap is the mean one between days on which the customer bought it. The cause is its last purchase.
    """

    kind: Literal["due_again"] = "due_again"
    purchases: Annotated[int, Field(ge=3, le=100, description="Days with a purchase of it, at least")] = 3

    def query(self) -> str:
        """Return when products were due."""
        own = ["customer_id", "product_id"]
        # most products are bought once or twice
        often = f"SELECT {', '.join(own)} FROM purchases GROUP BY ALL HAVING count(*) >= {self.purchases}"
        facts = f"(FROM purchases SEMI JOIN ({often}) USING ({', '.join(own)}))"
        return first_due(own, facts, "last", f"last + {usual_gap()}", f"days >= {self.purchases}")
