"""The rows of some customers, out of files that are ordered by customer."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.files import replacing_file
from features.live.known import Catalogue, OrderedFile

#: Ids as files are ordered by them: by bytes, so that "10" is before "9", and letters beyond ASCII are last.
_IDS = ["10", "100", "9", "A", "a", "b", "é", "客"]


def written(path: Path, ids: list[str], *, group: int, statistics: bool = True) -> None:
    rows = [(name, number) for name in ids for number in range(3)]
    columns = {"customer_id": [name for name, _ in rows], "number": [n for _, n in rows], "other": [0] * len(rows)}
    pq.write_table(pa.table(columns), path, row_group_size=group, write_statistics=statistics)


@pytest.mark.parametrize("group", [1, 2, 3, 4, 7, 100])
@pytest.mark.parametrize("statistics", [True, False])
def test_the_rows_of_customers_are_found_whatever_the_row_groups(tmp_path: Path, group: int, statistics: bool) -> None:
    path = tmp_path / "rows.parquet"
    written(path, _IDS, group=group, statistics=statistics)
    file = OrderedFile(path, ["other"])
    for asked in (["10"], ["客"], ["9", "a", "é"], _IDS, ["", "1", "aa", "zz"], []):
        found = file.of(asked)
        assert found.column_names == ["customer_id", "number"]
        assert found.to_pylist() == [
            {"customer_id": name, "number": number} for name in _IDS if name in asked for number in range(3)
        ]


def test_an_empty_file_has_rows_of_nobody(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"customer_id": pd.Series([], dtype=str)}).to_parquet(path)
    assert pq.ParquetFile(path).num_row_groups == 1
    assert OrderedFile(path).of(["9"]).num_rows == 0


def test_an_erased_customer_is_not_read_from_the_file_of_before(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    written(path, _IDS, group=4)
    file = OrderedFile(path)
    assert file.of(["9", "a"]).num_rows == 6
    with replacing_file(path) as new:
        written(new, [name for name in _IDS if name != "9"], group=4)
    assert file.of(["9", "a"])["customer_id"].to_pylist() == ["a"] * 3


def test_products_are_found_with_their_sizes(tmp_path: Path) -> None:
    path = tmp_path / "products.parquet"
    sizes = {"p1": "1 KG", "p2": "500 G", "p3": None, "p4": "2 KG"}
    types = ["rice", "rice", None, "rice"]
    pq.write_table(pa.table({"product_id": list(sizes), "type": types, "size": list(sizes.values())}), path)
    found = Catalogue(path).of(pa.chunked_array([["p4", "unknown"], ["p2", "p4"]]))
    assert found.select(["product_id", "type", "unit", "contents"]).to_pylist() == [
        {"product_id": "p4", "type": "rice", "unit": "g", "contents": 2000.0},
        {"product_id": "p2", "type": "rice", "unit": "g", "contents": 500.0},
    ]
    assert Catalogue(path).of(pa.chunked_array([], pa.string())).num_rows == 0
