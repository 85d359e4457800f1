"""The products that can be offered, with their attributes and their statistics of the day."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.vectors import Columns, Floats

Codes = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]
STATISTICS = (
    "product_baskets",
    "product_buyers",
    "product_baskets_28d",
    "product_new_buyers_28d",
    "product_trend",
    "product_price",
    "product_repeat_rate",
    "product_cycle_days",
)
_ATTRIBUTES = ("name", "type", "tier", "size")


@dataclass(frozen=True)
class Catalogue:
    """Products by code; a product's code is its place in every array.

    Attributes
    ----------
    ids, names, types, tiers, sizes
        Attributes; an unknown one is an empty text.
    type_codes
        Code of the product's type among `type_names`; products of no known type share one code.
    statistics
        The features of `product_statistics`, NaN where a product has none.
    """

    ids: Texts
    names: Texts
    types: Texts
    tiers: Texts
    sizes: Texts
    statistics: Columns
    type_codes: Codes = field(init=False)
    type_names: Texts = field(init=False)
    index: pd.Index = field(init=False)

    def __post_init__(self) -> None:
        names, codes = np.unique(self.types.astype(str), return_inverse=True)
        object.__setattr__(self, "type_names", names.astype(object))
        object.__setattr__(self, "type_codes", codes.astype("int64"))
        object.__setattr__(self, "index", pd.Index(self.ids))

    def __len__(self) -> int:
        return len(self.ids)

    def codes(self, ids: Sequence[str]) -> Codes:
        """Return the codes of product ids, -1 for one that is not in the catalogue."""
        return np.asarray(self.index.get_indexer(pd.Index(ids)), dtype="int64")

    def label(self, code: int) -> str:
        """Return what to call a product in a sentence: its name, else its id."""
        return str(self.names[code]) or str(self.ids[code])

    def with_statistics(self, statistics: Columns) -> "Catalogue":
        """Return the same products with other statistics, aligned with the codes."""
        return replace(self, statistics=statistics)

    def save(self, directory: Path) -> None:
        """Write the catalogue as one Parquet file."""
        attributes = {
            "product_id": self.ids,
            "name": self.names,
            "type": self.types,
            "tier": self.tiers,
            "size": self.sizes,
        }
        pd.DataFrame({**attributes, **self.statistics}).to_parquet(directory / "catalogue.parquet")

    @classmethod
    def load(cls, directory: Path) -> "Catalogue":
        """Read what `save` wrote."""
        return _from_frame(pd.read_parquet(directory / "catalogue.parquet"))


def make_catalogue(products: pd.DataFrame, statistics: pd.DataFrame, min_baskets: int) -> Catalogue:
    """Take the products with enough baskets that are not inactive; one without attributes is active.

    Parameters
    ----------
    products
        Contract table of products.
    statistics
        `product_id` and the features of `product_statistics` at one moment.
    min_baskets
        Baskets before the moment that a product needs; `product_baskets` counts them.
    """
    offered = statistics[statistics["product_baskets"] >= min_baskets]
    known = products.rename(columns={"brand_tier": "tier"})
    joined = offered.merge(known[["product_id", *_ATTRIBUTES, "active"]], on="product_id", how="left")
    active = joined["active"].astype("boolean").fillna(value=True)
    return _from_frame(joined[active].sort_values("product_id", ignore_index=True))


def _from_frame(frame: pd.DataFrame) -> Catalogue:
    texts = {name: frame[name].fillna("").to_numpy(dtype=object) for name in ("product_id", *_ATTRIBUTES)}
    statistics = {name: frame[name].to_numpy(dtype="float64") for name in STATISTICS}
    return Catalogue(texts["product_id"], texts["name"], texts["type"], texts["tier"], texts["size"], statistics)


def popularity(catalogue: Catalogue) -> Floats:
    """Return the baskets of the last 28 days of each product, 0 where there are none."""
    return np.nan_to_num(catalogue.statistics["product_baskets_28d"])
