"""Today at a glance: customers and value at risk by tier and stage, what waits to be done, and what changed.

Computed once for the models and features that answer, and again after a minute, as events change single customers.
"""

import threading
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.settings import Settings
from serving.decisions.actions import DO_NOTHING
from serving.explain.tiers import AnyTier
from serving.overview.changes import Changes, compare
from serving.overview.history import models_of
from serving.parts.worth import ValueEngine
from serving.scoring.deployment import Deployment
from serving.scoring.listing import Listing
from serving.scoring.score_history import Recorded, ScoreHistory, Total
from serving.scoring.score_table import Listed, ScoreTable

#: Tiers in the order of pages: those first that something can be done about.
TIERS: tuple[AnyTier, ...] = ("high", "medium", "low", "new", "not_due", "inactive")
#: Stages in the order of pages: from the first purchase to the loss.
STAGES = ("new", "growing", "mature", "won_back", "declining", "lapsed", "lost")
#: Seconds that an overview answers for.
_LASTS = 60.0
#: Moments of the line.
_MOST_MOMENTS = 60


@dataclass(frozen=True)
class Waiting:
    """Customers whose best action is the same.

    Attributes
    ----------
    gain
        What the action is expected to bring after its costs.
    """

    action: str
    channel: str
    customers: int
    value_at_risk: float
    gain: float


@dataclass(frozen=True)
class Overview:
    """The score table at a glance.

    Attributes
    ----------
    all
        All customers with a row.
    has_value
        Whether amounts are known.
    tiers, stages
        Those that there are, with their customers.
    waiting
        Best actions, the highest gain first; none where nothing is decided.
    line
        Totals of records by the models of now, the earliest first.
    changes
        Since the record before the last one; None where there is none.
    """

    as_of: datetime
    all: Total
    has_value: bool
    tiers: Sequence[tuple[str, Total]]
    stages: Sequence[tuple[str, Total]]
    waiting: Sequence[Waiting]
    line: Sequence[Recorded]
    changes: Changes | None


class Overviews:
    """Overviews of a deployment, each computed once. Safe for threads."""

    def __init__(self, settings: Settings, table: ScoreTable) -> None:
        self._history, self._table = ScoreHistory(settings), table
        self._lock = threading.Lock()
        self._last: tuple[Hashable, float, Overview] | None = None
        self._compared: tuple[Hashable, Changes | None] = None, None

    def read(self, deployment: Deployment, as_of: datetime) -> Overview:
        """Return the overview of now, of at most a minute ago.

        Raises
        ------
        StoreError
            If the score table cannot be read.
        """
        models = models_of(deployment)
        records = models, self._history.state(models)
        key = deployment.ground.online.fingerprint, deployment.labels, records, self._table.erasures()
        with self._lock:
            if self._last is None or self._last[0] != key or time.monotonic() - self._last[1] >= _LASTS:
                line = self._history.recorded(models)
                # records stay as they are while scores of single customers change
                if self._compared[0] != records:
                    self._compared = records, self._changes(line)
                self._last = key, time.monotonic(), self._compute(deployment, as_of, line, self._compared[1])
            return self._last[2]

    def first(self, tiers: Sequence[str], most: int) -> list[Listed]:
        """Return the rows of customers of some tiers with the highest value at risk, or risk where no value is known.

        Raises
        ------
        StoreError
            If the score table cannot be read.
        """
        for column in ("value_at_risk", "risk"):
            listing = Listing({}, {column: 0.0}, {}, column, descending=True, one_of={"tier": tiers})
            rows = self._table.list(listing, most)
            if rows:
                return rows
        return []

    def present(self, customers: Sequence[str]) -> set[str]:
        """Return those of some customers who have a row: of an erased one nothing is shown that a record says."""
        return set(self._table.rows(customers))

    def _compute(
        self, deployment: Deployment, as_of: datetime, line: Sequence[Recorded], changes: Changes | None
    ) -> Overview:
        tiers, stages = (self._totals(name) for name in ("tier", "stage"))
        everyone = tiers.values()
        total = Total(sum(one.customers for one in everyone), sum(one.value_at_risk for one in everyone))
        return Overview(
            as_of,
            total,
            deployment.error(ValueEngine) is None,
            [(name, tiers[name]) for name in TIERS if name in tiers],
            [(name, stages[name]) for name in STAGES if name in stages],
            self._waiting(),
            line[-_MOST_MOMENTS:],
            changes,
        )

    def _totals(self, column: str) -> dict[str, Total]:
        rows = self._table.totals([column], ["value_at_risk"])
        return {name or "": Total(customers, amount or 0.0) for name, customers, amount in rows}

    def _waiting(self) -> list[Waiting]:
        rows = self._table.totals(["best_action", "action_channel"], ["value_at_risk", "action_gain"])
        found = [
            Waiting(action, channel or "", customers, at_risk or 0.0, gain or 0.0)
            for action, channel, customers, at_risk, gain in rows
            if action not in {None, DO_NOTHING}
        ]
        return sorted(found, key=lambda one: -one.gain)

    def _changes(self, line: Sequence[Recorded]) -> Changes | None:
        if len(line) < 2:
            return None
        before, after = (self._history.record(one) for one in line[-2:])
        if before is None or after is None:
            return None
        return compare((line[-2], before), (line[-1], after))
