"""Decisions as they are kept, so that each can be replayed: `data/decisions/<run>/run.json` and `customers.parquet`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from core.settings import StoreSettings
from serving.decisions.decide import Decided
from serving.decisions.solver import Prices


@dataclass(frozen=True)
class Run:
    """A decision that is kept.

    Attributes
    ----------
    name
        Of the run, and its folder.
    now, as_of
        The moment of the decision, and of the features.
    prices
        Of the solution, for single customers.
    body
        All of run.json.
    """

    name: str
    now: datetime
    as_of: datetime
    prices: Prices
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Replayed:
    """What a replay found.

    Attributes
    ----------
    customers
        Who are still kept.
    erased
        Customers who were removed since.
    gains, choices
        Customers whose gains, or whose choice, came out differently.
    """

    run: str
    customers: int
    erased: int
    gains: int
    choices: int

    @property
    def holds(self) -> bool:
        """Whether everything came out as it was decided."""
        return self.gains == 0 and self.choices == 0


class DecisionRecords:
    """Keeps decisions. Safe for threads and processes."""

    def __init__(self, stores: StoreSettings) -> None:
        self.directory = stores.data / "decisions"

    def write(self, decided: Decided) -> str:
        """Keep a decision; returns the name of the run."""
        raise NotImplementedError

    def runs(self) -> list[str]:
        """Return the names of all runs, the newest first."""
        raise NotImplementedError

    def read(self, run: str) -> tuple[Run, pd.DataFrame]:
        """Return a run, and inputs and outputs with a row for each customer."""
        raise NotImplementedError

    def latest(self) -> Run | None:
        """Return the newest run about all customers and all actions."""
        raise NotImplementedError

    def replay(self, run: str) -> Replayed:
        """Compute gains and choice again from what is kept."""
        raise NotImplementedError

    def erase(self, customer: str) -> int:
        """Remove a customer from every run; returns how many rows there were."""
        raise NotImplementedError
