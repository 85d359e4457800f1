"""A mapping for each source: which contract column each of its columns is, why, and what is left to ask."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from core.settings import Settings, StoreSettings
from core.sql import engine
from features.ingest.suggest.inputs import (
    contracts_input,
    customers_input,
    interactions_input,
    products_input,
)
from features.ingest.suggest.match import assign
from features.ingest.suggest.profile import Profile, profile_columns
from features.ingest.suggest.sales import transactions_input
from features.ingest.suggest.sources import Source, find_sources, sample
from features.ingest.suggest.suggestions import SuggestedInput, Suggestions

#: A column with more different values per row than this names the rows.
_UNIQUE = 0.98


def suggest_mapping(paths: Sequence[str], folder: Path) -> Suggestions:
    """Look at exports and suggest a mapping.

    Parameters
    ----------
    paths
        Files, folders, addresses of databases.
    folder
        For copies of what has to be converted to be looked at.

    Raises
    ------
    ConfigError
        For a path with nothing that can be read.
    DataError
        For a file that cannot.
    """
    root = _root(paths)
    suggestions = Suggestions(root, [])
    with engine(Settings(StoreSettings(data=folder))) as con:
        for source in find_sources(con, paths, root, folder):
            columns = sample(con, source, folder)
            profiles = profile_columns(con, "sample", columns)
            inputs = _inputs(con, source, profiles, suggestions)
            suggestions.inputs += inputs
            if not inputs:
                suggestions.unused.append(f"{source.name} ({', '.join(list(columns)[:8])})")
    return suggestions


def _root(paths: Sequence[str]) -> Path:
    local = [Path(path).resolve() for path in paths if "://" not in path]
    folders = {path if path.is_dir() else path.parent for path in local}
    return next(iter(folders)) if len(folders) == 1 else Path.cwd()


def _inputs(
    con: duckdb.DuckDBPyConnection, source: Source, profiles: Mapping[str, Profile], suggestions: Suggestions
) -> list[SuggestedInput]:
    """Decide what a source holds: one table, or order lines with columns of their products."""
    columns = assign(profiles, ("subscriptions",))
    if {"customer_id", "start_timestamp", "end_timestamp"} <= columns.keys():
        return [contracts_input(source, columns, profiles)]
    columns = assign(profiles, ("transactions", "products", "customers", "interactions"))
    has = columns.keys()
    if (
        {"customer_id", "event_timestamp"} <= has
        and has & {"order_id", "product_id"}
        and has & {"amount", "unit_price"}
    ):
        lines = transactions_input(con, source, columns, profiles, suggestions)
        goods = {"name", "category", "department", "type", "brand"} & has
        return [lines, products_input(source, columns)] if "product_id" in has and goods else [lines]
    if {"customer_id", "event_timestamp"} <= has and not has & {"order_id", "quantity"}:
        return [interactions_input(source, columns)]
    if "product_id" in has and "customer_id" not in has:
        return [products_input(source, columns)]
    if "customer_id" in has and columns["customer_id"].distinct >= _UNIQUE * columns["customer_id"].rows:
        return [customers_input(source, columns, profiles, suggestions)]
    return []
