"""The rules file of the business, which every list of offers keeps."""

import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, get_args

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.errors import ConfigError
from features.contract.ids import AskedId, canonical_id

Kind = Literal["repeat", "cross_sell", "up_sell", "next"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class BlockedKinds(_Part):
    """Products that are never offered as some kinds, such as tobacco to customers who never bought it."""

    types: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_some(self) -> "BlockedKinds":
        if not self.types and not self.categories:
            raise ValueError("expected `types` or `categories`, found neither")
        return self


class Block(_Part):
    """Products that are never offered."""

    products: tuple[AskedId, ...] = ()
    types: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    kinds: tuple[BlockedKinds, ...] = Field((), description="Products that are offered as other kinds only")
    pairs: tuple[tuple[AskedId, AskedId], ...] = Field(
        (), description="Products that are never in the same list, nor one where the customer bought the other"
    )


class Pinned(_Part):
    """A product that is in the lists it belongs to, unless it was bought just now, from a date up to another."""

    campaign: str
    product: AskedId
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
        "not_withdrawn", description="Who gets offers: all but those who withdrew, only those who agreed, or all"
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
        If the file cannot be read, or has an entry that is no rule.
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
        If the file cannot be read, or does not have these numbers once for each product.
    """
    path = rules.facts
    if path is None:
        return None
    columns = ["stock"] if rules.min_margin is None else ["stock", "margin"]
    try:
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype={"product_id": str})
        facts: pd.DataFrame = frame.set_index(frame["product_id"].astype(str).map(canonical_id))[columns].apply(
            pd.to_numeric
        )
        if not facts.index.is_unique:
            raise ValueError(f"product {facts.index[facts.index.duplicated()][0]} twice")
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            f"{path}: expected columns product_id, stock and, with min_margin, margin, a row per product; found: "
            f"{error}.",
            "Correct the file, or `facts` in the rules.",
        ) from error
    return facts
