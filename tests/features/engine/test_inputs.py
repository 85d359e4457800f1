"""What expressions read has its types, whatever the data have."""

from typing import Any

import pandas as pd
import pytest

from features.engine.inputs import size_table

TYPES = {"product_id": "string", "type": "string", "unit": "string", "contents": "float64"}


@pytest.mark.parametrize(
    "products",
    [
        pytest.param({"product_id": [], "type": [], "size": []}, id="no products"),
        pytest.param({"product_id": ["p"], "type": [None], "size": [None]}, id="no types"),
        pytest.param({"product_id": ["p", "q"], "type": ["milk", None], "size": ["1 l", None]}, id="some types"),
    ],
)
def test_sizes_have_their_types(con: Any, products: dict[str, list[Any]]) -> None:
    table = con.create_table("sizes_of_products", size_table(pd.DataFrame(products)), temp=True, overwrite=True)
    assert {name: str(kind) for name, kind in table.schema().items()} == TYPES
    assert table.count().execute() == len(products["product_id"])
