"""A mapping for each export: which contract column each of its columns is, why, and what is left to ask."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import duckdb

from core.errors import DataError
from core.settings import Settings, StoreSettings
from core.sql import engine, first_line, identifier
from features.contract.tables import CONTRACT, TableName
from features.ingest.macros import define_macros
from features.ingest.suggest.customers import name_customers
from features.ingest.suggest.exports import Export, find_exports, load
from features.ingest.suggest.inputs import (
    customers_input,
    interactions_input,
    labels_input,
    products_input,
    subscriptions_input,
)
from features.ingest.suggest.joins import with_orders
from features.ingest.suggest.match import CALLED_SO, likeness
from features.ingest.suggest.profile import profile_columns
from features.ingest.suggest.sales import sales_inputs
from features.ingest.suggest.seen import CONTRACTS, EVENTS, GOODS, PEOPLE, SALES, Seen
from features.ingest.suggest.suggestions import SuggestedInput, Suggestions
from features.ingest.suggest.trial import MEMORY, try_out
from features.ingest.suggest.write import as_toml

#: A smaller share of customers that other inputs know is a question.
_HARDLY = 0.5


def suggest_mapping(paths: Sequence[str], folder: Path, now: datetime) -> Suggestions:
    """Look at exports, suggest a mapping, and try it.

    Parameters
    ----------
    paths
        Files, folders, addresses of databases.
    folder
        For copies of what has to be converted to be looked at, and for what the trial writes.
    now
        Rows more than a day later are in the future.

    Raises
    ------
    ConfigError
        For a path with nothing that can be read.
    DataError
        For a file that cannot.
    """
    root = _root(paths)
    suggestions = Suggestions(root, [])
    try:
        with engine(Settings(StoreSettings(data=folder, memory_limit=MEMORY))) as con:
            con.execute("SET disabled_optimizers = 'in_clause'")
            define_macros(con, ".")
            exports, suggestions.unread = find_exports(con, paths, root, folder / "copies")
            seen = name_customers(con, [_look(con, export, place, folder) for place, export in enumerate(exports)])
            _sort(con, seen, suggestions)
    except duckdb.Error as error:
        raise DataError(
            f"The exports cannot be compared: {first_line(error)}.",
            "Name fewer files with --from, or write the mapping by hand (docs/own-data.md).",
        ) from error
    if suggestions.inputs:
        try_out(suggestions, as_toml, folder / "trial", now)
    return suggestions


def _root(paths: Sequence[str]) -> Path:
    local = [Path(path).resolve() for path in paths if "://" not in path]
    folders = {path if path.is_dir() else path.parent for path in local}
    return next(iter(folders)) if len(folders) == 1 else Path.cwd()


def _look(con: duckdb.DuckDBPyConnection, export: Export, place: int, folder: Path) -> Seen:
    loaded = load(con, export, f"_export_{place}", folder / "copies")
    return Seen(loaded, profile_columns(con, loaded.table, loaded.columns))


def _sort(con: duckdb.DuckDBPyConnection, seen: Sequence[Seen], suggestions: Suggestions) -> None:
    """Decide what each export holds: order lines first, since others may be joined to them."""
    used: list[Export] = []
    left = []
    for place, one in sorted(enumerate(seen), key=lambda pair: "product_id" not in pair[1].roles(SALES)):
        lines, partners = (one, []) if _is_other(one) else with_orders(con, one, seen, f"_joined_{place}")
        if not _is_other(one) and _are_lines(lines) and not any(one.export is export for export in used):
            suggestions.inputs += sales_inputs(con, lines, suggestions)
            used += [partner.export for partner in partners]
            _people_behind(partners, suggestions)
        else:
            left.append(one)
    for one in left:
        if any(one.export is export for export in used):
            continue
        inputs = _other_inputs(one, suggestions)
        suggestions.inputs += inputs
        if not inputs:
            suggestions.unused.append(_closest(one))
    _compare_customers(con, suggestions)


def _compare_customers(con: duckdb.DuckDBPyConnection, suggestions: Suggestions) -> None:
    """Ask where the customers of one input are hardly those of another: their ids may be written in two ways."""
    named = {one.table: one for one in suggestions.inputs if one.expression("customer_id")}
    people, bought = named.get("customers"), named.get("transactions") or named.get("subscriptions")
    if people is None or bought is None:
        return
    own, others = (_ids_of(one) for one in (people, bought))
    share, one, other = con.execute(
        f"SELECT avg((x IN (SELECT x FROM ({others})))::INT), min(x), (SELECT min(x) FROM ({others})) FROM ({own})"
    ).fetchall()[0]
    if share is not None and share < _HARDLY:
        people.questions.append(
            f"Only {share:.0%} of these customers are among those of {bought.export.name}; ids are {one!r} here and "
            f"{other!r} there. Are they written in two ways, or is it another id?"
        )


def _ids_of(one: SuggestedInput) -> str:
    expression = str(one.expression("customer_id"))
    column = identifier(expression) if expression in one.export.columns else expression
    return f"SELECT DISTINCT canonical({column}) AS x FROM {one.export.table} WHERE canonical({column}) IS NOT NULL"


def _people_behind(partners: Sequence[Seen], suggestions: Suggestions) -> None:
    """Note the attributes of customers that a joined export has."""
    for partner in partners:
        roles = partner.roles(PEOPLE)
        if "customer_id" in roles and "order_id" not in partner.roles(SALES):
            suggestions.inputs.append(customers_input(partner, suggestions))


def _is_other(seen: Seen) -> bool:
    """Return whether an export holds labels or contracts, whose columns could pass for those of order lines."""
    people, contracts = seen.roles(PEOPLE), seen.roles(CONTRACTS)
    labels = {"customer_id", "churned"} <= people.keys() and "event_timestamp" not in seen.roles(SALES)
    if labels:
        return True
    ends = {"end_timestamp", "cancelled_timestamp"} & contracts.keys()
    sales = seen.roles(SALES)
    order = sales.get("order_id")
    # an order has several lines, each with a product; a contract may have a product and pieces too
    sells = order is not None and not order.is_unique and "product_id" in sales
    return {"customer_id", "start_timestamp"} <= contracts.keys() and bool(ends) and not sells


def _are_lines(seen: Seen) -> bool:
    has = seen.roles(SALES).keys()
    return (
        {"customer_id", "event_timestamp"} <= has
        and bool(has & {"order_id", "product_id", "name"})
        and bool(has & {"amount", "unit_price", "order_total"})
    )


def _other_inputs(seen: Seen, suggestions: Suggestions) -> list[SuggestedInput]:
    """Decide which table other than that of order lines an export is."""
    people = seen.roles(PEOPLE)
    if _is_other(seen):
        has_label = {"customer_id", "churned"} <= people.keys()
        return labels_input(seen, suggestions) if has_label else [subscriptions_input(seen)]
    sales, events, goods = seen.roles(SALES), seen.roles(EVENTS), seen.roles(GOODS)
    is_log = {"customer_id", "event_timestamp"} <= events.keys()
    is_log = is_log and ("kind" in events or not events["customer_id"].is_unique)
    if is_log and not sales.keys() & {"order_id", "quantity"}:
        return [interactions_input(seen)]
    describes = goods.keys() & {"name", "department", "category", "type", "brand", "size", "unit_price"}
    if "product_id" in goods and describes and not sales.keys() & {"customer_id", "order_id"}:
        return [products_input(seen, goods)]
    if "customer_id" in people and people["customer_id"].is_unique:
        return [customers_input(seen, suggestions)]
    return []


def _closest(seen: Seen) -> str:
    """Say which table an export is closest to, and what it lacks."""
    roles: dict[TableName, tuple[str, ...]] = {
        "transactions": SALES,
        "subscriptions": CONTRACTS,
        "interactions": EVENTS,
        "products": GOODS,
        "customers": PEOPLE,
    }
    found: dict[TableName, tuple[dict[str, str], list[str]]] = {}
    for table, own in roles.items():
        has = seen.roles(own)
        if table == "transactions" and "unit_price" in has:
            has = {"amount": has["unit_price"]} | has
        required = [column.name for column in CONTRACT[table].columns if column.required]
        there = {name: has[name].name for name in required if name in has}
        missing = [name for name in required if name not in has]
        if table == "customers" and "customer_id" in has and not has["customer_id"].is_unique:
            missing.append("one row per customer")
        found[table] = there, missing
    best = max(found, key=lambda table: len(found[table][0]))
    there, missing = found[best]
    said = ", ".join(f"{name} ({own})" for name, own in there.items()) or "nothing"
    lacks = ", ".join(missing) or "rows"
    near = [text for role in missing if (text := _nearly(seen, role)) is not None]
    lacks += f" ({'; '.join(near)})" if near else ""
    columns = ", ".join(list(seen.profiles)[:8])
    return f"{seen.export.name} ({columns}) fits no table. Closest is {best}: found {said}; not found {lacks}"


def _nearly(seen: Seen, role: str) -> str | None:
    """Return a column that is called as a role is, and whose values cannot be it."""
    name = max(seen.profiles, key=lambda name: likeness(name, role), default=None)
    if name is None or likeness(name, role) < CALLED_SO:
        return None
    return f"{name} has values such as {', '.join(seen.profiles[name].examples[:2])}, which are none that can be read"
