"""Inputs of products whose ids do not occur in order lines."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from core.sql import relation
from features.contract.unmatched import Unmatched, unmatched
from features.ingest.segments import Segment

#: What a message calls the place where products occur.
ORDER_LINES = "order lines"


def unmatched_inputs(
    con: duckdb.DuckDBPyConnection, segments: Sequence[Segment], folder: Path, transactions: Path
) -> list[Unmatched]:
    """Compare the products of each input of products with those of order lines.

    Where several inputs know one product each, they are catalogues that complete each other: a product that any of
    them has facts about lacks none.

    Parameters
    ----------
    folder
        Of the files of segments.
    transactions
        The contract table of order lines.
    """
    inputs: dict[str, list[Segment]] = {}
    for segment in segments:
        if segment.table == "products" and segment.rows is not None:
            inputs.setdefault(segment.mapping, []).append(segment)
    if not inputs:
        return []
    sold = set(_products(con, transactions))
    found = {mapping: set(_products(con, *(folder / str(one.rows) for one in own))) for mapping, own in inputs.items()}
    warnings = []
    for mapping, own in inputs.items():
        names = sorted({one.name for one in own})
        source = names[0] if len(names) == 1 else own[0].input
        one = unmatched(source, found[mapping], ORDER_LINES, sold)
        fits_none = not found[mapping] & sold
        if one is not None and (one.alike or fits_none or not sold <= set().union(*found.values())):
            warnings.append(one)
    return warnings


def unmatched_from(stamp: dict[str, Any]) -> tuple[Unmatched, ...]:
    """Read what the stamp of the contract tables says of unmatched facts."""
    entries = stamp.get("unmatched", [])
    return tuple(
        Unmatched(**{**one, "examples": tuple((name, other) for name, other in one["examples"])}) for one in entries
    )


def _products(con: duckdb.DuckDBPyConnection, *files: Path) -> list[str]:
    rows = con.execute(f"SELECT DISTINCT product_id FROM {relation(*files)} WHERE product_id IS NOT NULL").fetchall()
    return [str(product) for (product,) in rows]
