"""What holds for every table that is accepted."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import DataError
from core.settings import Settings
from features.contract.tables import CONTRACT
from features.ingest.pipeline import Ingested
from tests.features.ingest.exports import COLUMNS, NOW, ingest, settings_of, table

_IDS = st.sampled_from(["a", "b", " a", "", "Ä", "王", '"', "x,y", "new\nline"])
_MOMENTS = st.sampled_from(
    ["2024-01-01", "2024-01-01 10:00:00", "2024-02-30", "", "1066-01-01", "2030-01-01", "01.02.2024"]
)
_NUMBERS = st.sampled_from(["1", "-1", "0", "1.5", "1,000", "nan", "inf", "", "€ 3", "many"])
_ROWS = st.lists(st.tuples(_IDS, _IDS, _IDS, _MOMENTS, _NUMBERS, _NUMBERS, _MOMENTS), max_size=12)
_KEYS = st.sampled_from([[], ["*"], ["order_id", "product_id"]])


def write(folder: Path, name: str, rows: list[tuple[str, ...]]) -> None:
    """Write an export as a careful program would, with quotes where they are needed."""
    lines = [("cust", "order", "sku", "when", "qty", "price", "written"), *rows]
    quoted = [",".join('"' + value.replace('"', '""') + '"' for value in line) for line in lines]
    (folder / name).write_text("\n".join(quoted) + "\n")


def configured(folder: Path, keys: list[str]) -> Settings:
    item = {"path": "*.csv", "columns": {**COLUMNS, "created_timestamp": "written"}, "returns": "qty < 0"}
    return settings_of(folder, item, max_rejected_share=1, keys={"transactions": keys} if keys else {})


def accepted(folder: Path, keys: list[str]) -> Ingested | None:
    try:
        return ingest(configured(folder, keys))
    except DataError as error:
        assert "Expected rows" in str(error)  # noqa: PT017 - nothing usable is the one thing that is refused
        return None


@settings(max_examples=25, deadline=None)
@given(_ROWS, _KEYS)
def test_what_is_accepted_satisfies_the_contract(rows: list[tuple[str, ...]], keys: list[str]) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, "orders.csv", rows)
        ingested = accepted(folder, keys)
        if ingested is None:
            return
        totals = ingested.inputs[0].totals
        assert totals.read == len(rows)
        assert totals.read == totals.kept + totals.returned + totals.merged + totals.quarantined
        assert ingested.rows["transactions"] == totals.kept
        assert ingested.rows["interactions"] == totals.returned
        quarantined = f"SELECT count(*), count(line), count(text) FROM '{folder}/state/quarantine.parquet'"
        assert duckdb.sql(quarantined).fetchall() == [(totals.quarantined,) * 3]
        for contract in CONTRACT.values():
            frame = table(folder, contract.name)
            assert list(frame.columns) == [column.name for column in contract.columns]
            for column in contract.columns:
                values = frame[column.name]
                assert not (column.required and values.isna().any())
                if column.type == "DOUBLE":
                    assert (values.dropna().abs() < float("inf")).all()
                if column.type == "TIMESTAMPTZ":
                    known = values.dropna()
                    assert (known >= datetime(1900, 1, 1, tzinfo=UTC)).all()
                    assert (known <= NOW + timedelta(days=1)).all()
        if keys == ["order_id", "product_id"]:
            assert not table(folder, "transactions").duplicated(keys).any()


@settings(max_examples=15, deadline=None)
@given(_ROWS, _ROWS, _KEYS)
def test_one_after_the_other_is_both_at_once(
    first: list[tuple[str, ...]], second: list[tuple[str, ...]], keys: list[str]
) -> None:
    with TemporaryDirectory() as one, TemporaryDirectory() as both:
        write(Path(one), "1.csv", first)
        accepted(Path(one), keys)
        for folder in (Path(one), Path(both)):
            write(folder, "2.csv", second)
        write(Path(both), "1.csv", first)
        later, at_once = accepted(Path(one), keys), accepted(Path(both), keys)
        assert (later is None) == (at_once is None)
        if later is None or at_once is None:
            return
        assert later.inputs == at_once.inputs
        for name in CONTRACT:
            assert table(Path(one), name).equals(table(Path(both), name))
