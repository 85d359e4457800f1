"""The snapshots of one computation, numbered in ascending order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import ibis
import ibis.expr.types as ir
import pyarrow as pa

_Reached = Callable[[int], ir.BooleanValue]


@dataclass(frozen=True)
class Snapshots:
    """Moments, numbered from 0, that events are compared with: in UTC, without a time zone.

    Attributes
    ----------
    moments
        In ascending order.
    table
        One row per snapshot: `position`, its number, and `snapshot`, its moment.
    start, stop
        Features are computed for the positions [start, stop).
    """

    moments: tuple[datetime | ir.TimestampScalar, ...]
    table: ir.Table
    start: int
    stop: int

    @classmethod
    def of(cls, moments: Sequence[datetime]) -> "Snapshots":
        """Give numbers to moments, which are in ascending order."""
        plain = [moment.astimezone(UTC).replace(tzinfo=None) for moment in moments]
        columns = {
            "position": pa.array(range(len(moments)), pa.int64()),
            "snapshot": pa.array(plain, pa.timestamp("us")),
        }
        return cls(tuple(plain), ibis.memtable(pa.table(columns)), 0, len(moments))

    @classmethod
    def at(cls, moment: ir.TimestampScalar, table: ir.Table) -> "Snapshots":
        """Return one snapshot whose moment is an expression."""
        return cls((moment,), table, 0, 1)

    def only(self, position: int) -> "Snapshots":
        """Return the same numbers, to compute features for one of them."""
        return replace(self, start=position, stop=position + 1)

    @property
    def end(self) -> int:
        """The position after the last one: what is seen until then is seen for good."""
        return len(self.moments)

    def first_after(self, moment: ir.TimestampValue, days: int = 0) -> ir.IntegerValue:
        """Return the position of the first snapshot t with moment < t - days; `end` where there is none.

        Of a missing moment, too, it is `end`.
        """
        return self._first(lambda position: moment < self._moment(position, days), 0, self.end)

    def first_from(self, moment: ir.TimestampValue) -> ir.IntegerValue:
        """Return the position of the first snapshot t with moment <= t; `end` where there is none, or no moment."""
        return self._first(lambda position: moment <= self._moment(position), 0, self.end)

    def dated(self, rows: ir.Table) -> ir.Table:
        """Add the moment, `snapshot`, to rows with a position."""
        if self.stop - self.start == 1:
            return rows.mutate(snapshot=self._moment(self.start))
        return rows.mutate().inner_join(self.table, "position")

    def _moment(self, position: int, days_before: int = 0) -> ir.TimestampScalar:
        moment = self.moments[position]
        if isinstance(moment, datetime):
            # subtracted here, as engines would do so for each row
            return ibis.literal(moment - timedelta(days=days_before), "timestamp")
        return moment - ibis.interval(days=days_before) if days_before else moment

    def _first(self, reached: _Reached, low: int, high: int) -> ir.IntegerValue:
        """Search by halves: a few comparisons a row, which engines do faster than a join of moments and snapshots."""
        if low == high:
            return ibis.literal(low, "int64")
        middle = (low + high) // 2
        earlier, later = self._first(reached, low, middle), self._first(reached, middle + 1, high)
        return ibis.ifelse(reached(middle), earlier, later)
