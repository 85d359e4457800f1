"""The snapshots of one computation, numbered in ascending order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import ibis
import ibis.expr.types as ir
import pyarrow as pa

_Reached = Callable[[int], ir.BooleanValue]


@ibis.udf.scalar.builtin(signature=((), "int64"))  # type: ignore[untyped-decorator]
def current_position() -> None:
    """Return the number of the one snapshot that features are for, as the engine defines this function then."""


@ibis.udf.scalar.builtin(signature=((), "timestamp"))  # type: ignore[untyped-decorator]
def current_snapshot() -> None:
    """Return the moment of the one snapshot that features are for."""


@dataclass(frozen=True)
class Snapshots:
    """Moments, numbered from 0, that events are compared with: in UTC, without a time zone.

    Attributes
    ----------
    moments
        In ascending order.
    table
        One row per snapshot: `position`, its number, and `snapshot`, its moment.
    alone
        The number and the moment of the one snapshot to compute features for; None for all of them.
    """

    moments: tuple[datetime | ir.TimestampScalar, ...]
    table: ir.Table
    alone: tuple[ir.IntegerScalar, ir.TimestampScalar] | None = None

    @classmethod
    def of(cls, moments: Sequence[datetime]) -> "Snapshots":
        """Give numbers to moments, which are in ascending order."""
        plain = [moment.astimezone(UTC).replace(tzinfo=None) for moment in moments]
        columns = {
            "position": pa.array(range(len(moments)), pa.int64()),
            "snapshot": pa.array(plain, pa.timestamp("us")),
        }
        snapshots = cls(tuple(plain), ibis.memtable(pa.table(columns)))
        return replace(snapshots, alone=(_number(0), snapshots._moment(0))) if len(moments) == 1 else snapshots

    @classmethod
    def of_current(cls, table: ir.Table) -> "Snapshots":
        """Return one snapshot, of the moment that the engine has in `current_snapshot`."""
        return cls((current_snapshot(),), table, (_number(0), current_snapshot()))

    def current(self) -> "Snapshots":
        """Return the same numbers, to compute features for the one that the engine names at the time."""
        return replace(self, alone=(current_position(), current_snapshot()))

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

    def recent(self, rows: ir.Table, moment: ir.TimestampValue, days: int) -> ir.BooleanValue:
        """Tell of rows with a position t, and a moment before it, whether the moment lies in [t - days, t)."""
        if self.alone:
            return moment >= self.alone[1] - ibis.interval(days=days)
        return rows.position < self.first_after(moment, days)

    def dated(self, rows: ir.Table) -> ir.Table:
        """Add the moment, `snapshot`, to rows with a position."""
        if self.alone:
            return rows.mutate(snapshot=self.alone[1])
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
            return _number(low)
        middle = (low + high) // 2
        earlier, later = self._first(reached, low, middle), self._first(reached, middle + 1, high)
        return ibis.ifelse(reached(middle), earlier, later)


def _number(position: int) -> ir.IntegerScalar:
    return ibis.literal(position, "int64")
