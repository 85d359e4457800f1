"""What is registered with Feast: entities, feature views, feature services.

The fields of a view are those of its Parquet file, so that a feature is named once, in its expression.
"""

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import StateError
from core.settings import Settings
from features.engine.vectors import NOT_FEATURES, services_of, vector_views
from features.settings import FeatureSettings, TimeSettings
from features.store.feast_api import (
    Entity,
    FeatureService,
    FeatureView,
    Field,
    FileSource,
    ParquetFormat,
    PushSource,
    SparkSource,
    ValueType,
    types,
)
from features.views import VIEWS, views_of

customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.STRING)
product = Entity(name="product", join_keys=["product_id"], value_type=ValueType.STRING)


def view_names(settings: Settings) -> list[str]:
    """Return the names of all views: those of the services, and the vectors of them."""
    used = {view.name for service in services_of(settings) for view in views_of(service)}
    return [*(view.name for view in VIEWS if view.name in used), *vector_views(settings)]


def definitions(settings: Settings, directory: Path) -> list[Entity | FeatureView | FeatureService]:
    """Return everything to apply.

    A row answers until the next snapshot, so that every moment after the first snapshot has one that answers. Feast
    counts both ends: at the moment of a snapshot, the row of the snapshot before answers for a customer whom the new
    one has no row of. `Store.point_in_time` excludes it.

    Parameters
    ----------
    directory
        The folder of feature files that `features.engine.build` left.

    Raises
    ------
    StateError
        If the features have not been built.
    """
    # whole days, since Feast's DuckDB store takes no interval of days and seconds
    ttl = timedelta(days=settings[TimeSettings].snapshot_spacing_days)
    engine = settings[FeatureSettings].engine
    views = {name: _view(name, directory, ttl, engine) for name in view_names(settings)}
    services = [
        FeatureService(name=service.name, features=[views[view.name] for view in views_of(service)])
        for service in services_of(settings)
    ]
    return [customer, product, *views.values(), *services]


def _view(name: str, directory: Path, ttl: timedelta, engine: str) -> FeatureView:
    path = directory / name
    files = sorted(path.glob("*.parquet"))
    if not files:
        raise StateError(f"Expected feature rows in {path}, found none.", "Run `encore features build` first.")
    schema = pq.read_schema(files[0])
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
            batch_source=_rows(f"{name}_rows", str(path.resolve()), engine),
        ),
    )


def _rows(name: str, path: str, engine: str) -> FileSource | SparkSource:
    stamps = {"timestamp_field": "event_timestamp", "created_timestamp_column": "created_timestamp"}
    if engine == "spark":
        return SparkSource(name=name, path=path, file_format="parquet", **stamps)
    return FileSource(name=name, path=path, file_format=ParquetFormat(), **stamps)


def _feast_type(arrow: pa.DataType) -> types.FeastType:
    if pa.types.is_list(arrow):
        return types.Array(_feast_type(arrow.value_type))
    if pa.types.is_timestamp(arrow):
        return types.UnixTimestamp
    if pa.types.is_string(arrow):
        return types.String
    return types.Int64 if pa.types.is_integer(arrow) else types.Float64
