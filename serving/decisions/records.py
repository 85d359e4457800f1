"""Decisions as they are kept, so that each can be replayed.

`data/decisions/<run>/run.json` has what a run was made from and within: versions, the file of decisions, sources of the
effects, limits, prices, totals. `customers.parquet` beside it has inputs and outputs of every customer
(`serving.decisions.rows`). An erasure removes the customer's row; the totals stay, which name nobody.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.errors import DataError
from core.files import replacing, replacing_file
from core.locks import locked
from core.settings import StoreSettings
from features.contract.erased import Erased
from serving.decisions.definitions import Decisions, decisions_of
from serving.decisions.effects import EffectSource
from serving.decisions.rows import table_of
from serving.decisions.solver import Prices
from serving.decisions.within import Decided, Limits

#: Runs that are older than this are removed when another one is kept.
KEPT = timedelta(days=90)
#: Customers of one group of rows, which are written, and looked through, together.
_TOGETHER = 100_000
_BODY, _ROWS = "run.json", "customers.parquet"


class UndecidedError(DataError):
    """There is no decision of a name, or no file to decide by."""


@dataclass(frozen=True)
class Run:
    """A decision that is kept.

    Attributes
    ----------
    name
        Of the run, and of its folder.
    body
        All of run.json.
    """

    name: str
    body: Mapping[str, Any]

    @property
    def now(self) -> datetime:
        """The moment of the decision."""
        return datetime.fromisoformat(self.body["now"])

    @property
    def as_of(self) -> datetime:
        """The moment of the features."""
        return datetime.fromisoformat(self.body["as_of"])

    @property
    def prices(self) -> Prices:
        """The prices of the limits, for single customers."""
        return Prices(**self.body["prices"])

    @property
    def limits(self) -> Limits:
        """What it was decided within."""
        limits = self.body["limits"]
        return Limits(tuple(limits["actions"]), limits["budget"], limits["capacity"])

    @property
    def sources(self) -> tuple[EffectSource, ...]:
        """Where the effects were from, in the order of the actions."""
        return tuple(EffectSource(**one) for one in self.body["effects"])

    @cached_property
    def decisions(self) -> Decisions:
        """What the file of decisions said, all actions of it."""
        return decisions_of(self.body["decisions"], f"decisions of {self.name}")


class DecisionRecords:
    """Keeps decisions. Safe for threads and processes."""

    def __init__(self, stores: StoreSettings) -> None:
        self.directory = stores.data / "decisions"
        self._erased = Erased(stores)
        self._lock = stores.data / "decisions.lock"

    def write(self, decided: Decided) -> str:
        """Keep a decision; returns the name of the run.

        A job has to be held until then (`core.jobs`), so that no erasure ends between the reading of customers and
        this. Rows of customers whose erasure has begun are left out.
        """
        body, table = body_of(decided), table_of(decided)
        gone = self._erased.open_among(decided.population.customers)
        if gone:
            table = table.filter(pc.invert(pc.is_in(table["customer_id"], pa.array(gone))))
        with locked(self._lock):
            name = self._next(decided.now)
            with replacing(self.directory / name) as new:
                (new / _BODY).write_text(json.dumps(body, indent=2, ensure_ascii=False), encoding="utf-8")
                pq.write_table(table, new / _ROWS, compression="zstd", row_group_size=_TOGETHER)
            self._remove_old(decided.now)
        return name

    def runs(self) -> list[str]:
        """Return the names of all runs, the newest first."""
        if not self.directory.exists():
            return []
        return sorted((one.parent.name for one in self.directory.glob(f"[0-9]*/{_BODY}")), reverse=True)

    def run(self, name: str) -> Run:
        """Return a run.

        Raises
        ------
        UndecidedError
            If there is none of this name.
        """
        runs = self.runs()
        if name not in runs:
            there = f"the last are {', '.join(runs[:5])}" if runs else "there is none"
            raise UndecidedError(f"There is no run {name!r}; {there}.", "Correct the name; `encore decide` prints it.")
        return Run(name, json.loads((self.directory / name / _BODY).read_text(encoding="utf-8")))

    def rows(self, name: str) -> pa.Table:
        """Return inputs and outputs of the customers of a run, as `serving.decisions.rows` makes them."""
        return pq.read_table(self.directory / self.run(name).name / _ROWS)

    def read(self, name: str) -> tuple[Run, pd.DataFrame]:
        """Return a run with a row for each customer.

        Raises
        ------
        DataError
            If there is none of this name.
        """
        return self.run(name), self.rows(name).to_pandas()

    def latest(self) -> Run | None:
        """Return the newest plan: the run about all customers and all actions that prices are taken from."""
        runs = (self.run(name) for name in self.runs())
        return next((run for run in runs if run.body["is_plan"]), None)

    def erase(self, customer: str) -> int:
        """Remove a customer from every run; returns how many rows there were."""
        with locked(self._lock):
            return sum(_erase(self.directory / name / _ROWS, customer) for name in self.runs())

    def holds(self, customer: str) -> bool:
        """Return whether a run has a row of a customer."""
        return any(_count(self.directory / name / _ROWS, customer) for name in self.runs())

    def _next(self, now: datetime) -> str:
        """Return a name behind those of all runs of the same second."""
        second = f"{now:%Y%m%dT%H%M%S}-"
        last = next((name for name in self.runs() if name.startswith(second)), f"{second}000")
        return f"{second}{int(last.removeprefix(second)) + 1:03}"

    def _remove_old(self, now: datetime) -> None:
        oldest = f"{now - KEPT:%Y%m%dT%H%M%S}"
        for name in self.runs():
            if name < oldest:
                shutil.rmtree(self.directory / name)


def body_of(decided: Decided) -> dict[str, Any]:
    """Return run.json of a decision."""
    limits, solution = decided.limits, decided.solution
    return {
        "now": decided.now.isoformat(),
        "as_of": decided.population.as_of.isoformat(),
        "is_plan": decided.is_plan,
        "versions": dict(decided.versions),
        "limits": {"actions": list(limits.actions or ()), "budget": limits.budget, "capacity": limits.capacity},
        "prices": {"budget": solution.budget_price, "channels": dict(solution.channel_prices)},
        "effects": [asdict(source) for source in decided.effects.sources],
        "totals": totals_of(decided),
        "decisions": decided.decisions.tables,
    }


def totals_of(decided: Decided) -> dict[str, Any]:
    """Return the sums of a decision: of all customers, and by action."""
    gains, costs = decided.of_choice(decided.worth.gain), decided.of_choice(decided.worth.cost)
    solution = decided.solution
    by_action = {
        action.name: _sums(decided.choice == place, gains, costs) for place, action in enumerate(decided.actions)
    }
    return {
        "customers": len(decided.choice),
        "with_action": len(decided.chosen),
        "gain": solution.total,
        "cost": float(costs.sum()),
        "bound": solution.bound,
        "gap": solution.gap,
        "actions": by_action,
    }


def _sums(mask: Any, gains: Any, costs: Any) -> dict[str, float]:  # noqa: ANN401 - arrays
    return {
        "customers": int(np.count_nonzero(mask)),
        "gain": float(gains[mask].sum()),
        "cost": float(costs[mask].sum()),
    }


def _count(path: Path, customer: str) -> int:
    rows = pq.read_table(path, columns=["customer_id"], filters=[("customer_id", "=", customer)])
    return int(rows.num_rows)


def _erase(path: Path, customer: str) -> int:
    """Write a file of customers again without one of them; returns how many rows they had."""
    found = _count(path, customer)
    if not found:
        return 0
    with (
        pq.ParquetFile(path) as before,
        replacing_file(path) as new,
        pq.ParquetWriter(new, before.schema_arrow, compression="zstd") as writer,
    ):
        for place in range(before.num_row_groups):
            rows = before.read_row_group(place)
            writer.write_table(rows.filter(pc.not_equal(rows["customer_id"], customer)))
    return found
