"""The rules file, applied to a catalogue."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt

from features.contract.unmatched import unmatched
from training.next_product.candidates.types import types_of
from training.next_product.catalogue import Catalogue, Codes
from training.next_product.history import History
from training.next_product.offers.rules import KINDS, Block, BlockedKinds, Kind, Pinned, Rules, read_facts

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Policy:
    """Rules in the codes of a catalogue.

    Attributes
    ----------
    allowed
        Products that may be offered.
    allowed_as
        By kind, the products that may be offered as this kind.
    pinned_codes
        Codes of all pinned products, -1 for one that is not in the catalogue.
    """

    rules: Rules
    catalogue: Catalogue
    allowed: npt.NDArray[np.bool_] = field(init=False)
    allowed_as: Mapping[Kind, npt.NDArray[np.bool_]] = field(init=False)
    pinned_codes: Codes = field(init=False)
    _rivals: dict[int, frozenset[int]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "allowed", self._allowed())
        object.__setattr__(self, "allowed_as", self._allowed_as())
        object.__setattr__(self, "pinned_codes", self._codes([pin.product for pin in self.rules.pinned]))
        object.__setattr__(self, "_rivals", self._pairs())
        self._warn_of("type", [kind for pin in self.rules.pinned for kind in pin.buyers_of])

    def withholds(self, history: History) -> bool:
        """Return whether the customer gets no offers because consent is missing."""
        if self.rules.consent == "ignored":
            return False
        return history.consent is False or (self.rules.consent == "given" and history.consent is None)

    def pinned(self, history: History, moment: datetime) -> list[tuple[Pinned, int]]:
        """Return the products pinned for a customer at a moment, each with its code, by place."""
        if not self.rules.pinned:
            return []
        day = moment.astimezone(UTC).date()
        bought = set(self.catalogue.types.names[types_of(history, self.catalogue)].tolist())
        pinned = []
        for pin, code in zip(self.rules.pinned, self.pinned_codes.tolist(), strict=True):
            runs = pin.start <= day < pin.end and (not pin.buyers_of or bought & set(pin.buyers_of))
            if code >= 0 and runs and self.allowed[code]:
                pinned.append((pin, code))
        return sorted(pinned, key=lambda item: item[0].place)

    @cached_property
    def head(self) -> frozenset[int]:
        """The most popular 1 %."""
        return frozenset(self.catalogue.head.tolist())

    def tail_places(self, limit: int) -> int:
        """Return how many places of a list are for the long tail."""
        return math.ceil(self.rules.long_tail * limit - 1e-9)

    def rivals(self, code: int) -> frozenset[int]:
        """Return the products that are never in a list with this one."""
        return self._rivals.get(code, frozenset())

    def _pairs(self) -> dict[int, frozenset[int]]:
        pairs: dict[int, set[int]] = {}
        for pair in self.rules.block.pairs:
            first, second = self._codes(pair).tolist()
            if first >= 0 and second >= 0:
                pairs.setdefault(first, set()).add(second)
                pairs.setdefault(second, set()).add(first)
        return {code: frozenset(others) for code, others in pairs.items()}

    def _allowed(self) -> npt.NDArray[np.bool_]:
        allowed = np.ones(len(self.catalogue), dtype=bool)
        blocked = self._codes(self.rules.block.products)
        allowed[blocked[blocked >= 0]] = False
        allowed &= ~self._of_groups(self.rules.block)
        facts = read_facts(self.rules)
        if facts is not None:
            of_none = unmatched("the facts", facts.index.tolist(), "products that can be offered", self.catalogue.ids)
            if of_none is not None and (of_none.alike or of_none.lacking == of_none.there):
                _log.warning(of_none.text)
            known = facts.reindex(self.catalogue.ids)
            allowed &= ~(known["stock"] <= 0).to_numpy()
            if self.rules.min_margin is not None:
                allowed &= (known["margin"] >= self.rules.min_margin).to_numpy()
        return allowed

    def _allowed_as(self) -> dict[Kind, npt.NDArray[np.bool_]]:
        allowed = {kind: self.allowed.copy() for kind in KINDS}
        for blocked in self.rules.block.kinds:
            products = self._of_groups(blocked)
            for kind in blocked.kinds:
                allowed[kind] &= ~products
        return allowed

    def _of_groups(self, blocked: Block | BlockedKinds) -> npt.NDArray[np.bool_]:
        """Tell which products are of the types or categories of a rule."""
        inside = np.zeros(len(self.catalogue), dtype=bool)
        for group, names in (("type", blocked.types), ("category", blocked.categories)):
            self._warn_of(group, names)
            inside |= np.isin(self.catalogue.texts[group], list(names))
        return inside

    def _warn_of(self, group: str, names: Sequence[str]) -> None:
        unknown = set(names) - set(self.catalogue.groups[group].names.tolist())
        if unknown:
            _log.warning("Rules name a %s that no product has: %s", group, ", ".join(sorted(unknown)))

    def _codes(self, ids: Sequence[str]) -> Codes:
        codes = self.catalogue.codes(ids) if ids else np.zeros(0, dtype="int64")
        unknown = [product for product, code in zip(ids, codes.tolist(), strict=True) if code < 0]
        if unknown:
            _log.warning("Rules name products that are not in the catalogue: %s", ", ".join(unknown))
        return codes
