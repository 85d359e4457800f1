"""A ratio is the same on an engine's columns and on numbers."""

import math
from typing import Any

import ibis
import pandas as pd
import pytest

from features.views.ratios import basket_amount, over, trend


@pytest.mark.parametrize("ratio", [over, trend, basket_amount])
@pytest.mark.parametrize(("part", "whole"), [(3.0, 2.0), (0.0, 2.0), (3.0, 0.0), (3.0, math.nan), (math.nan, 2.0)])
def test_columns_and_numbers_give_the_same(con: Any, ratio: Any, part: float, whole: float) -> None:
    table = ibis.memtable(pd.DataFrame({"part": [part], "whole": [whole]}))
    (column,) = con.to_pandas(table.select(value=ratio(table.part, table.whole))).value
    number = ratio(part, whole)
    assert column == number or (math.isnan(column) and math.isnan(number))
    assert math.isnan(number) == (whole == 0 or math.isnan(part) or math.isnan(whole))
