"""What the business allows: a file of rules that every list of offers keeps, wherever it is made."""

import logging
import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.errors import ConfigError
from training.next_product.candidates.types import types_of
from training.next_product.catalogue import Catalogue, Codes
from training.next_product.history import History

_log = logging.getLogger(__name__)
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Block(_Part):
    """What is never offered."""

    products: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = Field(
        (), description="Products that never stand in one list, nor one where the customer bought the other"
    )


class Pinned(_Part):
    """A product that stands in the lists it belongs to, unless it was bought just now, from a date up to another."""

    campaign: str
    product: str
    start: date = Field(alias="from")
    end: date = Field(alias="until", description="Exclusive")
    place: Count = 1
    buyers_of: tuple[str, ...] = Field((), description="Types; only for customers who bought one of them")

    @model_validator(mode="after")
    def _in_order(self) -> "Pinned":
        if self.start >= self.end:
            raise ValueError(f"expected `from` before `until`, found {self.start} and {self.end}")
        return self


class Rules(_Part):
    """The content of a rules file; without one, only a withdrawn consent is kept."""

    consent: Literal["not_withdrawn", "given", "ignored"] = Field(
        "not_withdrawn", description="Who gets offers: all but those who withdrew, only those who agreed, or everybody"
    )
    max_per_category: Count | None = None
    max_per_type: Count | None = None
    long_tail: Share = Field(0.0, description="Share of the places for products outside the most popular 1 %")
    arrivals: Annotated[int, Field(ge=0)] = Field(1, description="Places for new products, in lists of three or more")
    facts: Path | None = Field(None, description="CSV or Parquet file: product_id, stock, margin (share of the price)")
    min_margin: float | None = Field(None, description="Products of a lower or unknown margin are not offered")
    block: Block = Block()
    pinned: tuple[Pinned, ...] = ()

    @model_validator(mode="after")
    def _margins_are_known(self) -> "Rules":
        if self.min_margin is not None and self.facts is None:
            raise ValueError("expected `facts`, the file with the margins, beside `min_margin`")
        return self


def load_rules(path: Path | None) -> Rules:
    """Read a rules file; None is no file. A relative `facts` lies beside it.

    Raises
    ------
    ConfigError
        If the file cannot be read, or says something that is no rule.
    """
    if path is None:
        return Rules()
    try:
        rules = Rules.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"The rules cannot be read: {error}.", "Correct serving.rules or the file.") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise ConfigError(
            f"{path}: {place} = {first['input']!r}: {first['msg'].removeprefix('Value error, ')}.",
            "Correct the file; docs/offers.md lists every rule.",
        ) from error
    return rules.model_copy(update={"facts": path.parent / rules.facts}) if rules.facts is not None else rules


def read_facts(rules: Rules) -> pd.DataFrame | None:
    """Return stock, and margin where it counts, by product id; None where the rules name no file of facts.

    Raises
    ------
    ConfigError
        If the file cannot be read, or tells no such numbers of each product once.
    """
    path = rules.facts
    if path is None:
        return None
    columns = ["stock"] if rules.min_margin is None else ["stock", "margin"]
    try:
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype={"product_id": str})
        facts: pd.DataFrame = frame.set_index(frame["product_id"].astype(str))[columns].apply(pd.to_numeric)
        if not facts.index.is_unique:
            raise ValueError(f"product {facts.index[facts.index.duplicated()][0]} twice")
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            f"{path}: expected columns product_id, stock and, with min_margin, margin, a row per product; found: "
            f"{error}.",
            "Correct the file, or `facts` in the rules.",
        ) from error
    return facts


def changed(*files: Path | None) -> tuple[str, ...]:
    """Return when each file was last written, so that whoever asks again sees whether it was since."""
    return tuple("" if file is None or not file.is_file() else str(file.stat().st_mtime_ns) for file in files)


@dataclass(frozen=True)
class Policy:
    """Rules in the codes of a catalogue.

    Attributes
    ----------
    allowed
        Products that may be offered.
    pinned_codes
        Codes of all pinned products, -1 for one that is not in the catalogue.
    """

    rules: Rules
    catalogue: Catalogue
    allowed: npt.NDArray[np.bool_] = field(init=False)
    pinned_codes: Codes = field(init=False)
    _rivals: dict[int, frozenset[int]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "allowed", self._allowed())
        object.__setattr__(self, "pinned_codes", self._codes([pin.product for pin in self.rules.pinned]))
        object.__setattr__(self, "_rivals", self._pairs())
        self._warn_of("type", [kind for pin in self.rules.pinned for kind in pin.buyers_of])

    def withholds(self, history: History) -> bool:
        """Tell whether the customer gets no offers for want of consent."""
        if self.rules.consent == "ignored":
            return False
        return history.consent is False or (self.rules.consent == "given" and history.consent is None)

    def pinned(self, history: History, moment: datetime) -> list[tuple[Pinned, int]]:
        """Return what is pinned for a customer at a moment, with its code, by place."""
        day = moment.astimezone(UTC).date()
        bought = set(self.catalogue.types.names[types_of(history, self.catalogue)].tolist())
        found = []
        for pin, code in zip(self.rules.pinned, self.pinned_codes.tolist(), strict=True):
            runs = pin.start <= day < pin.end and (not pin.buyers_of or bought & set(pin.buyers_of))
            if code >= 0 and runs and self.allowed[code]:
                found.append((pin, code))
        return sorted(found, key=lambda item: item[0].place)

    @cached_property
    def head(self) -> frozenset[int]:
        """The most popular 1 %."""
        return frozenset(self.catalogue.head.tolist())

    def tail_places(self, limit: int) -> int:
        """Return how many places of a list are for the long tail."""
        return math.ceil(self.rules.long_tail * limit - 1e-9)

    def rivals(self, code: int) -> frozenset[int]:
        """Return the products that never stand beside this one."""
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
        for group, names in (("type", self.rules.block.types), ("category", self.rules.block.categories)):
            self._warn_of(group, names)
            allowed &= ~np.isin(self.catalogue.texts[group], list(names))
        facts = read_facts(self.rules)
        if facts is not None:
            told = facts.reindex(self.catalogue.ids)
            allowed &= ~(told["stock"] <= 0).to_numpy()
            if self.rules.min_margin is not None:
                allowed &= (told["margin"] >= self.rules.min_margin).to_numpy()
        return allowed

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
