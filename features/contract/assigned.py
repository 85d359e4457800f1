"""Assignments of Encore's own campaigns: one Parquet file a campaign, which `encore ingest` reads as one more source."""

import re
from pathlib import Path

import pandas as pd

from core.settings import StoreSettings

#: The arm of customers whom a campaign does not contact, so that its effect can be measured.
HOLDOUT = "holdout"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def assigned_directory(stores: StoreSettings) -> Path:
    """Return the folder of the assignments of campaigns."""
    return stores.data / "assignments"


def write_assignments(stores: StoreSettings, campaign: str, rows: pd.DataFrame) -> None:
    """Write who is in a campaign, and in which arm; the file of the campaign is replaced as a whole.

    Parameters
    ----------
    campaign
        Letters, digits, `-` and `_`; the name of the file.
    rows
        One row per customer, with columns of the contract table `assignments`; one that is not there is null.

    Raises
    ------
    DataError
        If the rows do not satisfy the contract.
    """
    raise NotImplementedError


def erase_assignments(stores: StoreSettings, customer_id: str) -> int:
    """Remove a customer from the files of campaigns; returns how many files had the customer."""
    raise NotImplementedError
