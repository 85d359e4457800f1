"""What Feast is told: entities, feature views, feature services.

The fields of a view are those of its Parquet file, so that a feature is named once, in its expression.
"""

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import StateError
from features.services import CUSTOMER_VIEWS, NOT_FEATURES, PURCHASE_VIEWS, SERVICES, vector_view
from features.store.feast_api import (
    Entity,
    FeatureService,
    FeatureView,
    Field,
    FileSource,
    ParquetFormat,
    PushSource,
    ValueType,
    types,
)

customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.STRING)
product = Entity(name="product", join_keys=["product_id"], value_type=ValueType.STRING)


def definitions(directory: Path, spacing: timedelta) -> list[Entity | FeatureView | FeatureService]:
    """Return everything to apply.

    Parameters
    ----------
    directory
        The folder of feature files that `features.engine.build` left.
    spacing
        Time between snapshots. A row answers for less than that, so that a customer of whom the next snapshot
        says nothing has nothing, offline as online.

    Raises
    ------
    StateError
        If the features have not been built.
    """
    # whole days, or hours, since Feast's DuckDB store takes no mixed interval
    ttl = spacing - timedelta(days=1) if spacing > timedelta(days=1) else timedelta(hours=12)
    names = (*CUSTOMER_VIEWS, *PURCHASE_VIEWS, *map(vector_view, SERVICES))
    views = {name: _view(name, directory, ttl) for name in names}
    services = [FeatureService(name=name, features=[views[v] for v in of]) for name, of in SERVICES.items()]
    return [customer, product, *views.values(), *services]


def _view(name: str, directory: Path, ttl: timedelta) -> FeatureView:
    path = directory / f"{name}.parquet"
    if not path.is_file():
        raise StateError(f"Expected feature rows in {path}, found none.", "Run `encore features build` first.")
    schema = pq.read_schema(path)
    entity = customer if "customer_id" in schema.names else product
    return FeatureView(
        name=name,
        entities=[entity],
        ttl=ttl,
        schema=[
            Field(name=entity.join_key, dtype=types.String),
            *(Field(name=f.name, dtype=_feast_type(f.type)) for f in schema if f.name not in NOT_FEATURES),
        ],
        # what was computed in bulk, and what is pushed when something has happened
        source=PushSource(
            name=f"{name}_push",
            batch_source=FileSource(
                name=f"{name}_rows",
                path=str(path.resolve()),
                file_format=ParquetFormat(),
                timestamp_field="event_timestamp",
                created_timestamp_column="created_timestamp",
            ),
        ),
    )


def _feast_type(arrow: pa.DataType) -> types.FeastType:
    if pa.types.is_list(arrow):
        return types.Array(_feast_type(arrow.value_type))
    if pa.types.is_timestamp(arrow):
        return types.UnixTimestamp
    if pa.types.is_string(arrow):
        return types.String
    return types.Int64 if pa.types.is_integer(arrow) else types.Float64
