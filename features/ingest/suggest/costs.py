"""What the goods of an order line cost: a column of its own, or the cost of one piece times the pieces."""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from core.sql import identifier
from features.ingest.suggest.money import piece_or_line
from features.ingest.suggest.profile import Profile

#: Costs that reach the amount in more than this share of the lines are no costs of goods that are sold.
_AT_A_LOSS = 0.5


@dataclass(frozen=True)
class Cost:
    """The mapping of a line's cost.

    Attributes
    ----------
    value
        The expression and its evidence; None where no column is taken for a cost.
    question
        To the person who reads the suggestion; None where the columns leave nothing open.
    """

    value: tuple[str, str] | None
    question: str | None = None


def cost_of(con: duckdb.DuckDBPyConnection, table: str, roles: Mapping[str, Profile]) -> Cost | None:
    """Find out what a line cost; None where no column is called so.

    Parameters
    ----------
    con
        With the functions of mappings for the decimal sign of the export.
    table
        Its rows, as texts.
    """
    profile = roles.get("cost") or roles.get("unit_cost")
    if profile is None:
        return None
    quantity = roles.get("quantity")
    meant = "line" if quantity is None else piece_or_line(con, table, roles, profile)
    is_unit = meant == "piece" or (meant is None and "cost" not in roles)
    pieces = quantity if is_unit else None
    if _is_too_much(con, table, roles, profile, pieces):
        return Cost(
            None, f"{profile.name} reaches the amount in most rows and is not taken for the cost of the goods. Is it?"
        )
    whole, evidence = profile.name, profile.evidence
    if pieces is not None:
        whole, evidence = _times(pieces, profile), f"quantity times cost; {profile.evidence}"
    asked = None
    if meant is None:
        asked = f"Is {profile.name} what {'one piece' if is_unit else 'the whole line'} cost you? cost is {whole} here."
    return Cost((whole, evidence), asked)


def _times(quantity: Profile, money: Profile) -> str:
    return f"{identifier(quantity.name)} * {identifier(money.name)}"


def _is_too_much(
    con: duckdb.DuckDBPyConnection,
    table: str,
    roles: Mapping[str, Profile],
    cost: Profile,
    pieces: Profile | None,
) -> bool:
    """Return whether most lines cost as much as was paid for them: the column is then what customers paid."""
    amount, price, quantity = roles.get("amount"), roles.get("unit_price"), roles.get("quantity")
    if amount is not None:
        paid = _number(amount)
    elif price is not None:
        paid = _number(price) if quantity is None else f"{_number(quantity)} * {_number(price)}"
    else:
        return False
    whole = _number(cost) if pieces is None else f"{_number(pieces)} * {_number(cost)}"
    share = con.execute(
        f"SELECT avg((abs({whole}) >= abs({paid}))::INT) FROM {table} WHERE {whole} <> 0 AND {paid} <> 0"
    ).fetchall()[0][0]
    return share is not None and share > _AT_A_LOSS


def _number(column: Profile) -> str:
    return f"number({identifier(column.name)})"
