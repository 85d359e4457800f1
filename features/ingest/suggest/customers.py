"""The customer, where no name shows it: the id that several exports share."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import duckdb

from core.sql import identifier
from features.ingest.suggest.match import assign
from features.ingest.suggest.seen import Seen
from features.ingest.suggest.words import words_of

#: Words that names of ids end with.
_ID_WORDS = {"id", "no", "nr", "number", "num", "key", "code", "ref", "uuid", "guid", "email", "account", "编号", "号"}


def name_customers(con: duckdb.DuckDBPyConnection, seen: Sequence[Seen]) -> list[Seen]:
    """Find the customer where no name shows it.

    That is the id which several exports share, unique in one and repeated in others; where there is one export only,
    the first id that is no order, product or line, and the export asks whether it is.
    """
    named = []
    for one in seen:
        if "customer_id" in assign(one.profiles, ("customer_id", "order_id", "product_id", "line_id")):
            named.append(one)
            continue
        shared = [
            name for name in _ids(one) if any(_shares(con, one, name, other) for other in seen if other is not one)
        ]
        alone = [name for name in _ids(one) if words_of(name)[-1] in _ID_WORDS]
        found = next(iter(shared), None) or next(iter(alone), None)
        note = () if found is None else (f"Is {found} the customer? No column is called so.",)
        named.append(replace(one, customer=found, notes=note))
    return named


def _ids(seen: Seen) -> Iterator[str]:
    """Yield the columns that could name customers."""
    others = ("order_id", "product_id", "line_id", "contract_id", "store_id", "campaign_id", "currency", "status")
    taken = {profile.name for profile in assign(seen.profiles, others).values()}
    for name, profile in seen.profiles.items():
        is_text = not profile.is_moment and not profile.is_time and (not profile.is_number or profile.whole > 0.99)
        if name not in taken and is_text and profile.filled > 0.5 and profile.distinct >= 10:
            yield name


def _shares(con: duckdb.DuckDBPyConnection, seen: Seen, name: str, other: Seen) -> bool:
    same = [column for column in other.profiles if words_of(column) == words_of(name)]
    return bool(same) and share_in(con, (seen, name), (other, same[0])) > 0.5


def share_in(con: duckdb.DuckDBPyConnection, one: tuple[Seen, str], other: tuple[Seen, str]) -> float:
    """Return the share of a column's values that are in another one."""
    (left, a), (right, b) = one, other
    x = f"canonical({identifier(a)})"
    values = f"SELECT DISTINCT {x} AS x FROM {left.export.table} WHERE {x} IS NOT NULL"
    others = f"SELECT canonical({identifier(b)}) FROM {right.export.table}"
    found = con.execute(f"SELECT avg((x IN ({others}))::INT) FROM ({values} LIMIT 100000)").fetchall()[0][0]
    return float(found or 0)
