"""What is registered with Feast: entities, feature views, feature services.

The fields of a view are those of its Parquet file, so that a feature is named once, in its expression.
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import StateError
from core.settings import Settings
from features.engine.vectors import NOT_FEATURES, vector_view
from features.services import FeatureService as Service
from features.services import ModelSettings
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

_ENTITIES = {
    "customer": "A customer, by the customer_id of the contract tables.",
    "product": "A product, by the product_id of the contract tables.",
}
#: A feature of the last days.
_WINDOW = re.compile(r"_(\d+)d$")


def view_names(settings: Settings) -> list[str]:
    """Return the names of all views: those of the services, and the vectors of them."""
    return [about.name for about in _described(settings)]


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
    features = settings[FeatureSettings]
    entities = {
        name: Entity(
            name=name,
            join_keys=[f"{name}_id"],
            value_type=ValueType.STRING,
            description=description,
            owner=features.owner,
        )
        for name, description in _ENTITIES.items()
    }
    views = {}
    for about in _described(settings):
        views[about.name] = _view(about, directory, ttl, features, entities)
    services = [
        FeatureService(
            name=service.name,
            features=[views[view.name] for view in views_of(service)],
            description=_read_by(readers),
            tags={"model": ", ".join(readers)},
            owner=features.owner,
        )
        for service, readers in _readers(settings).items()
    ]
    return [*entities.values(), *views.values(), *services]


@dataclass(frozen=True)
class _About:
    """What readers of Feast's pages see of a view.

    Attributes
    ----------
    moments
        Features that are moments, with the ones that models read in their place.
    """

    name: str
    description: str
    tags: dict[str, str]
    moments: Mapping[str, str] = field(default_factory=dict)


def _described(settings: Settings) -> Iterator[_About]:
    """Yield the views of the services with the docstrings of their modules, and the vectors."""
    models = {model.section: views_of(model.service) for model in settings.every(ModelSettings)}
    for view in VIEWS:
        readers = [model for model, views in models.items() if view in views]
        if readers:
            text = (inspect.getdoc(inspect.getmodule(view.expression)) or "").split("\n")[0]
            moments = {moment: name for names in (view.ages, view.countdowns) for name, moment in names.items()}
            yield _About(view.name, text, {"kind": view.group, "model": ", ".join(readers)}, moments)
    for service, readers in _readers(settings).items():
        text = f"All features of {service.name} of a customer in one JSON text, which the API reads."
        yield _About(vector_view(service), text, {"kind": "vector", "model": ", ".join(readers)})


def _read_by(readers: list[str]) -> str:
    models = " and ".join(name.replace("_", " ") for name in readers)
    return f"What the {models} model reads." if len(readers) == 1 else f"What the {models} models read."


def _readers(settings: Settings) -> dict[Service, list[str]]:
    """Return the services, each with the names of the models that read it."""
    readers: dict[Service, list[str]] = {}
    for model in settings.every(ModelSettings):
        readers.setdefault(model.service, []).append(model.section)
    return readers


def _view(
    about: _About, directory: Path, ttl: timedelta, features: FeatureSettings, entities: Mapping[str, Entity]
) -> FeatureView:
    path = directory / about.name
    files = sorted(path.glob("*.parquet"))
    if not files:
        raise StateError(f"Expected feature rows in {path}, found none.", "Run `encore features build` first.")
    schema = pq.read_schema(files[0])
    entity = entities["customer" if "customer_id" in schema.names else "product"]
    fields = [
        Field(name=column.name, dtype=_feast_type(column.type), description=_field_text(column.name, about))
        for column in schema
        if column.name not in NOT_FEATURES
    ]
    return FeatureView(
        name=about.name,
        entities=[entity],
        ttl=ttl,
        schema=[Field(name=entity.join_key, dtype=types.String), *fields],
        # what was computed in bulk, and what is pushed when something has happened
        source=PushSource(
            name=f"{about.name}_push",
            batch_source=_rows(f"{about.name}_rows", str(path.resolve()), features.engine),
        ),
        description=about.description,
        tags=about.tags,
        owner=features.owner,
    )


def _field_text(name: str, about: _About) -> str:
    """Return what can be said of any feature: its window, or the days that models make of its moment."""
    if name in about.moments:
        return f"A moment; models read the days since or until it, {about.moments[name]}."
    window = _WINDOW.search(name)
    return f"Of the {window[1]} days before the snapshot." if window else ""


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
