"""The last ingestion: when it was, and what became of the rows of each input."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core.settings import StoreSettings
from core.stamps import read_stamp
from features.contract.tables import TableName, contract_directory
from features.contract.unmatched import Unmatched
from features.ingest.facts import unmatched_from
from features.ingest.segments import InputTotals, inputs_from


@dataclass(frozen=True)
class LastIngestion:
    """What the contract tables were made from.

    Attributes
    ----------
    at
        The clock when their content changed last.
    rows
        By table; events of the API among them.
    inputs
        What became of the rows of each input, whenever they were read.
    unmatched
        Inputs of products whose ids do not occur in order lines.
    """

    at: datetime
    rows: Mapping[TableName, int]
    inputs: tuple[InputTotals, ...]
    unmatched: tuple[Unmatched, ...]


def last_ingestion(stores: StoreSettings) -> LastIngestion | None:
    """Return the last ingestion; None where there was none.

    Raises
    ------
    StateError
        If another version of Encore wrote the tables.
    """
    stamp = read_stamp(contract_directory(stores))
    if not stamp:
        return None
    at = datetime.fromisoformat(stamp["ingested"])
    return LastIngestion(at, stamp["rows"], inputs_from(stamp), unmatched_from(stamp))
