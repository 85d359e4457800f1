"""Facts about products that match no product: most often the same ids, written in two ways."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

#: This many are shown as examples.
_SHOWN = 3
#: Fewer digits are part of many ids.
_DIGITS = 3


@dataclass(frozen=True)
class Unmatched:
    """Facts whose products do not occur where they should.

    Attributes
    ----------
    source
        Where the facts are: a file, or what else a message calls it.
    place
        Where the products should occur, in the plural.
    products, unmatched
        How many products there are facts about, and how many of these do not occur in the place.
    there, lacking
        How many products occur in the place, and how many of these the source has no facts about.
    alike
        How many of the unmatched differ from a product that lacks facts in signs, zeros, blanks or capitals alone.
    few
        Whether the source is about some products only, as rules are, so that all others lack nothing.
    examples
        Some of the unmatched, those that are alike first, each with the product that it may be, or None.
    """

    source: str
    place: str
    products: int
    unmatched: int
    there: int
    lacking: int
    alike: int
    few: bool
    examples: tuple[tuple[str, str | None], ...]

    @property
    def text(self) -> str:
        """What was found, and what to do."""
        shown = ", ".join(f"{name} ({self.place} have {other})" if other else name for name, other in self.examples)
        found = (
            f"{self.unmatched:,} of {self.products:,} products of {self.source} do not occur in {self.place}, such as "
            f"{shown}"
        )
        found += "." if self.few else f"; {self.lacking:,} of {self.there:,} products in {self.place} are not in it."
        if self.alike:
            return (
                f"{found} {self.alike:,} of the ids are probably written in two ways. Write them in one, for example "
                "with an expression in `columns`."
            )
        return f"{found} Check that both name products by the same id."


def unmatched(
    source: str, facts: Collection[str], place: str, there: Collection[str], *, few: bool = False
) -> Unmatched | None:
    """Compare the products of facts with those of the place where they should occur.

    Parameters
    ----------
    few
        See `Unmatched`.

    Returns
    -------
    None where all facts match, and where no product lacks any: a catalogue has products that nobody bought.
    """
    known, wanted = set(facts), set(there)
    lost, lacking = known - wanted, wanted - known
    if not lost or not (lacking or few):
        return None
    alike = _alike(sorted(lost), lacking)
    names = [*alike, *(name for name in sorted(lost) if name not in alike)]
    examples = tuple((name, alike.get(name)) for name in names[:_SHOWN])
    return Unmatched(source, place, len(known), len(lost), len(wanted), len(lacking), len(alike), few, examples)


def _alike(names: Sequence[str], others: Collection[str]) -> dict[str, str]:
    """Return the names that are another one in a loose spelling, with that; what could be several is none."""
    found: dict[str, str] = {}
    for key in (_loose, _number):
        by_key: dict[str, str | None] = {}
        for other in others:
            by_key[key(other)] = None if key(other) in by_key else other
        for name in names:
            alike = by_key.get(key(name)) if key(name) else None
            if alike is not None and name not in found:
                found[name] = alike
    return found


def _loose(name: str) -> str:
    """Return an id without signs, capitals and leading zeros."""
    return re.sub(r"[\W_]+", "", name.casefold()).lstrip("0")


def _number(name: str) -> str:
    """Return the digits of an id, without leading zeros; nothing where they are few."""
    digits = re.sub(r"\D+", "", name).lstrip("0")
    return digits if len(digits) >= _DIGITS else ""
