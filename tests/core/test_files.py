"""A reader sees the old or the new, never a part, wherever the writer is killed."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from core import files
from core.files import remove_unfinished, replacing, write_file


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


def test_a_file_keeps_its_permissions_and_takes_those_that_are_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    write_file(file, b"a", 0o600)
    write_file(file, b"b")
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"b", 0o600)


def test_what_a_living_process_writes_is_not_removed(tmp_path: Path) -> None:
    with replacing(tmp_path / "features") as new:
        (new / "a").touch()
        assert remove_unfinished(tmp_path) == 0
        assert (new / "a").exists()


def killed_at(step: int, work: Callable[[], None]) -> bool:
    """Do something in another process that is killed before it runs a line of `core.files`; True if it was killed."""
    process = os.fork()
    if process == 0:  # nothing of pytest runs here: the process ends by a signal, or at once
        lines = 0

        def trace(frame: FrameType, event: str, _: object) -> Any:
            nonlocal lines
            if frame.f_code.co_filename == files.__file__:
                lines += event == "line"
                if lines == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                return trace
            return None

        sys.settrace(trace)
        try:
            work()
        finally:
            sys.settrace(None)
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(process, 0)[1])


@pytest.mark.parametrize("at_once", [True, False])
def test_a_kill_at_any_step_leaves_the_old_folder_or_the_new(
    at_once: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not at_once:  # as on a system that cannot exchange two names
        monkeypatch.setattr(files, "_exchanged_at_once", lambda *_: False)
    target = tmp_path / "contract"

    def write(text: str) -> None:
        with replacing(target) as new:
            (new / "rows").write_text(text)

    write("old")
    seen, step, was_killed = set[str](), 0, True
    while was_killed:
        step += 1
        was_killed = killed_at(step, lambda: write("new"))
        # without a step in between where the system can do that
        assert target.exists() or not at_once
        remove_unfinished(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["contract"], step
        seen.add((target / "rows").read_text())
        write("old")
    assert step > 20
    assert seen == {"old", "new"}


def test_a_kill_at_any_step_leaves_the_old_file_or_the_new(tmp_path: Path) -> None:
    target = tmp_path / "erased.json"
    write_file(target, b"old")
    step = 1
    while killed_at(step, lambda: write_file(target, b"new")):
        assert target.read_bytes() in {b"old", b"new"}
        remove_unfinished(tmp_path)
        assert list(tmp_path.iterdir()) == [target]
        write_file(target, b"old")
        step += 1
    assert step > 10
    assert target.read_bytes() == b"new"


def test_what_others_write_and_finish_meanwhile_is_no_fault(tmp_path: Path) -> None:
    stopped = threading.Event()

    def write() -> None:
        while not stopped.is_set():
            write_file(tmp_path / "receipt.json", b"content")

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    removed = [remove_unfinished(tmp_path) for _ in range(2_000)]
    stopped.set()
    for writer in writers:
        writer.join()
    assert set(removed) == {0}
    assert [path.name for path in tmp_path.iterdir()] == ["receipt.json"]
