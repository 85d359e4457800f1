"""What an engine makes of views: features of some customers at some snapshots, to files."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import ibis
import ibis.expr.types as ir

from core.progress import Report
from core.settings import Settings
from features.engine.duckdb import Sources
from features.settings import CustomerSettings, TimeSettings
from features.spans.base import Base, Inputs, Tables
from features.spans.snapshots import Snapshots
from features.views.view import FeatureView

#: The number of rows of a view and snapshot.
Rows = Counter[tuple[str, datetime]]


@dataclass
class Computation(ABC):
    """Features of some customers at some snapshots, to files.

    Attributes
    ----------
    kinds
        The kinds of interactions that the data have, of all customers.
    directory
        Where files go, in a folder for each view.
    views
        Those to compute, with the snapshots that each is wanted at, in ascending order.
    """

    con: ibis.BaseBackend
    settings: Settings
    kinds: frozenset[str]
    directory: Path
    views: Mapping[FeatureView, Sequence[datetime]]
    rows: Rows = field(default_factory=Counter, init=False)

    @abstractmethod
    def run(self, sources: Sources, sizes: ir.Table, report: Report) -> Rows:
        """Compute the views; returns the number of rows of each view and snapshot."""

    @abstractmethod
    def _keep(self, name: str, expression: ir.Table) -> ir.Table:
        """Make a table of an expression."""

    def _base(self, tables: Tables, snapshots: Snapshots) -> Base:
        return Base(tables, snapshots, self.kinds, self.settings[TimeSettings].history_days, self._keep)

    def _inputs(self, base: Base, snapshots: Snapshots) -> Inputs:
        return Inputs(base, snapshots, self.settings[CustomerSettings].kept)
