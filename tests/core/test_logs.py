"""Lines of the log keep nobody waiting and fail for nobody, wherever they go."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from core.logs import Lines
from tests.servers import wait_until


def test_a_pipe_that_nobody_reads_keeps_nobody_waiting(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    lines = Lines(writing, most=100)
    began = time.monotonic()
    for _ in range(1_000):
        lines.write(b"x" * 1_000 + b"\n")
    assert time.monotonic() - began < 1
    content = bytearray()
    os.set_blocking(reading, False)

    def read() -> bool:
        with suppress(BlockingIOError):
            content.extend(os.read(reading, 1 << 20))
        return b"lines_lost" in content

    wait_until(read, tmp_path, seconds=10)
    written = content.count(b"x" * 1_000)
    assert 10 < written < 1_000
    lines.write(b"after\n")
    wait_until(lambda: read() and b"after\n" in content, tmp_path, seconds=10)
    os.close(writing)
    os.close(reading)


def test_a_full_disk_fails_for_nobody(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    lines = Lines(full)
    for _ in range(10):
        assert lines.write("line\n") == 5
    wait_until(lambda: lines._lost == 10, tmp_path, seconds=10)
    os.close(full)


def test_lines_of_many_threads_arrive_whole_each_once(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("ab", buffering=0) as file:
        lines = Lines(file.fileno())

        def write(number: int) -> None:
            for place in range(200):
                lines.write(f"{number} {place}\n")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(4)))
        lines._end()
        written = path.read_text().splitlines()
    assert sorted(written) == sorted(f"{number} {place}" for number in range(4) for place in range(200))
    assert [line for line in written if line.startswith("3 ")] == [f"3 {place}" for place in range(200)]
