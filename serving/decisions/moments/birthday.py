"""A birthday comes."""

from typing import Annotated, Literal

from pydantic import Field

from serving.decisions.moments.kind import Moment


class Birthday(Moment):
    """It is midnight (UTC), `days_before` days before the customer's birthday; of 29 February on the 28th if need be.

    It fires once for a customer and year, if the customer was on file and the birthday known by then.
    """

    kind: Literal["birthday"] = "birthday"
    days_before: Annotated[int, Field(ge=0, le=180)] = 0

    def query(self) -> str:
        """Return when birthdays came, in the years that are asked about."""
        day = f"(birth_date + to_years(age::INTEGER))::DATE - {self.days_before}"
        return f"""
            SELECT customer_id, epoch_us(({day})::TIMESTAMP) AS fires
            FROM people, (
                SELECT unnest(range(year(make_timestamp(start)), year(make_timestamp(stop)) + 2)) AS asked_year
                FROM asked
            ), LATERAL (SELECT asked_year - year(birth_date) AS age)
            WHERE age > 0 AND (known IS NULL OR known <= epoch_us(({day})::TIMESTAMP))
        """
