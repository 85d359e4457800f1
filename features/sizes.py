"""How much is in a package: sizes as texts, such as "6 PK/12 OZ", to an amount and its unit.

Prices of packages can only be compared per unit; what cannot be read counts as one package.
"""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

Unit = Literal["g", "ml", "piece", "package"]

#: Units by their names: what they measure, and how much of it. An ounce is taken as one of weight unless it says "fl".
_UNITS: dict[str, tuple[Unit, float]] = {
    **dict.fromkeys(("OZ", "Z", "OUNCE", "OUNCES"), ("g", 28.349523)),
    **dict.fromkeys(("LB", "LBS", "POUND", "POUNDS"), ("g", 453.59237)),
    **dict.fromkeys(("G", "GM", "GR", "GRAM", "GRAMS", "克"), ("g", 1.0)),
    **dict.fromkeys(("KG", "公斤", "千克"), ("g", 1000.0)),
    "FLOZ": ("ml", 29.573530),
    **dict.fromkeys(("PT", "PINT"), ("ml", 473.176473)),
    **dict.fromkeys(("QT", "QUART"), ("ml", 946.352946)),
    **dict.fromkeys(("GA", "GAL", "GALLON"), ("ml", 3785.411784)),
    **dict.fromkeys(("ML", "毫升"), ("ml", 1.0)),
    "CL": ("ml", 10.0),
    **dict.fromkeys(("L", "LT", "LTR", "LITER", "LITRE", "升"), ("ml", 1000.0)),
    **dict.fromkeys(("CT", "PK", "PC", "PCS", "EA", "ROLL", "ROLLS", "LOAD", "LOADS", "LD", "LDS"), ("piece", 1.0)),
    **dict.fromkeys(("DZ", "DOZ", "DOZEN"), ("piece", 12.0)),
}
#: The longest name first, and none that goes on with another letter.
_UNIT = rf"({'|'.join(sorted(_UNITS, key=len, reverse=True))})(?![A-Z])".replace("FLOZ", r"FL\.?\s*OZ")
_NUMBER = r"(\d*\.\d+|\d+)"
_PACKS = r"(?:PK|CT|P)"
#: Not the end of a longer number, of a range or of a measure in two directions, such as 3-3.5 OZ or 2 X2 IN.
_START = r"(?<![\d/.X-])"
#: 6 PK/12 OZ, 6 PK 12 OZ
_PACKS_OF = re.compile(rf"{_START}(\d+)\s*{_PACKS}\s*[/X]?\s*{_NUMBER}\s*{_UNIT}")
#: 12 OZ/6 PK
_OF_PACKS = re.compile(rf"{_START}{_NUMBER}\s*{_UNIT}\s*[/X]\s*(\d+)\s*{_PACKS}(?![A-Z])")
#: 13 1/2 OZ, 1/2 GAL
_FRACTION = re.compile(rf"{_START}(?:(\d+)\s+)?([123])/([234])\s*{_UNIT}")
#: 6/12 OZ, 6 X 12 OZ
_TIMES = re.compile(rf"{_START}(\d+)\s*[/X]\s*{_NUMBER}\s*{_UNIT}")
#: 16 OZ
_PLAIN = re.compile(rf"{_START}{_NUMBER}\s*-?\s*{_UNIT}")


@dataclass(frozen=True)
class Size:
    """What a package holds: `amount` in units of `unit`."""

    amount: float
    unit: Unit


#: What is not known to hold anything is compared as a whole.
PACKAGE = Size(1.0, "package")


def parse_size(text: str | None) -> Size:
    """Read a size; one that cannot be read, or that says nothing, is one package."""
    told = (text or "").upper().strip()
    if of := _PACKS_OF.search(told):
        return _size(float(of[1]) * float(of[2]), of[3])
    if of := _OF_PACKS.search(told):
        return _size(float(of[1]) * float(of[3]), of[2])
    if (of := _FRACTION.search(told)) and int(of[2]) < int(of[3]):
        return _size(float(of[1] or 0) + int(of[2]) / int(of[3]), of[4])
    if of := _TIMES.search(told):
        return _size(float(of[1]) * float(of[2]), of[3])
    if of := _PLAIN.search(told):
        return _size(float(of[1]), of[2])
    return _size(1.0, told) if told in _UNITS else PACKAGE


def measured(products: pd.DataFrame) -> pd.DataFrame:
    """Say what each product holds, in the measure that most products of its type come in.

    Parameters
    ----------
    products
        Contract table of products, at least `product_id`, `type` and `size`.

    Returns
    -------
    One row per product: `product_id`, `type`, `unit` (the type's) and `contents` (how many of it; NaN where the
    product comes in another measure, so that its price cannot be compared).
    """
    sizes = {text: parse_size(text) for text in products["size"].dropna().unique()}
    read = [sizes.get(text, PACKAGE) for text in products["size"]]
    frame = products[["product_id", "type"]].assign(unit=[s.unit for s in read], contents=[s.amount for s in read])
    counts = frame.groupby(["type", "unit"]).size().reset_index(name="products")
    usual = counts.sort_values(["products", "unit"]).groupby("type")["unit"].last()
    usual_unit = frame["type"].map(usual)
    frame["contents"] = frame["contents"].where(frame["unit"] == usual_unit, np.nan)
    return frame.assign(unit=usual_unit)


def _size(number: float, unit: str) -> Size:
    kind, amount = _UNITS[re.sub(r"[\s.]", "", unit)]
    return Size(number * amount, kind) if number > 0 else PACKAGE
