"""Written aside, then renamed: a reader sees the old or the new, never a part."""

import os
import subprocess
from pathlib import Path

import pytest

from core.files import replacing, write_file


def test_an_error_leaves_the_old_folder_alone(tmp_path: Path) -> None:
    target = tmp_path / "features"
    with replacing(target) as aside:
        (aside / "a").write_text("old")
    with pytest.raises(NotADirectoryError), replacing(target) as aside:
        write_file(aside / "a", b"new")
        (aside / "a" / "none").read_text()
    assert (target / "a").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["features"]


def test_a_success_replaces_the_whole_folder(tmp_path: Path) -> None:
    target = tmp_path / "features"
    for name in ("a", "b"):
        with replacing(target) as aside:
            (aside / name).write_text(name)
    assert [p.name for p in target.iterdir()] == ["b"]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    abandoned = tmp_path / f".features-{gone.pid}-x"
    working = tmp_path / f".features-{os.getppid()}-x"
    for folder in (abandoned, working):
        folder.mkdir()
    with replacing(tmp_path / "features"):
        pass
    assert not abandoned.exists()
    assert working.exists()
