"""Run the expressions of feature views in DuckDB, portion by portion of the customers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import ibis.expr.types as ir
import pyarrow as pa

from core.files import claimed
from core.progress import Report, track
from core.settings import StoreSettings
from core.sql import relation, spill_directory
from features.engine.alone import Alone
from features.engine.codes import OF_CUSTOMERS, OF_PRODUCTS, Codes
from features.engine.computation import Computation, Rows
from features.engine.duckdb import Sources
from features.engine.inputs import view_tables
from features.engine.portions import portions
from features.engine.write import as_feature_rows, folded, ordered, write_by_snapshot
from features.spans.base import Tables
from features.spans.purchases import purchases_of_products
from features.spans.snapshots import Snapshots
from features.views.view import FeatureView

#: Order lines and other rows that are computed together: about what fits into 2 GB.
PORTION = 2_500_000
#: By column the texts that numbers represent.
Texts = Mapping[str, pa.Array]


@dataclass
class DuckDBComputation(Computation):
    """The same in DuckDB: texts are numbers meanwhile, and a portion of the customers fits into memory."""

    def __post_init__(self) -> None:
        self.moments = sorted({moment for moments in self.views.values() for moment in moments})
        self.snapshots = Snapshots.of(self.moments)
        self._kept: set[str] = set()

    def run(self, sources: Sources, sizes: ir.Table, report: Report) -> Rows:
        """Compute the views; returns the number of rows of each view and snapshot."""
        if not self.moments:
            return self.rows
        tables = view_tables(sources, sizes)
        products = {column: Codes(self.con, column, tables) for column in OF_PRODUCTS}
        texts = {column: codes.texts() for column, codes in products.items()}
        spill = spill_directory(self.settings[StoreSettings])
        with portions(self.con, sources, PORTION, spill / "portions") as parts, claimed(spill / "purchases") as aside:
            numbers = range(len(parts))
            for number in track(report, numbers, lambda number: f"customers, part {number + 1} of {len(parts)}"):
                part = view_tables(parts[number], sizes)
                for codes in products.values():
                    part = codes.encode(part)
                self._of_customers(part, texts, number, aside if len(parts) > 1 else None)
            if len(parts) > 1:
                self._of_products(tables, texts, aside)
        self._drop()
        return self.rows

    def _of_customers(self, tables: Tables, texts: Texts, number: int, aside: Path | None) -> None:
        """Compute the views of some customers; those of products too, unless purchases go to a folder for them."""
        for column in OF_CUSTOMERS:
            codes = Codes(self.con, column, tables)
            tables, texts = codes.encode(tables), {**texts, column: codes.texts()}
        base = self._base(replace(tables, transactions=self._keep("transactions", tables.transactions)), self.snapshots)
        inputs = self._inputs(base, self.snapshots)
        for view, moments in self.views.items():
            if not view.one_at_a_time:
                rows = self.con.to_pyarrow(ordered(as_feature_rows(view, inputs), view))
                self._write(view, rows, moments, number, texts)
        if one_by_one := self._one_by_one():
            bought = self.con.compile(purchases_of_products(base.baskets, self.snapshots.current()))
            alone = Alone(self.con, self._inputs(base, self.snapshots.current()))
            for position, views in one_by_one.items():
                alone.turn_to(position, self.moments[position], bought)
                for view in views:
                    if view.entity == "customer" or aside is None:
                        self._write(view, alone.rows(view), [self.moments[position]], number, texts)
                    else:
                        self.con.to_parquet(alone.purchases, aside / f"{position}-{number}.parquet")
        self._drop()

    def _of_products(self, tables: Tables, texts: Texts, aside: Path) -> None:
        """Compute the views of products from the purchases of all customers."""
        alone = Alone(self.con, self._inputs(self._base(tables, self.snapshots), self.snapshots.current()))
        for position, views in self._one_by_one().items():
            of_products = [view for view in views if view.entity == "product"]
            if of_products:
                alone.turn_to(position, self.moments[position], f"FROM {relation(aside / f'{position}-*.parquet')}")
            for view in of_products:
                self._write(view, alone.rows(view), [self.moments[position]], 0, texts)

    def _one_by_one(self) -> dict[int, list[FeatureView]]:
        """Return the positions to compute alone, and the views wanted at each."""
        alone = {view: moments for view, moments in self.views.items() if view.one_at_a_time}
        wanted = {
            position: [view for view, moments in alone.items() if moment in moments]
            for position, moment in enumerate(self.moments)
        }
        return {position: views for position, views in wanted.items() if views}

    def _write(self, view: FeatureView, rows: pa.Table, moments: Sequence[datetime], number: int, texts: Texts) -> None:
        columns = {view.key: view.key, **view.texts}
        whole = folded(rows, view, {name: texts[column] for name, column in columns.items()})
        for moment, count in write_by_snapshot(whole, view, moments, self.directory, number).items():
            self.rows[view.name, moment] += count

    def _keep(self, name: str, expression: ir.Table) -> ir.Table:
        table = f"base_{name}"
        # dropped first, since Ibis would overwrite it by a copy of a copy
        self.con.drop_table(table, force=True)
        self._kept.add(table)
        return self.con.create_table(table, expression, temp=True)

    def _drop(self) -> None:
        while self._kept:
            self.con.drop_table(self._kept.pop())
