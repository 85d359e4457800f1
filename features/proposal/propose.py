"""A mapping for each source: which contract column each of its columns is, why, and what is left to ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from features.config import TableName
from features.contract import CONTRACT, Column
from features.proposal.names import NO_GOODS, is_sensitive, likeness
from features.proposal.profile import ISO, Profile, profile_columns
from features.proposal.sources import Source, find_sources, sample
from features.sql import identifier, quoted

#: Names that fit less are no evidence.
_LIKE = 0.3
#: A column with more different values per row than this names the rows.
_UNIQUE = 0.98


@dataclass(frozen=True)
class Mapped:
    """A contract column: the expression it is mapped to and the evidence for it; without one it is a question."""

    column: str
    expression: str | None
    evidence: str


@dataclass
class Input:
    """A proposed input: how its source is read, its mapping, and what to ask of it."""

    table: TableName
    source: Source
    columns: list[Mapped]
    options: dict[str, tuple[object, str]] = field(default_factory=dict)
    skip: list[tuple[str, str, str]] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)


@dataclass
class Proposal:
    """A proposed configuration.

    Attributes
    ----------
    keys
        Columns that name a row of a table, with the evidence.
    never
        Attributes that should not be inputs of a model.
    attributes
        Attributes that could be.
    unused
        Sources that fit no table, with what they hold.
    """

    root: Path
    inputs: list[Input]
    keys: dict[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)
    never: list[str] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    @property
    def contractual(self) -> bool:
        """Whether there are contracts and no order lines."""
        tables = {one.table for one in self.inputs}
        return "subscriptions" in tables and "transactions" not in tables

    @property
    def questions(self) -> int:
        """How many things are left to decide."""
        open_columns = sum(mapped.expression is None for one in self.inputs for mapped in one.columns)
        return open_columns + sum(len(one.questions) for one in self.inputs)


def propose(paths: Sequence[str], folder: Path) -> Proposal:
    """Look at exports and propose a mapping.

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
    proposal = Proposal(root, [])
    with duckdb.connect() as con:
        for source in find_sources(con, paths, root, folder):
            columns = sample(con, source, folder)
            profiles = profile_columns(con, "sample", columns)
            inputs = _inputs(con, source, profiles, proposal)
            proposal.inputs += inputs
            if not inputs:
                proposal.unused.append(f"{source.name} ({', '.join(list(columns)[:8])})")
    return proposal


def _root(paths: Sequence[str]) -> Path:
    local = [Path(path).resolve() for path in paths if "://" not in path]
    folders = {path if path.is_dir() else path.parent for path in local}
    return next(iter(folders)) if len(folders) == 1 else Path.cwd()


def _inputs(
    con: duckdb.DuckDBPyConnection, source: Source, profiles: Mapping[str, Profile], proposal: Proposal
) -> list[Input]:
    """Decide what a source holds: one table, or order lines with what is known of their products."""
    found = _assign(profiles, ("subscriptions",))
    if {"customer_id", "start_timestamp", "end_timestamp"} <= found.keys():
        return [_plain(source, "subscriptions", found)]
    found = _assign(profiles, ("transactions", "products", "customers", "interactions"))
    has = found.keys()
    if (
        {"customer_id", "event_timestamp"} <= has
        and has & {"order_id", "product_id"}
        and has & {"amount", "unit_price"}
    ):
        lines = _transactions(con, source, found, profiles, proposal)
        goods = {"name", "category", "department", "type", "brand"} & has
        return [lines, _products(source, found)] if "product_id" in has and goods else [lines]
    if {"customer_id", "event_timestamp"} <= has and not has & {"order_id", "quantity"}:
        return [_interactions(source, found)]
    if "product_id" in has and "customer_id" not in has:
        return [_products(source, found)]
    if "customer_id" in has and found["customer_id"].distinct >= _UNIQUE * found["customer_id"].rows:
        return [_customers(source, found, profiles, proposal)]
    return []


def _assign(profiles: Mapping[str, Profile], tables: Sequence[TableName]) -> dict[str, Profile]:
    """Give each column of some tables the source column that fits it best by name, if its content can be it."""
    kinds = {column.name: column for name in tables for column in CONTRACT[name].columns}
    pairs = sorted(
        (
            (likeness(name, column), column, name)
            for name, profile in profiles.items()
            for column, contract in kinds.items()
            if column != "created_timestamp" and _can_be(profile, contract)
        ),
        key=lambda pair: (-pair[0], list(profiles).index(pair[2])),
    )
    chosen: dict[str, Profile] = {}
    used: set[str] = set()
    for like, column, name in pairs:
        if like >= _LIKE and column not in chosen and name not in used:
            chosen[column] = profiles[name]
            used.add(name)
    if "event_timestamp" in kinds and "event_timestamp" not in chosen:
        moments = [profile for profile in profiles.values() if profile.is_moment and profile.name not in used]
        if len(moments) == 1:
            chosen["event_timestamp"] = moments[0]
    return chosen


