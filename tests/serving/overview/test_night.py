"""How a night went comes back as it was written."""

from datetime import UTC, datetime
from pathlib import Path

from core.settings import StoreSettings
from serving.overview.night import Night, Result, read_night, write_night


def test_a_night_comes_back_as_it_was(tmp_path: Path) -> None:
    stores = StoreSettings(data=tmp_path)
    assert read_night(stores) is None
    night = Night(
        datetime(2024, 1, 1, 3, tzinfo=UTC), 10, [Result("refused", "It is no better.", 10, step="train churn")]
    )
    text = write_night(stores, night)
    assert read_night(stores) == night
    assert (tmp_path / "refresh/summary.json").read_text() == text
    (tmp_path / "refresh/summary.json").write_text('{"started": 1}')
    assert read_night(stores) is None
