"""Sizes of packages: what can be read of them, and what can be compared."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.views.sizes import PACKAGE, measured, parse_size

OUNCE, FLUID_OUNCE, GALLON = 28.349523, 29.573530, 3785.411784


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("16 OZ", 16 * OUNCE, "g"),
        ("1.5 oz", 1.5 * OUNCE, "g"),
        (".5 L", 500, "ml"),
        ("13 FL OZ", 13 * FLUID_OUNCE, "ml"),
        ("3-LB BAG", 3 * 453.59237, "g"),
        ("2 L BTL", 2000, "ml"),
        ("1/2 GAL", GALLON / 2, "ml"),
        ("GAL", GALLON, "ml"),
        ("13 1/2 OZ", 13.5 * OUNCE, "g"),
        ("1 1/8 OZ", 1.125 * OUNCE, "g"),
        ("9 5/16 OZ", 9.3125 * OUNCE, "g"),
        ("7/8 OZ", 0.875 * OUNCE, "g"),
        ("2/8 OZ", 16 * OUNCE, "g"),
        ("2/4 OZ", 8 * OUNCE, "g"),
        ("0,5 L", 500, "ml"),
        ("1,5 L", 1500, "ml"),
        ("1,500 ML", 1500, "ml"),
        ("6*500ml", 3000, "ml"),
        ("250ml*12", 3000, "ml"),
        ("6/12 OZ", 72 * OUNCE, "g"),
        ("3/3 OZ", 9 * OUNCE, "g"),
        ("12/5.5 OZ", 66 * OUNCE, "g"),
        ("6 PK/12 OZ", 72 * OUNCE, "g"),
        ("30 PK 12 OZ", 360 * OUNCE, "g"),
        ("12 OZ/6 PK", 72 * OUNCE, "g"),
        ("6 x 330 ml", 1980, "ml"),
        ("50 CT", 50, "piece"),
        ("1 DZ", 12, "piece"),
        ("250克", 250, "g"),
        ("1.5升", 1500, "ml"),
    ],
)
def test_sizes_are_read(text: str, amount: float, unit: str) -> None:
    size = parse_size(text)
    assert size.amount == pytest.approx(amount)
    assert size.unit == unit


@pytest.mark.parametrize("text", [None, "", "LARGE", "3-3.5 OZ", "2 X2 IN", "88 SQ FT", "0 OZ", "10 1/0 OZ", "OZ 5"])
def test_what_cannot_be_read_is_a_package(text: str | None) -> None:
    assert parse_size(text) == PACKAGE


@given(st.text(alphabet="0123456789./ -XPKCTOZLBGAMFLE()克,*", max_size=14))
def test_nothing_is_refused_and_every_amount_is_positive(text: str) -> None:
    assert parse_size(text).amount > 0


def test_only_the_usual_measure_of_a_type_is_compared() -> None:
    products = pd.DataFrame(
        {
            "product_id": list("abcde"),
            "type": ["cola", "cola", "cola", "rice", None],
            "size": ["2 L", "500 ml", "6 PK", None, "1 KG"],
        }
    )
    sizes = measured(products).set_index("product_id")
    assert sizes["unit"].tolist()[:4] == ["ml", "ml", "ml", "package"]
    np.testing.assert_array_equal(sizes["contents"], [2000, 500, np.nan, 1, np.nan])