def _can_be(profile: Profile, column: Column) -> bool:
    if profile.filled == 0:
        return False
    if column.type == "DOUBLE":
        return profile.is_number and not (profile.is_moment and not profile.points)
    if column.type in {"TIMESTAMPTZ", "DATE"}:
        return profile.is_moment
    return True


def _mapped(table: TableName, found: Mapping[str, Profile], but: Sequence[str] = ()) -> list[Mapped]:
    columns = [column.name for column in CONTRACT[table].columns if column.name in found and column.name not in but]
    return [Mapped(name, found[name].name, found[name].told) for name in columns]


def _options(source: Source, table: TableName, found: Mapping[str, Profile], one: Input) -> None:
    """Say how dates and numbers are written, and ask where that is not plain."""
    types = {column.name: column.type for column in CONTRACT[table].columns}
    moments = [p for name, p in found.items() if types.get(name) in {"TIMESTAMPTZ", "DATE"}]
    formats = tuple(dict.fromkeys(told for profile in moments for told in profile.formats))
    if formats and formats != (ISO,):
        # ISO 8601 is no strptime format; beside others its usual ways are written out
        iso = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d")
        told = [way for name in formats for way in (iso if name == ISO else (name,))]
        one.options["dates"] = told, f"these read the values of {', '.join(p.name for p in moments)}"
    for profile in moments:
        if profile.ambiguous is not None:
            one.questions.append(
                f"{profile.name}: day and month could be the other way round, {profile.ambiguous}; every value "
                f"seen fits both, such as {profile.examples[0]}. Which is it?"
            )
    numbers = [p for name, p in found.items() if name in {"amount", "unit_price", "price", "discount", "value"}]
    if any(profile.decimal == "," for profile in numbers):
        one.options["decimal"] = ",", f"values such as {next(p for p in numbers if p.decimal == ',').examples[0]}"
    currencies = sorted({sign for profile in numbers for sign in profile.currencies})
    if len(currencies) > 1:
        one.questions.append(
            f"Amounts are in {', '.join(currencies)}. Encore counts in one currency: set others aside in skip, with "
            "currency(…) <> '…', or convert them in the mapping of amount."
        )
    if source.item.encoding is not None:
        one.options["encoding"] = source.item.encoding, "no UTF-8; guessed from the bytes"
        one.questions.append(f"Are the texts readable with encoding {source.item.encoding}? It was guessed.")


def _transactions(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    found: dict[str, Profile],
    profiles: Mapping[str, Profile],
    proposal: Proposal,
) -> Input:
    table: TableName = "transactions"
    price, quantity = found.get("unit_price"), found.get("quantity")
    one = Input(table, source, [])
    one.columns = _mapped(table, found, but=("amount",))
    if "order_id" not in found:
        whole = f"{identifier(found['customer_id'].name)} || ' ' || {identifier(found['event_timestamp'].name)}"
        one.columns.append(Mapped("order_id", whole, "what a customer bought at one moment"))
        one.questions.append(
            "No column names an order; lines of a customer at one moment are taken for one. Is that right?"
        )
    if "product_id" not in found:
        one.columns.append(Mapped("product_id", None, f"which column names the product? There are {_listed(profiles)}"))
    if quantity is None:
        one.columns.append(Mapped("quantity", "1", "no column says how many"))
        one.questions.append("No column says how many pieces a line is of; 1 is taken. Is that right?")
    if "amount" in found:
        one.columns.append(Mapped("amount", found["amount"].name, found["amount"].told))
        one.questions.append(
            f"Is {found['amount'].name} what the whole line came to? If it is the price of a piece, multiply."
        )
    elif price is not None and quantity is not None:
        product = f"{identifier(quantity.name)} * {identifier(price.name)}"
        one.columns.append(Mapped("amount", product, f"quantity times price; {price.name}: {price.told}"))
    elif price is not None:
        one.columns.append(Mapped("amount", price.name, price.told))
    _options(source, table, found, one)
    _returns(con, found, one)
    _skip(con, found, one)
    _line_keys(con, profiles, proposal, one)
    return one


