"""What Encore uses of Feast, and the only module that imports it.

Feast marks its classes with typeguard's `typechecked`, which parses, rewrites and compiles the source of each one
whenever a process imports it: some four seconds, of five and a half. Here they are imported as they are written.
"""

import warnings
from typing import TypeVar
from unittest.mock import patch

_Target = TypeVar("_Target")


def _as_written(target: _Target) -> _Target:
    return target


# shown each time that a source is made; docs/scale.md says what was tried
warnings.filterwarnings("ignore", "The spark data source API is an experimental feature", RuntimeWarning)

with patch("typeguard.typechecked", _as_written):
    from feast import (
        Entity,
        FeatureService,
        FeatureStore,
        FeatureView,
        Field,
        FileSource,
        PushSource,
        RepoConfig,
        types,
    )
    from feast.data_format import ParquetFormat
    from feast.errors import FeatureServiceNotFoundException
    from feast.feature_view import FeatureViewState
    from feast.infra.key_encoding_utils import serialize_entity_key
    from feast.infra.offline_stores.contrib.spark_offline_store.spark_source import SparkSource
    from feast.infra.online_stores.helpers import _redis_key as redis_key
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value
    from feast.type_map import python_values_to_proto_values as feast_values
    from feast.value_type import ValueType

__all__ = [
    "Entity",
    "EntityKey",
    "FeatureService",
    "FeatureServiceNotFoundException",
    "FeatureStore",
    "FeatureView",
    "FeatureViewState",
    "Field",
    "FileSource",
    "ParquetFormat",
    "PushSource",
    "RepoConfig",
    "SparkSource",
    "Value",
    "ValueType",
    "feast_values",
    "redis_key",
    "serialize_entity_key",
    "types",
]
