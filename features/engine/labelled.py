"""When labels and assignments are from, and over which time the data reach with them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.errors import DataError, StateError
from core.settings import Settings, StoreSettings
from core.sql import count, engine, relation
from core.stamps import read_stamp
from features.contract.tables import contract_directory, table_path
from features.engine.duckdb import contract_file, find_events
from features.given import MOST_SNAPSHOTS, Given, assigned_snapshots
from features.services import ModelSettings

_INSTANT = timedelta(microseconds=1)
#: In microseconds.
_DAY = 86_400_000_000


@dataclass(frozen=True)
class DataRange:
    """How far the data reach.

    Attributes
    ----------
    first, last
        Moments of the first and the last event, or label where a model learns from labels. Of data that have none of
        these, the midnights before the first and the last assignment.
    sells
        Whether events are order lines.
    labelled
        The distinct snapshots of the labels, in ascending order; none where they have none, or no model learns from
        them.
    assigned
        The distinct midnights at or before assignments to campaigns, in ascending order.
    has_events
        Whether there are any events.
    """

    first: datetime
    last: datetime
    sells: bool
    labelled: tuple[datetime, ...] = ()
    assigned: tuple[datetime, ...] = ()
    has_events: bool = True

    def given(self, as_of: datetime, *, has_attributes: bool) -> Given:
        """Return the moments that the data name, up to the one that is taken for now.

        Parameters
        ----------
        has_attributes
            Whether features are made of attributes of customers, which are known without events.

        Raises
        ------
        DataError
            If all labels are of later moments.
        """
        first_event = self.first if self.has_events and not has_attributes else None
        assigned = assigned_snapshots(self.assigned, first_event, as_of)
        return Given(self.snapshots(as_of), assigned, alone=not self.has_events)

    def snapshots(self, as_of: datetime) -> tuple[datetime, ...]:
        """Return the moments that labels are of, up to the one that is taken for now; labels without one are of it.

        Raises
        ------
        DataError
            If all labels are of later moments.
        """
        if not self.labelled:
            return (as_of,)
        known = tuple(moment for moment in self.labelled if moment <= as_of)
        if not known:
            raise DataError(
                f"Expected labels with a snapshot up to {as_of:%Y-%m-%d}, which is taken for now; the first is of "
                f"{self.labelled[0]:%Y-%m-%d}.",
                'Correct time.as_of, or set it to "data_end".',
            )
        return known


def learns_from_labels(settings: Settings) -> bool:
    """Return whether a model of the configuration takes its snapshots from the labels."""
    return any(model.windows.given for model in settings.every(ModelSettings))


def data_range(settings: Settings) -> DataRange:
    """Return how far events and, where a model learns from them, labels reach.

    Without events the data reach to the last snapshot of the labels or the last assignment, and without both to the
    moment at which these data were first ingested.

    Raises
    ------
    StateError
        If nothing was ingested yet.
    DataError
        If there is nothing to take a moment from.
    """
    events, assigned = find_events(settings), _assigned_midnights(settings)
    learns = learns_from_labels(settings)
    labelled = _label_moments(settings) if learns else ()
    if events is not None:
        first, last, sells = events
    elif assigned:
        first, last, sells = assigned[0], assigned[-1], False
    elif labelled:
        first, last, sells = labelled[0], labelled[0], False
    elif learns:
        moment = ingested_at(settings)
        return DataRange(moment, moment, sells=False, has_events=False)
    else:
        raise DataError("Expected events in the contract tables, found none.", _remedy(settings))
    if labelled:
        # a label at midnight is of the day before: no event of the day that begins is seen at it
        first, last = min(first, labelled[0]), max(last, labelled[-1] - _INSTANT)
    return DataRange(first, last, sells, labelled, assigned, events is not None)


def _assigned_midnights(settings: Settings) -> tuple[datetime, ...]:
    file = table_path(settings[StoreSettings], "assignments")
    if not file.is_file():  # of a version without campaigns
        return ()
    day = f"epoch_us(assigned_timestamp) // {_DAY} * {_DAY}"
    with engine(settings) as con:
        found = con.execute(f"SELECT DISTINCT {day} AS moment FROM {relation(file)} ORDER BY 1").fetchall()
    return tuple(datetime.fromtimestamp(micros / 1e6, tz=UTC) for (micros,) in found)


def _label_moments(settings: Settings) -> tuple[datetime, ...]:
    labels = relation(contract_file(settings[StoreSettings], "labels"))
    with engine(settings) as con:
        rows = count(con, f"SELECT count(*) FROM {labels}")
        found = con.execute(
            f"SELECT DISTINCT epoch_us(snapshot) AS moment FROM {labels} WHERE snapshot IS NOT NULL ORDER BY 1"
        ).fetchall()
    if not rows:
        raise DataError(
            "Expected labels to learn from, found none.", "Map an input to labels, or set another churn.kind."
        )
    if len(found) > MOST_SNAPSHOTS:
        raise DataError(
            f"Expected labels of at most {MOST_SNAPSHOTS} different snapshots, found {len(found):,}: features are "
            "computed at each of them.",
            "Round them down in the mapping, for example date_trunc('month', …), or map no snapshot.",
        )
    return tuple(datetime.fromtimestamp(micros / 1e6, tz=UTC) for (micros,) in found)


def ingested_at(settings: Settings) -> datetime:
    """Return when the contract tables came to hold what they hold.

    Raises
    ------
    StateError
        If another version of Encore wrote them, which did not note it.
    """
    stamp = read_stamp(contract_directory(settings[StoreSettings]))
    if "ingested" not in stamp:
        raise StateError(
            "The contract tables do not say when they were ingested: another version of Encore wrote them.",
            "Run `encore ingest --full-refresh`.",
        )
    return datetime.fromisoformat(stamp["ingested"])


def _remedy(settings: Settings) -> str:
    with engine(settings) as con:
        labels = relation(contract_file(settings[StoreSettings], "labels"))
        rows = count(con, f"SELECT count(*) FROM {labels}")
    return f'There are {rows:,} labels: set churn.kind = "labelled".' if rows else "Ingest order lines or contracts."