def _returns(con: duckdb.DuckDBPyConnection, found: Mapping[str, Profile], one: Input) -> None:
    conditions: list[str] = []
    evidence: list[str] = []
    for name in ("quantity", "amount"):
        profile = found.get(name)
        if profile is not None and profile.negative > 0 and not conditions:
            conditions.append(f"{identifier(profile.name)} < 0")
            evidence.append(f"{profile.negative:.1%} of {profile.name} are below 0")
    order = found.get("order_id")
    if order is not None and conditions:
        # a letter that stands before the numbers of orders only where something is taken back
        prefixes = con.execute(
            f"SELECT regexp_extract({identifier(order.name)}, '^[A-Za-z]+') AS prefix, count(*) AS n, "
            f"avg((number({conditions[0].removesuffix(' < 0')}) < 0)::INT) AS share FROM sample GROUP BY 1 "
            "HAVING prefix <> '' AND share > 0.9 ORDER BY n DESC LIMIT 1"
        ).fetchall()
        if prefixes:
            prefix, count, _ = prefixes[0]
            conditions.append(f"{identifier(order.name)} LIKE {quoted(prefix + '%')}")
            evidence.append(f"{count:,} rows of {order.name} begin with {prefix}")
    if conditions:
        one.options["returns"] = " OR ".join(conditions), "; ".join(evidence)


def _skip(con: duckdb.DuckDBPyConnection, found: Mapping[str, Profile], one: Input) -> None:
    customer = found["customer_id"]
    if customer.filled < 1:
        one.skip.append(
            (
                "guest",
                f"nullif(trim({identifier(customer.name)}), '') IS NULL",
                f"{1 - customer.filled:.1%} of the rows",
            )
        )
    looked_at = [identifier(found[name].name) for name in ("product_id", "name") if name in found]
    if looked_at:
        text = f"concat_ws(' ', {', '.join(looked_at)})"
        condition = f"regexp_matches({text}, {quoted(NO_GOODS)})"
        rows, example = con.execute(f"SELECT count(*), min({text}) FROM sample WHERE {condition}").fetchall()[0]
        if rows:
            one.skip.append(("no_goods", condition, f"{rows:,} rows, such as {example}"))
            one.questions.append(
                f"Are rows such as {example!r} no goods? {rows:,} of the rows seen are set aside as such."
            )


def _line_keys(con: duckdb.DuckDBPyConnection, profiles: Mapping[str, Profile], proposal: Proposal, one: Input) -> None:
    names = ", ".join(identifier(name) for name in profiles)
    twice = con.execute(
        f"SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM sample GROUP BY {names})"
    ).fetchall()
    if twice[0][0]:
        rows = int(twice[0][0])
        proposal.keys[one.table] = ("*",), f"{rows:,} of the rows seen equal another one in every column"
        one.questions.append(
            f"{rows:,} of the rows seen equal another one in every column, and count once with the key in [data.keys]. "
            "Remove it if two equal lines are two sales."
        )


def _products(source: Source, found: Mapping[str, Profile]) -> Input:
    one = _plain(source, "products", found)
    if "type" not in found and "category" in found:
        one.columns.append(Mapped("type", found["category"].name, "no finer column; offers of types need one"))
    identity = found["product_id"]
    blank = f"nullif(trim({identifier(identity.name)}), '') IS NULL"
    if identity.filled < 1:
        one.skip.append(("unnamed", blank, f"{1 - identity.filled:.1%} of the rows"))
    return one


def _customers(source: Source, found: dict[str, Profile], profiles: Mapping[str, Profile], proposal: Proposal) -> Input:
    one = _plain(source, "customers", found)
    taken = {mapped.expression for mapped in one.columns}
    for name, profile in profiles.items():
        if name not in taken and is_sensitive(name):
            proposal.never.append(name)
        elif name not in taken and 2 <= profile.distinct <= 50 and profile.filled > 0.5:
            proposal.attributes.append(name)
    return one


def _interactions(source: Source, found: Mapping[str, Profile]) -> Input:
    one = _plain(source, "interactions", found)
    kinds = {"visit", "contact", "click", "redemption", "complaint", "service_request", "nps", "return"}
    if "kind" not in found:
        one.columns.append(Mapped("kind", "'visit'", "no column says what happened"))
        one.questions.append(f"What are these events? 'visit' is taken; Encore knows {', '.join(sorted(kinds))}.")
    elif not set(found["kind"].examples) <= kinds:
        one.questions.append(
            f"{found['kind'].name} has values such as {', '.join(found['kind'].examples)}; features are made of "
            f"{', '.join(sorted(kinds))}. Translate them with CASE … WHEN … THEN … END."
        )
    return one


def _plain(source: Source, table: TableName, found: Mapping[str, Profile]) -> Input:
    """Map a source to a table whose columns are all there by name."""
    one = Input(table, source, _mapped(table, found))
    _options(source, table, found, one)
    return one


def _listed(profiles: Mapping[str, Profile]) -> str:
    return ", ".join(list(profiles)[:12])
