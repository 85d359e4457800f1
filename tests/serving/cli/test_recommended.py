"""Recommended settings in the configuration file."""

import tomllib
from pathlib import Path

import pytest

from core.errors import ConfigError
from serving.cli.recommended import apply_settings

FILE = """\
# how we count
[time]
as_of = "now"  # every night

[churn]
horizon_days = 28  # four weeks
tiers = "share"
"""


def test_comments_and_other_settings_stay(tmp_path: Path) -> None:
    file = tmp_path / "encore.toml"
    file.write_text(FILE)
    values = {"churn.activity_window_days": 42, "churn.horizon_days": 56, "time.snapshot_spacing_days": 14}
    changed = apply_settings(file, values)
    assert changed == {
        "churn.activity_window_days": (None, 42),
        "churn.horizon_days": (28, 56),
        "time.snapshot_spacing_days": (None, 14),
    }
    written = file.read_text()
    assert tomllib.loads(written) == {
        "time": {"as_of": "now", "snapshot_spacing_days": 14},
        "churn": {"horizon_days": 56, "tiers": "share", "activity_window_days": 42},
    }
    assert written.startswith("# how we count")
    assert "# every night" in written
    assert written.count("recommended by `encore check-data`") == 3
    assert apply_settings(file, values) == {}
    assert file.read_text() == written


def test_a_section_that_is_not_there_is_added(tmp_path: Path) -> None:
    file = tmp_path / "encore.toml"
    file.write_text('[data]\nroot = "x"\n')
    apply_settings(file, {"churn.horizon_days": 14})
    assert tomllib.loads(file.read_text()) == {"data": {"root": "x"}, "churn": {"horizon_days": 14}}


def test_without_a_file_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Expected a configuration file at .*encore init --from"):
        apply_settings(tmp_path / "encore.toml", {"churn.horizon_days": 14})
    assert not list(tmp_path.iterdir())
