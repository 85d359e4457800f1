"""Texts as whole numbers while features are computed, which engines group, join and sort twice as fast."""

from dataclasses import replace

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from features.spans.base import Tables

#: The columns that are numbered, and the tables that have them.
_HOLDERS: dict[str, tuple[str, ...]] = {
    "customer_id": ("transactions", "customers", "interactions", "subscriptions"),
    "order_id": ("transactions", "interactions"),
    "product_id": ("transactions", "products", "interactions", "sizes"),
    "department": ("products",),
    "category": ("products",),
    "type": ("sizes",),
}
#: Those of them that belong to customers, and are numbered for each portion of customers.
OF_CUSTOMERS = ("customer_id", "order_id")
#: The others.
OF_PRODUCTS = ("product_id", "department", "category", "type")


class Codes:
    """The numbers of the texts of a column, in the order of the texts: what is sorted by one is sorted by the other.

    Parameters
    ----------
    column
        One of `OF_CUSTOMERS` or `OF_PRODUCTS`.
    """

    def __init__(self, con: ibis.BaseBackend, column: str, tables: Tables) -> None:
        self._column = column
        self._con = con
        texts = ibis.union(*(getattr(tables, name).select(text=column) for name in _HOLDERS[column])).distinct()
        texts = texts.filter(texts.text.notnull())
        numbers = ibis.row_number().over(ibis.window(order_by="text")).cast("int32")
        name = f"codes_{column}"
        con.drop_table(name, force=True)
        self._table = con.create_table(name, texts.select("text", number=numbers), temp=True)

    def encode(self, tables: Tables) -> Tables:
        """Write numbers instead of texts."""
        return replace(tables, **{name: self._encoded(getattr(tables, name)) for name in _HOLDERS[self._column]})

    def texts(self) -> pa.Array:
        """Return the texts, each at the place of its number."""
        return self._con.to_pyarrow(self._table.order_by("number").text).combine_chunks()

    def _encoded(self, table: ir.Table) -> ir.Table:
        joined = table.left_join(self._table, table[self._column] == self._table.text)
        number = {self._column: joined.number}
        return joined.select(**{name: number.get(name, joined[name]) for name in table.columns})
