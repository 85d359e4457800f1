"""Which feature views there are, which of them answer which model, and their rows as the online store answers them."""

from collections.abc import Mapping

import duckdb

from core.sql import identifier

#: Names of the feature views; each is one Parquet file below `data/features`.
CUSTOMER_VIEWS = (
    "customer_activity",
    "customer_habit",
    "customer_value",
    "customer_preference",
    "customer_engagement",
    "customer_usage",
    "customer_subscription",
    "customer_profile",
)
PRODUCT_VIEWS = ("product_statistics",)
PURCHASE_VIEWS = ("customer_history", "customer_types", *PRODUCT_VIEWS)
CHURN_SERVICE, NEXT_PRODUCT_SERVICE = "churn_v1", "next_product_v1"
#: Which views answer which model.
SERVICES: dict[str, tuple[str, ...]] = {
    CHURN_SERVICE: CUSTOMER_VIEWS,
    NEXT_PRODUCT_SERVICE: ("customer_activity", "customer_profile", *PURCHASE_VIEWS),
}
#: Columns of a view that are no features.
NOT_FEATURES = ("customer_id", "product_id", "event_timestamp", "created_timestamp")


def customer_services() -> dict[str, tuple[str, ...]]:
    """Return the views of each service whose key is the customer."""
    return {name: tuple(view for view in views if view not in PRODUCT_VIEWS) for name, views in SERVICES.items()}


def vector_view(service: str) -> str:
    """Return the name of the view that holds a service's features of a customer in one text."""
    return f"{service}_vector"


def vector_query(con: duckdb.DuckDBPyConnection, rows: Mapping[str, str]) -> str:
    """Return a query for the vectors of customers: one read answers for a service, instead of one for each view.

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
