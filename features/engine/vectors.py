"""All features of a service and customer in one text, so that one read answers instead of one for each view."""

from collections.abc import Mapping, Sequence

import duckdb

from core.settings import Settings
from core.sql import identifier
from features.services import FeatureService, ModelSettings
from features.views import customer_views_of

#: Columns of a view that are no features.
NOT_FEATURES = ("customer_id", "product_id", "event_timestamp", "created_timestamp")


def services_of(settings: Settings) -> tuple[FeatureService, ...]:
    """Return the services of all models, each once."""
    return tuple(dict.fromkeys(model.service for model in settings.every(ModelSettings)))


def vector_view(service: FeatureService) -> str:
    """Return the name of the view that holds a service's features of a customer in one text."""
    return f"{service.name}_vector"


def vector_views(settings: Settings) -> dict[str, Sequence[str]]:
    """Return the names of the views of vectors, and for each those of the views of customers that it joins."""
    return {
        vector_view(service): [view.name for view in customer_views_of(service)] for service in services_of(settings)
    }


def vector_query(con: duckdb.DuckDBPyConnection, rows: Mapping[str, str]) -> str:
    """Return a query for the vectors of customers.

    Parameters
    ----------
    rows
        Per view a query for its rows, one a customer, all of one moment.

    Returns
    -------
    One row per customer that any view knows, with the columns of a feature view. `vector` is a JSON object of all
    features; moments are seconds since 1970, and what is missing, or no finite number, is null.
    """
    joined, parts = "", []
    for view, query in rows.items():
        columns = [(str(row[0]), str(row[1])) for row in con.execute(f"DESCRIBE {query}").fetchall()]
        parts += [
            f"{identifier(name)} := {_as_json(f'{view}.{identifier(name)}', kind)}"
            for name, kind in columns
            if name not in NOT_FEATURES
        ]
        joined += f" FULL JOIN ({query}) AS {view} USING (customer_id)" if joined else f"({query}) AS {view}"
    moment = f"coalesce({', '.join(f'{view}.event_timestamp' for view in rows)})"
    return (
        f"SELECT customer_id, CAST(to_json(struct_pack({', '.join(parts)})) AS VARCHAR) AS vector, "
        f"{moment} AS event_timestamp, {moment} AS created_timestamp FROM {joined}"
    )


def _as_json(column: str, kind: str) -> str:
    if kind.startswith("TIMESTAMP"):
        return f"epoch({column})"
    if kind == "DOUBLE":
        return f"CASE WHEN isfinite({column}) THEN {column} END"
    if kind == "DOUBLE[]":
        return f"list_transform({column}, value -> CASE WHEN isfinite(value) THEN value END)"
    return column
