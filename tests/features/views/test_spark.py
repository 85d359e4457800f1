"""Every view compiles for Spark, as it is written."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import ibis
import ibis.expr.types as ir
import pytest
from ibis.config import Config

from features.contract.arrow import arrow_schema
from features.contract.events.interactions import RETURN
from features.contract.tables import CONTRACT
from features.engine.duckdb import Sources
from features.engine.inputs import view_tables
from features.engine.write import as_arrays, as_feature_rows
from features.spans.base import Base, Inputs
from features.spans.snapshots import Snapshots
from features.views import VIEWS
from features.views.view import FeatureView

START = datetime(2024, 5, 1, tzinfo=UTC)
_SIZES = {"product_id": "string", "type": "string", "unit": "string", "contents": "float64"}


class _Spark(Config):  # type: ignore[misc]
    """What the compiler asks its backend for; importing that would take Spark itself."""

    treat_nan_as_null: bool = False


@pytest.fixture(autouse=True)
def _options() -> Iterator[None]:
    ibis.options.pyspark = _Spark()
    yield
    ibis.options.pyspark = None


def contract_tables() -> dict[str, ir.Table]:
    return {name: ibis.table(ibis.Schema.from_pyarrow(arrow_schema(name)), name=name) for name in CONTRACT}


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_view_compiles_for_spark(view: FeatureView) -> None:
    compiled: list[str] = []

    def keep(name: str, rows: ir.Table) -> ir.Table:
        compiled.append(str(ibis.to_sql(rows, dialect="pyspark")))
        return ibis.table(rows.schema(), name=name)

    sizes, kinds = ibis.table(_SIZES, name="sizes"), frozenset({RETURN.name, *(kind.name for kind in view.kinds)})
    snapshots = Snapshots.of([START + timedelta(days=7 * week) for week in range(3)])
    inputs = Inputs(Base(view_tables(Sources(**contract_tables()), sizes), snapshots, kinds, 365, keep), snapshots)
    compiled.append(str(ibis.to_sql(as_arrays(as_feature_rows(view, inputs), view), dialect="pyspark")))
    assert all("SELECT" in query for query in compiled)
