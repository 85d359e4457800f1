"""How long customers are silent between purchases, and how many of the silent ever come back."""

from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np

from core.arrays import Floats

#: A curve ends where fewer silences than this have been seen to last so long.
_ENOUGH = 30
#: Of the purchases that are followed by another, this share is followed by it within the recommended horizon.
RETURNED = 0.9
#: From the recommended activity window on, at most this share of the silent ever come back.
COME_BACK = 0.5
_WEEK = 7


@dataclass(frozen=True)
class Silence:
    """Silences between days with a purchase, by length.

    Attributes
    ----------
    lasting
        Estimated share of silences that last longer than d days, for d = 0, 1, … as far as enough have been seen:
        Kaplan and Meier's product-limit estimate (1958), in which a silence that continues counts as long as it has
        lasted.
    ended
        Silences that a purchase ended, by length in days.
    covered
        Days between the first purchase and the end of the data.
    """

    lasting: Floats
    ended: Floats
    covered: int

    @property
    def days(self) -> int:
        """The longest silence that the curve reaches."""
        return len(self.lasting) - 1

    def come_back(self, days: int) -> float:
        """Return the share of customers silent for some days who come back as far as the data reach."""
        at = self.lasting[min(days, self.days)]
        return float(1 - self.lasting[-1] / at) if at else 0.0

    @property
    def horizon(self) -> int:
        """The shortest whole weeks within which, from any day on, nine of ten of those who come back have done so.

        A day lies in a silence of length L as often as it is long, and anywhere in it, so that the share of days with
        more than h days to wait is sum(max(L - h, 0)) / sum(L) (the residual life of a renewal process).
        """
        lengths = np.arange(len(self.ended))
        whole = float((self.ended * lengths).sum())
        weeks = range(_WEEK, len(self.ended) + _WEEK, _WEEK)
        waits = (float((self.ended * np.maximum(lengths - days, 0)).sum()) for days in weeks)
        return next((days for days, wait in zip(weeks, waits, strict=True) if wait <= (1 - RETURNED) * whole), _WEEK)

    @property
    def gone_after(self) -> int | None:
        """The shortest whole weeks of silence after which no more than half come back; None if the data do not show it.

        They do not where that is longer than a third of what they cover.
        """
        weeks = range(_WEEK, self.covered // 3 + 1, _WEEK)
        return next((days for days in weeks if days <= self.days and self.come_back(days) <= COME_BACK), None)

    @property
    def window(self) -> int:
        """The recommended activity window: until most of the silent are gone, else twice the horizon."""
        return max(self.gone_after or 2 * self.horizon, self.horizon)


def measure_silence(con: duckdb.DuckDBPyConnection, transactions: str, end: datetime) -> Silence:
    """Measure the silences in order lines.

    Parameters
    ----------
    transactions
        What to write after FROM.
    end
        Where the silences that continue are cut off.
    """
    rows = con.execute(
        f"""
        WITH days AS (SELECT DISTINCT customer_id, event_timestamp::DATE AS day FROM {transactions} WHERE quantity > 0),
        gaps AS (SELECT day, lead(day) OVER (PARTITION BY customer_id ORDER BY day) AS next FROM days)
        SELECT coalesce(next, $end::DATE) - day AS length, count(next), count(*) - count(next)
        FROM gaps GROUP BY 1 HAVING length >= 0 ORDER BY 1
        """,
        {"end": end},
    ).fetchall()
    longest = max((int(row[0]) for row in rows), default=0)
    ended, going_on = np.zeros(longest + 1), np.zeros(longest + 1)
    for length, closed, still in rows:
        ended[length], going_on[length] = closed, still
    at_risk = np.cumsum((ended + going_on)[::-1])[::-1]
    reach = max(int((at_risk >= _ENOUGH).sum()), 1)
    lasting = np.cumprod(1 - ended[:reach] / np.maximum(at_risk[:reach], 1))
    covered = con.execute(
        f"SELECT $end::DATE - min(event_timestamp)::DATE FROM {transactions}", {"end": end}
    ).fetchall()
    return Silence(np.asarray(lasting, dtype="float64"), ended, int(covered[0][0]))
