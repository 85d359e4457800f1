"""The online store: features of customers as they are now, read, pushed, erased."""

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from core.sqlite import purge
from features.engine.vectors import vector_view
from features.services import FeatureService
from features.store.feast_api import EntityKey, Value, ValueType, feast_values, redis_key, serialize_entity_key
from features.store.repo import KEY_VERSION, PROJECT, Repo, answering
from features.views import customer_views_of


@dataclass(frozen=True)
class OnlineRows:
    """Features as the online store holds them, aligned with the keys that were asked for.

    Attributes
    ----------
    values
        One list per feature; None where the store has nothing.
    event_timestamps
        Per key the latest moment the features were computed for; None for an unknown key.
    """

    values: dict[str, list[Any]]
    event_timestamps: list[datetime | None]


class Vector(NamedTuple):
    """All features of a service of one customer.

    Attributes
    ----------
    moment
        What they were computed for.
    values
        By name; None where something is missing, seconds since 1970 for moments.
    """

    moment: datetime
    values: dict[str, Any]


class OnlineStore:
    """Reads, writes and erases rows of the online store.

    Every method raises `StoreError` where the store cannot be reached.
    """

    def __init__(self, repo: Repo) -> None:
        self._repo = repo

    def rows(self, service: FeatureService, key: str, values: Sequence[str]) -> OnlineRows:
        """Return the features of a service that the online store holds now.

        Parameters
        ----------
        service
            Of its views, those whose key is `key` answer.
        key
            `customer_id` or `product_id`.
        values
            The keys asked for.
        """
        references = self._repo.references(service, (key,))
        with answering("online store"):
            response = self._repo.feast.get_online_features(features=references, entity_rows={key: list(values)})
            answered: dict[str, list[Any]] = response.to_dict(include_event_timestamps=True)
        features = [reference.split(":")[1] for reference in references]
        stamps = [answered[f"{feature}__ts"] for feature in features]
        latest = [max(moments) for moments in zip(*stamps, strict=True)] if values else []
        return OnlineRows(
            {feature: answered[feature] for feature in features},
            [datetime.fromtimestamp(second, tz=UTC) if second else None for second in latest],
        )

    def vectors(self, service: FeatureService, customers: Sequence[str]) -> list[Vector | None]:
        """Return the features of a service that the online store holds now of customers; None for an unknown one.

        One read a customer, through the online store's own interface, whatever the number of views.
        """
        with answering("online store"):
            keys = [_entity(customer) for customer in customers]
            view = self._repo.view(vector_view(service))
            entries = self._repo.provider.online_store.online_read(self._repo.feast.config, view, keys, ["vector"])
            # of a customer it does not know Redis gives an empty value, SQLite none
            texts = [values["vector"].string_val if values else "" for _, values in entries]
            return [
                Vector(stamp, orjson.loads(text)) if text else None
                for (stamp, _), text in zip(entries, texts, strict=True)
            ]

    def push(self, vectors: Mapping[str, Mapping[str, str]], moment: datetime) -> None:
        """Write the vectors of customers, by name of their view. Where a store fails, some may have been written.

        Through the online store's own interface: Feast's `push` reads the whole registry for each view, and passes over
        rows of nulls, which take the place of what was known before.
        """
        for view, texts in vectors.items():
            rows = {customer: {"vector": Value(string_val=text)} for customer, text in texts.items()}
            self._write(view, rows, dict.fromkeys(texts, moment))

    def follow(self, service: FeatureService, customers: Sequence[str]) -> None:
        """Write what the vectors of a service have into the views of customers that they are joined from.

        Only the vectors answer requests; the views are for programs that know Feast alone. A customer without a vector
        is passed over.
        """
        vectors = self.vectors(service, customers)
        known = {name: vector for name, vector in zip(customers, vectors, strict=True) if vector is not None}
        moments = {name: vector.moment for name, vector in known.items()}
        for view in customer_views_of(service):
            fields = self._repo.view(view.name).features
            columns = [_as_feast(field, [one.values[field.name] for one in known.values()]) for field in fields]
            names = [field.name for field in fields]
            rows = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
            self._write(view.name, dict(zip(known, rows, strict=True)), moments)

    def _write(self, view: str, rows: Mapping[str, Mapping[str, Any]], moments: Mapping[str, datetime]) -> None:
        with answering("online store"):
            data = [(_entity(name), values, moments[name], moments[name]) for name, values in rows.items()]
            store, config = self._repo.provider.online_store, self._repo.feast.config
            store.online_write_batch(config, self._repo.view(view), data, None)

    def erase(self, customer: str) -> int:
        """Remove a customer's rows; returns how many values there were.

        What files of the store still hold is left to `purge` and `rewrite_files`.
        """
        key, config = _entity(customer), self._repo.feast.config
        online = self._repo.provider.online_store
        with answering("online store"):
            if config.online_store.type == "redis":
                client = online._get_client(config.online_store)
                name = redis_key(PROJECT, key, KEY_VERSION)
                values = int(client.hlen(name))
                client.delete(name)
                return values
            con = online._get_conn(config)
            con.execute("PRAGMA secure_delete = ON")
            views = [view for view in self._repo.feast.list_feature_views() if view.join_keys == ["customer_id"]]
            serialized = serialize_entity_key(key, KEY_VERSION)
            removed = 0
            with con:
                for view in views:
                    statement = f'DELETE FROM "{PROJECT}_{view.name}" WHERE entity_key = ?'
                    removed += con.execute(statement, [serialized]).rowcount
            return removed

    def purge(self, customer: str) -> None:
        """Make sure that the rows of an erased customer are in no part of a SQLite file any more.

        No other thread may use the store meanwhile; see `features.store.materialized.updating`.
        """
        config = self._repo.feast.config
        if config.online_store.type != "redis":
            # the key ends with the type and the length of the id, in four bytes each, and the id
            trace = serialize_entity_key(_entity(customer), KEY_VERSION)[-len(customer.encode()) - 8 :]
            with answering("online store"):
                purge(
                    self._repo.provider.online_store._get_conn(config),
                    Path(config.online_store.path),
                    trace,
                    nullcontext(),
                )

    def rewrite_files(self) -> bool:
        """Let Redis write its files again; returns whether no file of the store holds erased rows."""
        config = self._repo.feast.config.online_store
        if config.type != "redis":
            return True
        # the driver is installed where Redis is used
        from features.store.redis_files import rewrite_files  # noqa: PLC0415

        with answering("online store"):
            return rewrite_files(self._repo.provider.online_store._get_client(config))


def _as_feast(field: Any, values: Sequence[Any]) -> list[Any]:  # noqa: ANN401 - Feast ships no types
    """Return values of vectors as Feast's own."""
    kind = field.dtype.to_value_type()
    if kind is ValueType.UNIX_TIMESTAMP:
        values = [None if value is None else int(value) for value in values]
    elif kind is ValueType.DOUBLE_LIST:
        values = [value and [math.nan if one is None else one for one in value] for value in values]
    return list(feast_values(list(values), kind))


def _entity(customer: str) -> EntityKey:
    return EntityKey(join_keys=["customer_id"], entity_values=[Value(string_val=customer)])
