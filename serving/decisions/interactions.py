"""Reads interactions of many customers with DuckDB: of the contract table, of the event log, and reserved contacts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from core.arrays import Floats, Ints
from core.errors import ConfigError, DataError
from core.settings import Settings, StoreSettings
from core.sql import engine, identifier, quoted, relation
from core.stamps import read_stamp
from features.contract.erased import Erased, is_open
from features.contract.events.interactions import COMPLAINT, CONSENT, CONTACT, RETURN
from features.contract.tables import contract_directory
from features.engine.duckdb import contract_file
from features.live.log import EventLog
from features.live.rows import tables_of
from serving.segments.values import Mask

#: The kinds of interactions after which a policy may wait.
Kind = Literal["contact", "complaint", "return"]
KINDS: tuple[Kind, ...] = get_args(Kind)
#: Up to this number, customers are looked up in the log one by one; above it, all events of these kinds are read.
_FEW = 1_000
_READ = (CONTACT.name, COMPLAINT.name, RETURN.name, CONSENT.name)
#: How long before the reserved moment the report of its contact may lie: exports often know the day alone.
_REPORTED_BEFORE = 86_400_000_000

#: Interactions of the log that the contract table does not have.
_LIVE = """
SELECT * FROM logged ANTI JOIN exported AS known
ON logged.customer_id = known.customer_id AND logged.kind = known.kind
AND logged.event_timestamp = known.event_timestamp
AND logged.channel IS NOT DISTINCT FROM known.channel AND logged.campaign_id IS NOT DISTINCT FROM known.campaign_id
"""
_SEEN = f"""
CREATE TEMP TABLE seen AS
SELECT place, kind, lower(trim(channel)) AS channel, campaign_id, value, epoch_us(event_timestamp) AS moment
FROM (
    SELECT * FROM exported WHERE epoch_us(event_timestamp) < $now
    UNION ALL ({_LIVE})
) JOIN asked USING (customer_id)
"""
#: The n-th reservation of a customer in a campaign waits for the n-th contact that is reported.
_RESERVED = f"""
INSERT INTO seen
SELECT place, {quoted(CONTACT.name)}, channel, campaign_id, NULL, moment
FROM (
    SELECT place, lower(trim(channel)) AS channel, campaign_id, moment,
        row_number() OVER (PARTITION BY place, campaign_id ORDER BY moment) AS number,
        min(moment) OVER (PARTITION BY place, campaign_id) AS first
    FROM reserved JOIN asked USING (customer_id)
) AS expected
WHERE number > (
    SELECT count(*) FROM seen
    WHERE seen.kind = {quoted(CONTACT.name)} AND seen.place = expected.place
    AND seen.campaign_id = expected.campaign_id AND seen.moment >= expected.first - {_REPORTED_BEFORE}
)
"""


@dataclass(frozen=True)
class Reserved:
    """A contact that a campaign has handed to a channel, and that may not have been reported back yet.

    Attributes
    ----------
    at
        When it is made; may be later than now, as where it waits for the end of the quiet hours.
    """

    customer_id: str
    channel: str
    at: datetime
    campaign: str


@dataclass(frozen=True)
class Dated:
    """Things that happened to customers, one place in every array for each.

    Attributes
    ----------
    places
        Of the customers, in the list that was asked for.
    at
        Microseconds since 1970.
    codes
        Places of their channels in `channels`.
    channels
        Names in lower case; "" is no channel.
    """

    places: Ints
    at: Ints
    codes: npt.NDArray[np.int32]
    channels: Sequence[str]
    values: Floats

    def of(self, channel: str) -> Mask:
        """Return for each whether it has a channel."""
        if channel not in self.channels:
            return np.zeros(len(self.places), dtype=np.bool_)
        found: Mask = self.codes == self.channels.index(channel)
        return found


class Interactions:
    """Interactions of some customers, opened by `open_interactions`."""

    def __init__(self, con: duckdb.DuckDBPyConnection, settings: Settings, customers: int) -> None:
        self._con = con
        self._stores = settings[StoreSettings]
        self._customers = customers

    def erased(self) -> Mask:
        """Return for each customer whether their erasure is open."""
        gone = is_open("customer_id", Erased(self._stores).open())
        found = self._con.execute(f"SELECT place FROM asked WHERE {gone}").fetchnumpy()
        mask = np.zeros(self._customers, dtype=np.bool_)
        mask[found["place"]] = True
        return mask

    def contacts(self) -> Dated:
        """Return every contact, reserved ones too."""
        return self._dated(f"SELECT * FROM seen WHERE kind = {quoted(CONTACT.name)}")

    def answers(self) -> Dated:
        """Return of each customer and channel, and of no channel, the last consent; a withdrawal of two at once."""
        return self._dated(
            f"SELECT * FROM seen WHERE kind = {quoted(CONSENT.name)} AND value IS NOT NULL "
            "QUALIFY row_number() OVER (PARTITION BY place, coalesce(channel, '') ORDER BY moment DESC, value) = 1"
        )

    def latest(self, kind: Kind) -> Ints:
        """Return for each customer the moment of the last interaction of a kind; 0 is never."""
        found = self._con.execute(
            "SELECT place, max(moment) AS moment FROM seen WHERE kind = ? GROUP BY place", [kind]
        ).fetchnumpy()
        moments = np.zeros(self._customers, dtype="int64")
        moments[found["place"]] = found["moment"]
        return moments

    def on_file(self, attributes: Mapping[str, str], channels: Iterable[str]) -> dict[str, Floats]:
        """Return the consents on file, by channel and by "" for marketing: 1, 0, or NaN where there is none.

        Parameters
        ----------
        attributes
            The column of customers by channel; of another channel it is `consent_<channel>`, if there is one.
        channels
            Those that are asked for.

        Raises
        ------
        ConfigError
            If there is no column of `attributes`.
        DataError
            If a value is neither true nor false.
        """
        customers = relation(contract_file(self._stores, "customers"))
        columns = [row[0] for row in self._con.execute(f"DESCRIBE SELECT * FROM {customers}").fetchall()]
        for channel, name in attributes.items():
            if name not in columns:
                raise ConfigError(
                    f"policy.consent.{channel}: expected an attribute of customers, found {name!r}.",
                    f"Correct the name; there are {', '.join(sorted(columns))}.",
                )
        known = {name.lower(): name for name in columns}
        wanted = {channel.lower(): f"consent_{channel.lower()}" for channel in channels}
        found = {channel: known[name] for channel, name in wanted.items() if name in known}
        found |= {channel.lower(): name for channel, name in attributes.items()} | {"": "marketing_consent"}
        return {channel: self._flags(customers, name) for channel, name in found.items()}

    def _flags(self, customers: str, column: str) -> Floats:
        text = f"trim(CAST({identifier(column)} AS VARCHAR))"
        # a column of numbers says 1.0
        flag = f"TRY_CAST(regexp_replace({text}, '^([01])[.]0+$', '\\1') AS BOOLEAN)"
        rows = f"{customers} JOIN asked USING (customer_id)"
        odd = self._con.execute(
            f"SELECT {text} FROM {rows} WHERE {flag} IS NULL AND {text} <> '' ORDER BY 1 LIMIT 1"
        ).fetchone()
        if odd is not None:
            raise DataError(
                f"customers.{column}: expected a consent that is true or false, found {odd[0]!r}.",
                "Map the column to true and false, or name another attribute in policy.consent.",
            )
        found = self._con.execute(
            f"SELECT place, CAST({flag} AS DOUBLE) AS flag FROM {rows} WHERE {flag} IS NOT NULL"
        ).fetchnumpy()
        values = np.full(self._customers, np.nan)
        values[found["place"]] = found["flag"]
        return values

    def _dated(self, query: str) -> Dated:
        rows: pa.Table = self._con.execute(
            f"SELECT place, moment, coalesce(channel, '') AS channel, value FROM ({query})"
        ).to_arrow_table()
        channels = rows["channel"].combine_chunks().dictionary_encode()
        return Dated(
            rows["place"].to_numpy(),
            rows["moment"].to_numpy(),
            channels.indices.to_numpy(),
            channels.dictionary.to_pylist(),
            rows["value"].to_numpy(),
        )


@contextmanager
def open_interactions(
    settings: Settings, customers: Sequence[str], now: int, reserved: Sequence[Reserved]
) -> Iterator[Interactions]:
    """Read the interactions of some customers for the block.

    Parameters
    ----------
    now
        In microseconds since 1970; rows of exports count before it, logged and reserved ones always.

    Raises
    ------
    StateError
        If nothing was ingested yet.
    StoreError
        If the event log cannot be read.
    """
    stores = settings[StoreSettings]
    # first: of tables that another ingestion replaces meanwhile, events are found twice and not never
    since = int(read_stamp(contract_directory(stores)).get("events", 0))
    with engine(settings) as con:
        exported = relation(contract_file(stores, "interactions"))
        kinds = ", ".join(map(quoted, _READ))
        con.execute(f"CREATE TEMP VIEW exported AS SELECT * FROM {exported} WHERE kind IN ({kinds})")
        con.register("asked", pa.table({"place": np.arange(len(customers)), "customer_id": pa.array(customers)}))
        con.register("logged", _logged(stores, since, customers))
        con.execute(_SEEN, {"now": now})
        con.register("reserved", _reserved(reserved))
        con.execute(_RESERVED)
        yield Interactions(con, settings, len(customers))


def _logged(stores: StoreSettings, since: int, customers: Sequence[str]) -> pa.Table:
    log = EventLog(stores)
    if not log.exists:
        return tables_of(())["interactions"]
    if len(customers) <= _FEW:
        return tables_of(one for one in log.of(customers, since) if one.event.kind in _READ)["interactions"]
    return tables_of(log.after(since, _READ))["interactions"]


def _reserved(reserved: Sequence[Reserved]) -> pa.Table:
    columns: dict[str, Any] = {
        "customer_id": pa.array([one.customer_id for one in reserved], pa.string()),
        "channel": pa.array([one.channel for one in reserved], pa.string()),
        "campaign_id": pa.array([one.campaign for one in reserved], pa.string()),
        "moment": pa.array([round(one.at.timestamp() * 1e6) for one in reserved], pa.int64()),
    }
    return pa.table(columns)
