"""Assignments of Encore's own campaigns: one Parquet file a campaign, which `encore ingest` reads as a source."""

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.errors import DataError
from core.files import replacing_file
from core.settings import StoreSettings
from features.contract.arrow import arrow_schema
from features.contract.tables import CONTRACT

#: The arm of customers whom a campaign does not contact, so that its effect can be measured.
HOLDOUT = "holdout"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def assigned_directory(stores: StoreSettings) -> Path:
    """Return the folder of the assignments of campaigns."""
    return stores.data / "assignments"


def write_assignments(stores: StoreSettings, campaign: str, rows: pd.DataFrame) -> None:
    """Write which customers are in a campaign, and in which arm. The file of the campaign is replaced as a whole.

    Parameters
    ----------
    campaign
        Letters, digits, `-` and `_`; also the name of the file.
    rows
        One row per customer, with columns of the contract table `assignments`; one that is not there is null, and
        `campaign_id` is the campaign. Moments have a time zone.

    Raises
    ------
    DataError
        If the rows do not satisfy the contract. Nothing is written then.
    """
    if not _NAME.fullmatch(campaign):
        raise DataError(
            f"Expected a campaign named by letters, digits, - and _, found {campaign!r}.", "Give it another name."
        )
    schema = arrow_schema("assignments")
    whole = rows.assign(campaign_id=campaign).reindex(columns=schema.names)
    for expected, broken in _broken(whole):
        if broken:
            raise DataError(
                f"Assignments of {campaign}: expected {expected}, found {broken:,} of {len(whole):,} rows without it.",
                "Nothing was written.",
            )
    with replacing_file(assigned_directory(stores) / f"{campaign}.parquet") as new:
        pq.write_table(pa.Table.from_pandas(whole, schema=schema, preserve_index=False), new)


def erase_assignments(stores: StoreSettings, customer_id: str) -> int:
    """Remove a customer from the files of campaigns, and a file without other customers.

    Returns
    -------
    How many rows there were.
    """
    removed = 0
    for file in sorted(assigned_directory(stores).glob("*.parquet")):
        table = pq.read_table(file)
        others = table.filter(pc.not_equal(table["customer_id"], customer_id))
        removed += len(table) - len(others)
        if not len(others):
            # what ingestion has read of it is erased there
            file.unlink()
        elif len(others) < len(table):
            with replacing_file(file) as new:
                pq.write_table(others, new)
    return removed


def _broken(rows: pd.DataFrame) -> Iterator[tuple[str, int]]:
    """Yield what rows have to satisfy, with the number of those that do not."""
    for column in CONTRACT["assignments"].columns:
        values = rows[column.name]
        if column.required:
            yield f"a value of {column.name}", int((values.isna() | values.astype(str).str.strip().eq("")).sum())
        if column.is_probability:
            yield f"a {column.name} in (0, 1]", int((values.notna() & ~values.between(0, 1, inclusive="right")).sum())
    yield "one row for each customer", int(rows["customer_id"].duplicated().sum())
