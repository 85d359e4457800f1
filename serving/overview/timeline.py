"""What happened to one customer: purchases, contacts, events, contracts and scores, as one list, newest first.

Rows of exports are read from the copy that is ordered by customer, so that few row groups are read however many
customers there are; events since come from the event log, and scores from the answer log.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.settings import Settings, StoreSettings
from features.contract.erased import Erased
from features.contract.tables import EVENT_ID, REPLACED, TableName
from features.live.known import OrderedFile
from features.live.log import EventLog, Logged
from features.live.rows import tables_of
from features.store.materialized import Online, rows_directory
from serving.overview.consents import CONSENT_OF, Consent, consents_of
from training.monitoring.answers import AnswerLog

#: Products that are named of a purchase, those that cost most first.
_NAMED = 3
#: Tables of customers, each with the columns that take time to read and are not shown.
_TABLES: dict[TableName, Sequence[str]] = {
    "transactions": ("quantity", "discount", "coupon_discount", "cost", "store_id", "line_id", "created_timestamp"),
    "interactions": ("created_timestamp",),
    "subscriptions": ("earlier_terms", "created_timestamp"),
    "customers": (),
}
#: Columns of customers that are no attributes to show.
_NO_ATTRIBUTES = {"customer_id", "created_timestamp", "marketing_consent"}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something that happened.

    Attributes
    ----------
    kind
        `purchase`, `contract`, `contract_end`, `score`, `offers`, or the kind of an event that is an interaction.
    amount
        Of a purchase in the currency of the data; the value of an interaction; the price of a contract.
    lines
        How many lines a purchase has.
    products
        Names of products: the most expensive ones of a purchase, that of an interaction, or those that were offered.
    label
        The campaign of an interaction, or the plan of a contract.
    text
        What a person wrote about it.
    risk, tier
        Of a score.
    """

    at: datetime
    kind: str
    amount: float | None = None
    lines: int = 0
    products: tuple[str, ...] = ()
    channel: str | None = None
    label: str | None = None
    text: str | None = None
    risk: float | None = None
    tier: str | None = None


@dataclass(frozen=True)
class Story:
    """A customer, and what happened to them.

    Attributes
    ----------
    attributes
        What the customer table says beside consents, by column, where it says anything.
    consents
        The last answer for every channel, and what is on file where there was none; that for all channels first.
    entries
        Newest first.
    """

    attributes: Mapping[str, object]
    consents: Sequence[Consent]
    entries: Sequence[Entry]


def read_story(
    settings: Settings, online: Online, log: EventLog, answers: AnswerLog, customer: str, consent: Mapping[str, str]
) -> Story:
    """Return the story of a customer; empty for an unknown customer, or one whose erasure has begun.

    Parameters
    ----------
    consent
        The attribute that holds the consent on file of a channel, as the policy of decisions names it.

    Raises
    ------
    StoreError
        If the event log or the answer log cannot be read.
    """
    stores = settings[StoreSettings]
    if Erased(stores).open_among([customer]):
        return Story({}, (), ())
    rows = _rows_of(rows_directory(stores, online.fingerprint))
    events = log.of([customer]) if log.exists else []
    known = {name: file.of([customer]) for name, file in rows.files.items()}
    people: list[dict[str, Any]] = known["customers"].to_pylist()
    interactions = _interactions(known["interactions"].to_pylist(), events)
    sold = _lines(known["transactions"], events)
    scores = answers.of(customer)
    bought = {row["product_id"] for row in (*sold, *interactions) if row["product_id"] is not None}
    names = rows.names(bought | {product for one in scores for product, _ in one.offers or ()})
    entries = [
        *_purchases(sold, names),
        *(_interaction(row, names) for row in interactions),
        *_contracts(known["subscriptions"].to_pylist(), [one for one in events if one.seq > online.events]),
        *(
            Entry(at=one.as_of, kind="offers", products=tuple(names.get(product, product) for product, _ in one.offers))
            if one.offers is not None
            else Entry(at=one.as_of, kind="score", risk=one.risk, tier=one.tier)
            for one in scores
        ),
    ]
    newest = sorted(entries, key=lambda entry: entry.at, reverse=True)
    attributes = people[0] if people else {}
    shown = {
        name: value
        for name, value in attributes.items()
        if value is not None and name not in _NO_ATTRIBUTES and not name.startswith(CONSENT_OF)
    }
    return Story(shown, consents_of(attributes, interactions, consent), newest)


