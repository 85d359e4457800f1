"""Moments: what happens to customers, or what time brings, after which to turn to them. Each can be tried on the past.

Adding a kind is its class, in a module here, and one line in `MomentDefinition`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

import pandas as pd
from pydantic import Field

from core.settings import Settings
from core.sql import quoted
from serving.decisions.moments.basket_left import BasketLeft
from serving.decisions.moments.birthday import Birthday
from serving.decisions.moments.contract_end import ContractEnd
from serving.decisions.moments.due_again import DueAgain
from serving.decisions.moments.first_purchase import FirstPurchase
from serving.decisions.moments.kind import Moment
from serving.decisions.moments.known import open_known
from serving.decisions.moments.reported import Complained, LowRating
from serving.decisions.moments.silent import Silent

__all__ = ["MOMENT_KINDS", "Moment", "MomentDefinition", "fired"]

#: A moment as the file of decisions defines it, in `[moments.<name>]`.
MomentDefinition = Annotated[
    Silent | BasketLeft | Birthday | ContractEnd | Complained | LowRating | DueAgain | FirstPurchase,
    Field(discriminator="kind"),
]
#: The names of the kinds.
MOMENT_KINDS: frozenset[str] = frozenset(kind.model_fields["kind"].default for kind in Moment.__subclasses__())


def fired(
    settings: Settings,
    moments: Mapping[str, Moment],
    start: datetime,
    end: datetime,
    customers: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return the moments that fired in [start, end), by what was known at each instant.

    Events of the log count from when they were received, before they are ingested too. What fires does not depend on
    the time that is asked about: two halves have the same as the whole.

    Parameters
    ----------
    customers
        Few customers who are asked about; None is all.

    Returns
    -------
    One row per customer, moment and instant: `customer_id`, `moment` (its name), `at` (UTC); ordered by `at`.

    Raises
    ------
    StateError
        If nothing was ingested yet.
    StoreError
        If the event log cannot be read.
    """
    if not moments:
        return pd.DataFrame({"customer_id": [], "moment": [], "at": pd.Series(dtype="datetime64[us, UTC]")})
    parts = [
        f"SELECT DISTINCT customer_id, {quoted(name)} AS moment, fires FROM ({moment.query()}), asked "
        "WHERE fires >= asked.start AND fires < asked.stop"
        for name, moment in moments.items()
    ]
    with open_known(settings, start, end, customers) as con:
        rows = con.execute(" UNION ALL ".join(parts) + " ORDER BY fires, customer_id, moment").df()
    rows["at"] = pd.to_datetime(rows.pop("fires"), unit="us", utc=True).dt.as_unit("us")
    return rows
