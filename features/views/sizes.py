"""How much is in a package: sizes as texts, such as "6 PK/12 OZ", to an amount and its unit.

Prices of packages can only be compared per unit; what cannot be read counts as one package.
"""

import math
import re
from collections.abc import Callable
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
#: The longest name first, and none that another letter follows.
_UNIT = rf"(?P<unit>{'|'.join(sorted(_UNITS, key=len, reverse=True))})(?![A-Z])".replace("FLOZ", r"FL\.?\s*OZ")
_NUMBER = r"(?:\d*\.\d+|\d+)"
_PACKS = r"(?:PK|CT|P)"
#: Not the end of a longer number, of a range or of a measure in two directions, such as 3-3.5 OZ or 2 X2 IN.
_START = r"(?<![\d/.X-])"


@dataclass(frozen=True)
class Size:
    """What a package holds: `amount` in units of `unit`."""

    amount: float
    unit: Unit


#: What is not known to hold anything is compared as a whole.
PACKAGE = Size(1.0, "package")


def parse_size(text: str | None) -> Size:
    """Read a size; one that cannot be read, or that says nothing, is one package."""
    written = _comparable(text or "")
    for form, amount in _FORMS:
        if (match := form.search(written)) and (number := amount(match)) > 0:
            kind, each = _UNITS[re.sub(r"[\s.]", "", match["unit"])]
            return Size(number * each, kind)
    return Size(_UNITS[written][1], _UNITS[written][0]) if written in _UNITS else PACKAGE


def _times(match: re.Match[str]) -> float:
    return float(match["one"]) * float(match["other"])


def _fraction(match: re.Match[str]) -> float:
    """Return a fraction in lowest terms; 2/8 OZ are two packs and none."""
    above, below = int(match["above"]), int(match["below"])
    whole = match["whole"]
    return int(whole or 0) + above / below if whole or (above < below and math.gcd(above, below) == 1) else 0.0


#: How sizes are written, the most specific first, and how much of the unit each says.
_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], float]], ...] = (
    # 6 PK/12 OZ, 6 PK 12 OZ
    (re.compile(rf"{_START}(?P<one>\d+)\s*{_PACKS}\s*[/X]?\s*(?P<other>{_NUMBER})\s*{_UNIT}"), _times),
    # 12 OZ/6 PK
    (re.compile(rf"{_START}(?P<one>{_NUMBER})\s*{_UNIT}\s*[/X]\s*(?P<other>\d+)\s*{_PACKS}(?![A-Z])"), _times),
    # 250 ML X 12
    (re.compile(rf"{_START}(?P<one>{_NUMBER})\s*{_UNIT}\s*X\s*(?P<other>\d+)$"), _times),
    # 13 1/2 OZ, 9 5/16 OZ
    (re.compile(rf"{_START}(?P<whole>\d+)\s+(?P<above>\d+)/(?P<below>2|3|4|8|16)\s*{_UNIT}"), _fraction),
    # 1/2 GAL, 7/8 OZ
    (re.compile(rf"{_START}(?P<whole>)(?P<above>[1-7])/(?P<below>[2348])\s*{_UNIT}"), _fraction),
    # 6/12 OZ, 6 X 12 OZ
    (re.compile(rf"{_START}(?P<one>\d+)\s*[/X]\s*(?P<other>{_NUMBER})\s*{_UNIT}"), _times),
    # 16 OZ
    (re.compile(rf"{_START}(?P<one>{_NUMBER})\s*-?\s*{_UNIT}"), lambda match: float(match["one"])),
)


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


def _comparable(text: str) -> str:
    """Write points for decimal commas, nothing for those between thousands, and one sign for times."""
    written = re.sub(r"(?<![\d,])([1-9]\d{0,2}),(\d{3})(?!\d)", r"\1\2", text.upper().strip())
    written = re.sub(r"(\d),(\d)", r"\1.\2", written)
    return re.sub(r"[*×](?=\s*\d)", " X ", written)