class _Rows:
    """The contract rows of a materialisation, by customer, and what products are called."""

    def __init__(self, folder: Path) -> None:
        self.files = {name: OrderedFile(folder / f"{name}.parquet", unread) for name, unread in _TABLES.items()}
        products = pq.read_table(folder / "products.parquet", columns=["product_id", "name"]).combine_chunks()
        self._ids, self._names = products["product_id"], products["name"]

    def names(self, products: Collection[str]) -> dict[str, str]:
        """Return what some products are called; those without a name are missing."""
        if not products:
            return {}
        asked = pa.array(sorted(products), pa.string())
        found = self._names.take(pc.index_in(asked, value_set=self._ids))
        return {one: name for one, name in zip(asked.to_pylist(), found.to_pylist(), strict=True) if name is not None}


@lru_cache(maxsize=2)
def _rows_of(folder: Path) -> _Rows:
    """Keep the readers of the last two materialisations, whose files change with erasures alone."""
    return _Rows(folder)


def _lines(exported: pa.Table, events: Sequence[Logged]) -> list[dict[str, Any]]:
    """Return the order lines that count now: of the exports, and of events about orders that these do not have."""
    known = [row for row in exported.to_pylist() if row[EVENT_ID.name] is None]
    orders = {row["order_id"] for row in known}
    live = tables_of(events)["transactions"].to_pylist()
    rows = [*known, *(row for row in live if row["order_id"] not in orders)]
    return [row for row in rows if row[REPLACED.name] is None]


def _interactions(known: Sequence[dict[str, Any]], events: Sequence[Logged]) -> list[dict[str, Any]]:
    """Return interactions, each once, with what was written about those that came as events."""
    texts: dict[tuple[str, datetime], list[str | None]] = {}
    for one in events:
        texts.setdefault((one.event.kind, one.happened), []).append(getattr(one.event, "text", None))
    there = {(row["kind"], row["event_timestamp"]) for row in known}
    live = tables_of(events)["interactions"].to_pylist()
    rows = [*known, *(row for row in live if (row["kind"], row["event_timestamp"]) not in there)]
    return [{**row, "text": _next(texts.get((row["kind"], row["event_timestamp"])))} for row in rows]


def _next(texts: list[str | None] | None) -> str | None:
    """Take the first of the texts of one kind and moment."""
    return texts.pop(0) if texts else None


def _purchases(lines: Sequence[dict[str, Any]], names: Mapping[str, str]) -> list[Entry]:
    orders: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        orders.setdefault(line["order_id"], []).append(line)
    return [_purchase(of_order, names) for of_order in orders.values()]


def _purchase(lines: Sequence[dict[str, Any]], names: Mapping[str, str]) -> Entry:
    first = min(lines, key=lambda line: line["event_timestamp"])
    dearest = sorted(lines, key=lambda line: line["amount"], reverse=True)
    products = dict.fromkeys(names.get(line["product_id"], line["product_id"]) for line in dearest)
    return Entry(
        at=first["event_timestamp"],
        kind="purchase",
        amount=sum(line["amount"] for line in lines),
        lines=len(lines),
        products=tuple(products)[:_NAMED],
        channel=first["channel"],
    )


def _interaction(row: dict[str, Any], names: Mapping[str, str]) -> Entry:
    product = row["product_id"]
    return Entry(
        at=row["event_timestamp"],
        kind=row["kind"],
        amount=row["value"],
        products=() if product is None else (names.get(product, product),),
        channel=row["channel"],
        label=row["campaign_id"],
        text=row["text"],
    )


def _contracts(known: Sequence[dict[str, Any]], events: Sequence[Logged]) -> list[Entry]:
    """Return the beginning of each contract and its end; an event since changes its contract."""
    contracts = {(row["contract_id"], row["start_timestamp"]): row for row in known}
    for row in tables_of(events)["subscriptions"].to_pylist():
        key = next((one for one in contracts if _is_same(one, row)), (row["contract_id"], row["start_timestamp"]))
        stated = {name: value for name, value in row.items() if value is not None}
        contracts[key] = {**contracts.get(key, row), **stated, "end_timestamp": row["end_timestamp"]}
    begun = [
        Entry(at=row["start_timestamp"], kind="contract", amount=row["price"], label=row["plan"])
        for row in contracts.values()
    ]
    ended = [
        Entry(at=row["end_timestamp"], kind="contract_end", label=row["plan"])
        for row in contracts.values()
        if row["end_timestamp"] is not None
    ]
    return begun + ended


def _is_same(key: tuple[str | None, datetime], row: Mapping[str, Any]) -> bool:
    """Return whether an event is about a contract: without an id, it is that with the same start."""
    contract, start = key
    return start == row["start_timestamp"] and (contract is None or row["contract_id"] in {None, contract})
