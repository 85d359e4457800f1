"""Which customers of the score table somebody looks for: by id, by what is on file, among a segment's members."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from core.settings import Settings
from features.contract.ids import canonical_id
from serving.scoring.attributes import attributes, having
from serving.scoring.listing import Listing
from serving.segments.rules import Rule
from serving.segments.service import Segments, Source

#: Searches ids alone.
BY_ID = "customer_id"


@dataclass(frozen=True)
class Wanted:
    """What somebody looks for.

    Attributes
    ----------
    text
        A search; empty searches nothing.
    within
        The attribute to search, or `BY_ID`. Empty searches ids, and attributes where no id begins with the text.
    segment
        Name of a segment whose members are looked for; empty are all customers.
    """

    text: str = ""
    within: str = ""
    segment: str = ""


@dataclass(frozen=True)
class Narrowed:
    """A listing of the customers who were looked for.

    Attributes
    ----------
    by
        What the search has looked at; None without one.
    rule
        Of a segment that follows it; None without one, and of members that were frozen.
    """

    listing: Listing
    by: Literal["id", "attribute"] | None = None
    rule: Rule | None = None


def narrow(listing: Listing, wanted: Wanted, segments: Segments, source: Source, settings: Settings) -> Narrowed:
    """Keep the customers of a listing who are looked for.

    Raises
    ------
    UnknownSegmentError
        If there is no segment of the name.
    StoreError
        If a store cannot be read.
    """
    found = Narrowed(listing)
    if wanted.segment:
        segment = segments.one(wanted.segment, source).definition
        members = segments.store.members(segment.name)
        found = Narrowed(_among(listing, members), rule=segment.rule if segment.kind == "following" else None)
    text = canonical_id(wanted.text)
    if not text:
        return found
    if _searches_ids(wanted, text, segments):
        return replace(found, listing=replace(found.listing, begins=text), by="id")
    names = [name for name in attributes(settings) if wanted.within in {"", name}]
    return replace(found, listing=_among(found.listing, having(settings, text, names)), by="attribute")


def _searches_ids(wanted: Wanted, text: str, segments: Segments) -> bool:
    if wanted.within:
        return wanted.within == BY_ID
    return segments.table.count(Listing({}, {}, {}, begins=text), 1) > 0


def _among(listing: Listing, customers: Collection[str]) -> Listing:
    before = listing.among
    return replace(listing, among=frozenset(customers) if before is None else frozenset(customers).intersection(before))
