"""Every view compiles for Spark, as it is written."""

from collections.abc import Iterator

import ibis
import ibis.expr.types as ir
import pytest
from ibis.config import Config

from core.settings import Settings
from features.contract.arrow import arrow_schema
from features.contract.events.interactions import RETURN
from features.contract.tables import CONTRACT
from features.engine.duckdb import Sources
from features.engine.inputs import as_feature_rows, view_inputs
from features.views import VIEWS
from features.views.view import FeatureView

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
    sources = Sources(**contract_tables())
    snapshots = ibis.table({"snapshot": "timestamp('UTC')"}, name="snapshots")
    sizes, kinds = ibis.table(_SIZES, name="sizes"), frozenset({RETURN.name, *(kind.name for kind in view.kinds)})
    inputs = view_inputs(Settings(), sources, snapshots, sizes, kinds)
    assert "SELECT" in str(ibis.to_sql(as_feature_rows(view.rows(inputs)), dialect="pyspark"))
