"""What happened in each of the last weeks, counted from the contract tables."""

from datetime import datetime
from typing import Literal, get_args

from core.settings import Settings, StoreSettings
from core.sql import engine, relation
from features.engine.duckdb import contract_file

Weekly = Literal["order_lines", "orders", "returns", "ratings", "promoters", "detractors"]

#: Weeks that are counted.
WEEKS = 27
_WEEK = 7 * 86_400_000_000


def weekly(settings: Settings, as_of: datetime, weeks: int = WEEKS) -> dict[Weekly, list[float]]:
    """Count what happened in each week up to a moment.

    Returns
    -------
    By name a figure a week, the last one for the seven days before `as_of`; weeks before the first row of the data are
    left out. `order_lines` and `orders` of purchases; `returns`, by events or as lines with a quantity of 0 or below;
    `ratings`, answers to "would you recommend us?", of which 9 and 10 are `promoters`, and 0 to 6 `detractors`.

    Raises
    ------
    StateError
        If nothing was ingested yet.
    """
    stores = settings[StoreSettings]
    lines, interactions = (relation(contract_file(stores, name)) for name in ("transactions", "interactions"))
    query = f"""
        WITH happened AS (
            SELECT epoch_us(event_timestamp) AS moment, quantity > 0 AS bought, order_id, NULL AS kind, NULL AS value
            FROM {lines} WHERE replaced_timestamp IS NULL
            UNION ALL
            SELECT epoch_us(event_timestamp), false, NULL, kind, value FROM {interactions}
        ), counted AS (
            SELECT ($as_of - 1 - moment) // {_WEEK} AS back, * FROM happened WHERE moment < $as_of
        )
        SELECT back, count(*) FILTER (bought), count(DISTINCT order_id) FILTER (bought),
            count(*) FILTER ((NOT bought AND kind IS NULL) OR kind = 'return'),
            count(*) FILTER (kind = 'nps'), count(*) FILTER (kind = 'nps' AND value >= 9),
            count(*) FILTER (kind = 'nps' AND value <= 6)
        FROM counted WHERE back < {weeks} GROUP BY back
    """
    oldest = f"SELECT max(($as_of - 1 - epoch_us(event_timestamp)) // {_WEEK}) FROM {lines}"
    moment = {"as_of": round(as_of.timestamp() * 1e6)}
    with engine(settings) as con:
        rows = {row[0]: row[1:] for row in con.execute(query, moment).fetchall()}
        (last,) = con.execute(oldest, moment).fetchall()[0]
    # the first week of the data is a part of one
    backs = range(min(weeks, max(1, last or 1)) - 1, -1, -1)
    nothing = (0,) * len(get_args(Weekly))
    return {
        name: [float(rows.get(back, nothing)[place]) for back in backs] for place, name in enumerate(get_args(Weekly))
    }
