"""DuckDB is opened within its limits, and temporary files do not outlive who wrote them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from core.files import remove_unfinished
from core.settings import Settings, StoreSettings
from core.sql import engine, open_duckdb, spill_directory, spill_folder
from tests.servers import wait_until

ROOMS = ("core", "features", "training", "serving")


def settings_of(folder: Path, limit: str = "100MB") -> Settings:
    return Settings(StoreSettings(data=folder, memory_limit=limit), threads=1)


def test_a_query_beyond_the_limit_spills_below_the_data_and_leaves_nothing(tmp_path: Path) -> None:
    with engine(settings_of(tmp_path)) as con:
        con.execute("CREATE TEMP TABLE t AS SELECT hash(range) AS a, hash(range + 1) AS b FROM range(12_000_000)")
        assert list(spill_folder(con).glob("duckdb_temp_storage*"))
        assert spill_folder(con).parent == spill_directory(StoreSettings(data=tmp_path.resolve()))
    del con
    assert list(spill_directory(StoreSettings(data=tmp_path)).iterdir()) == []


def test_more_than_fits_on_disk_and_memory_is_refused(tmp_path: Path) -> None:
    with engine(settings_of(tmp_path, "20MB")) as con, pytest.raises(duckdb.OutOfMemoryException):
        con.execute("SET max_temp_directory_size = '1MB'")
        con.execute("CREATE TEMP TABLE t AS SELECT hash(range) AS a FROM range(12_000_000)")


def test_two_connections_never_share_a_folder(tmp_path: Path) -> None:
    one, other = open_duckdb(settings_of(tmp_path)), open_duckdb(settings_of(tmp_path))
    assert spill_folder(one) != spill_folder(other)
    assert remove_unfinished(tmp_path) == 0
    assert spill_folder(one).is_dir()


def test_files_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    script = (
        "import time; from pathlib import Path; from core.settings import Settings, StoreSettings;"
        "from core.sql import open_duckdb, spill_folder;"
        f"con = open_duckdb(Settings(StoreSettings(data=Path({str(tmp_path)!r}))));"
        "(spill_folder(con) / 'units').mkdir(); (spill_folder(con) / 'units' / 'rows').write_text('of a customer');"
        f"Path({str(tmp_path / 'ready')!r}).touch(); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", script])
    wait_until((tmp_path / "ready").exists, tmp_path, seconds=20)
    assert remove_unfinished(tmp_path) == 0  # it runs
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert remove_unfinished(tmp_path) == 1
    assert list(spill_directory(StoreSettings(data=tmp_path)).iterdir()) == []


def test_nothing_else_opens_duckdb() -> None:
    root = Path(__file__).parents[2]
    files = [file for room in ROOMS for file in sorted((root / room).rglob("*.py"))]
    opening = [str(file.relative_to(root)) for file in files if "duckdb.connect(" in file.read_text()]
    assert opening == ["core/sql.py"]
