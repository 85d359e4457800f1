"""Every case comes in right as `encore init` writes it, or the user is asked."""

import tomllib
from datetime import UTC
from pathlib import Path

import pytest

from features.ingest.pipeline import ingest
from features.ingest.suggest.suggest import suggest_mapping
from features.ingest.suggest.write import as_toml
from tests.features.ingest.exports import NOW, table
from tests.features.ingest.suggest.cases import CASES
from tests.features.ingest.suggest.test_suggest import settings_from


@pytest.mark.parametrize("name", CASES)
def test_what_init_writes_reads_the_case_right(tmp_path: Path, name: str) -> None:
    files, right = CASES[name]()
    (tmp_path / "exports").mkdir()
    for file, content in files.items():
        (tmp_path / "exports" / file).write_bytes(content.encode() if isinstance(content, str) else content)
    suggestions = suggest_mapping([str(tmp_path / "exports")], tmp_path / "looked", NOW)
    written = as_toml(suggestions)
    done = ingest(settings_from(tmp_path, tomllib.loads(written)), NOW)
    lines = [one.totals for one in done.inputs if one.table == "transactions"]
    frame = table(tmp_path, "transactions", "event_timestamp")
    assert (len(frame), round(frame["amount"].sum(), 2)) == (right.rows, right.amount), written
    assert frame["customer_id"].nunique() == right.customers
    assert {rule: rows for one in lines for rule, rows in one.skipped.items()} == right.skipped
    assert sum(one.returned for one in lines) == done.matched == right.returns
    assert sum(one.merged for one in lines) == right.merged
    assert sum(sum(one.rejected.values()) for one in lines) == right.rejected
    if right.discount is not None:
        assert frame["discount"].sum() == pytest.approx(right.discount, abs=0.01)
    if right.moments is not None:
        first, last = (moment.replace(tzinfo=UTC) for moment in right.moments)
        assert (frame["event_timestamp"].iloc[0], frame["event_timestamp"].iloc[-1]) == (first, last)
    for words in right.asks:
        assert any(words in line for line in written.splitlines() if line.startswith(("# QUESTION", "# Not read"))), (
            words
        )
    mapped = {(one.table, c.column): c.expression for one in suggestions.inputs for c in one.columns}
    for key, expression in right.columns.items():
        assert mapped.get(key, "") == expression
