"""The products that can be offered, with their attributes and their statistics of the day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.arrays import Columns, Floats
from features.views.sizes import measured
from training.next_product.settings import NextProductSettings

Codes = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]
STATISTICS = (
    "product_baskets",
    "product_buyers",
    "product_baskets_7d",
    "product_baskets_28d",
    "product_new_buyers_7d",
    "product_new_buyers_28d",
    "product_trend",
    "product_price",
    "product_repeat_rate",
    "product_cycle_days",
)
#: New products for a customer are looked for among this many of the most popular ones.
SHELF = 5000
#: Texts that products are grouped by.
GROUPS = ("type", "category", "brand")
_TEXTS = ("product_id", "name", *GROUPS, "tier", "unit")


@dataclass(frozen=True)
class Groups:
    """What products belong to.

    Attributes
    ----------
    names
        Each group once, sorted; products of no known group share the empty name.
    codes
        Per product its group's place in `names`.
    """

    names: Texts
    codes: Codes

    @classmethod
    def of(cls, texts: Texts) -> "Groups":
        """Group products by a text."""
        names, codes = np.unique(texts.astype(str), return_inverse=True)
        return cls(names.astype(object), codes.astype("int64"))

    def __len__(self) -> int:
        return len(self.names)

    def places(self, names: Sequence[str]) -> Codes:
        """Return the places of some names, -1 for one that is none of the groups."""
        return _looked_up(self._place_by_name, names)

    @cached_property
    def _place_by_name(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    @cached_property
    def known(self) -> npt.NDArray[np.bool_]:
        """Which groups have a name."""
        return np.asarray(self.names != "", dtype=bool)

    def members(self, places: Codes) -> Codes:
        """Return the products of some groups, each group once, in the order of their codes."""
        order, bounds = self._by_group
        parts = [order[bounds[place] : bounds[place + 1]] for place in places]
        return np.sort(np.concatenate(parts)) if parts else np.zeros(0, dtype="int64")

    @cached_property
    def _by_group(self) -> tuple[Codes, Codes]:
        """Products in the order of their groups, and where each group begins; the last one ends where another would."""
        counts = np.bincount(self.codes, minlength=len(self))
        return np.argsort(self.codes, kind="stable"), np.concatenate([[0], np.cumsum(counts)])

    def sums(self, weights: Floats, codes: Codes | None = None) -> Floats:
        """Add up weights by group: those of all products, or of the products `codes`."""
        groups = self.codes if codes is None else self.codes[codes]
        return np.bincount(groups, weights=weights, minlength=len(self)).astype("float64")


@dataclass(frozen=True)
class Catalogue:
    """Products by code; a product's code is its place in every array.

    Attributes
    ----------
    texts
        `product_id`, `name`, `type`, `category`, `brand`, `tier` and `unit`; an unknown one is an empty text.
    contents
        How much of `unit` a package holds; NaN where its measure is not the usual one of its type.
    introduced
        When the product came into the range, seconds since 1970; NaN where it is not known.
    arrivals
        Products too new to have enough baskets.
    statistics
        The features of `product_statistics`, NaN where a product has none.
    """

    texts: Mapping[str, Texts]
    contents: Floats
    introduced: Floats
    arrivals: npt.NDArray[np.bool_]
    statistics: Columns

    def __len__(self) -> int:
        return len(self.contents)

    @property
    def ids(self) -> Texts:
        """The products' ids."""
        return self.texts["product_id"]

    @cached_property
    def groups(self) -> dict[str, "Groups"]:
        """What products belong to, by `GROUPS`."""
        return {name: Groups.of(self.texts[name]) for name in GROUPS}

    @property
    def types(self) -> "Groups":
        """The types of the products."""
        return self.groups["type"]

    @cached_property
    def unit_prices(self) -> Floats:
        """Regular price per unit of the type's usual measure; NaN where it cannot be compared."""
        return self.statistics["product_price"] / self.contents

    @cached_property
    def popularity(self) -> Floats:
        """Baskets of the last 28 days of each product, 0 where there are none."""
        return np.nan_to_num(self.statistics["product_baskets_28d"])

    @cached_property
    def new_buyers(self) -> dict[int, Floats]:
        """Per product the customers who bought it for the first time in the last 7 and 28 days, as many as in 28."""
        return {days: np.nan_to_num(self.statistics[f"product_new_buyers_{days}d"]) * 28 / days for days in (7, 28)}

    @cached_property
    def features(self) -> Columns:
        """The statistics, and per product the baskets of its type in the last 28 days and their trend."""
        before = (self.popularity + 1) / np.nan_to_num(self.statistics["product_trend"], nan=1.0) - 1
        now, earlier = self.types.sums(self.popularity), self.types.sums(before)
        by_type = {"type_baskets_28d": now, "type_trend": (now + 1) / (earlier + 1)}
        return self.statistics | {name: values[self.types.codes] for name, values in by_type.items()}

    @cached_property
    def head(self) -> Codes:
        """The most popular 1 % of the products."""
        count = max(1, len(self) // 100)
        return np.argsort(-self.popularity, kind="stable")[:count]

    @cached_property
    def shelf(self) -> Codes:
        """The most popular products, among which those that a customer never bought are looked for."""
        return np.argsort(-self.popularity, kind="stable")[:SHELF]

    def codes(self, ids: Sequence[str]) -> Codes:
        """Return the codes of product ids, -1 for one that is not in the catalogue."""
        return _looked_up(self._code_by_id, ids)

    @cached_property
    def _code_by_id(self) -> dict[str, int]:
        return {product: code for code, product in enumerate(self.ids)}

    def label(self, code: int) -> str:
        """Return what to call a product in a sentence: its name, else its id."""
        return str(self.texts["name"][code]) or str(self.ids[code])

    def on_day(self, statistics: Columns, moment: datetime, settings: NextProductSettings) -> "Catalogue":
        """Return the same products with the statistics of another day, aligned with the codes, and its arrivals."""
        arrivals = _arrivals(self.introduced, statistics["product_baskets"], moment, settings)
        return replace(self, statistics=statistics, arrivals=arrivals)

    def save(self, directory: Path) -> None:
        """Write the catalogue as one Parquet file."""
        frame = pd.DataFrame({**self.texts, "contents": self.contents, "introduced": self.introduced})
        frame = frame.assign(arrival=self.arrivals, **self.statistics)
        frame.to_parquet(directory / "catalogue.parquet")

    @classmethod
    def load(cls, directory: Path) -> "Catalogue":
        """Read what `save` wrote."""
        return _from_frame(pd.read_parquet(directory / "catalogue.parquet"))


def _looked_up(places: Mapping[str, int], names: Sequence[str]) -> Codes:
    return np.array([places.get(name, -1) for name in names], dtype="int64")


def make_catalogue(
    products: pd.DataFrame, statistics: pd.DataFrame, moment: datetime, settings: NextProductSettings
) -> Catalogue:
    """Take the products with enough baskets, or new enough to need none, that are not inactive.

    A product without attributes is active.

    Parameters
    ----------
    products
        Contract table of products.
    statistics
        `product_id` and the features of `product_statistics` at the moment.
    """
    known = products.rename(columns={"brand_tier": "tier"}).merge(measured(products).drop(columns="type"))
    introduced = pd.to_datetime(known["introduced_timestamp"], utc=True)
    known["introduced"] = introduced.dt.as_unit("s").astype("int64").where(introduced.notna()).astype("float64")
    joined = statistics.merge(known[[*_TEXTS, "contents", "active", "introduced"]], on="product_id", how="outer")
    since, baskets = (joined[name].to_numpy(dtype="float64") for name in ("introduced", "product_baskets"))
    joined["arrival"] = _arrivals(since, baskets, moment, settings)
    active = joined["active"].astype("boolean").fillna(value=True)
    offered = joined[((joined["product_baskets"] >= settings.min_baskets) | joined["arrival"]) & active]
    return _from_frame(offered.sort_values("product_id", ignore_index=True))


def _arrivals(
    introduced: Floats, baskets: Floats, moment: datetime, settings: NextProductSettings
) -> npt.NDArray[np.bool_]:
    """Tell which products are new, by seconds since 1970, and have too few baskets to be offered otherwise."""
    age = moment.timestamp() - introduced
    new = (age > 0) & (age <= settings.arrival_days * 86_400)
    return np.asarray(new & ~(baskets >= settings.min_baskets))


def _from_frame(frame: pd.DataFrame) -> Catalogue:
    texts = {name: frame[name].fillna("").to_numpy(dtype=object) for name in _TEXTS}
    numbers = ("contents", "introduced", *STATISTICS)
    contents, introduced, *statistics = (frame[name].to_numpy(dtype="float64") for name in numbers)
    arrivals = frame["arrival"].to_numpy(dtype=bool)
    return Catalogue(texts, contents, introduced, arrivals, dict(zip(STATISTICS, statistics, strict=True)))
