"""Jobs: one that changes the data folder runs alone, and each says for whom it waits."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from core.errors import StoreError
from core.jobs import job, running
from core.settings import StoreSettings
from tests.servers import wait_until


@pytest.fixture
def stores(tmp_path: Path) -> StoreSettings:
    return StoreSettings(data=tmp_path)


def test_jobs_that_read_run_together_and_one_that_changes_waits_for_all(stores: StoreSettings) -> None:
    order: list[str] = []
    told: list[str] = []

    def change() -> None:
        with job(stores, "`encore ingest`", alone=True, waiting=told.append):
            order.append("ingest")

    with job(stores, "`encore score`", alone=False), job(stores, "`encore train churn`", alone=False):
        thread = threading.Thread(target=change)
        thread.start()
        wait_until(lambda: told, stores.data, seconds=20)
        order.append("read")
    thread.join()
    assert order == ["read", "ingest"]
    assert all(name in told[0] for name in ("`encore score` (since ", "`encore train churn` (since "))
    assert list((stores.data / "jobs").iterdir()) == []


def test_without_patience_the_error_names_the_job(stores: StoreSettings) -> None:
    with (
        job(stores, "`encore ingest`", alone=True),
        pytest.raises(StoreError, match=r"in use by `encore ingest` \(since \d\d:\d\d UTC\)\. Try again"),
        job(stores, "`encore score`", alone=False),
    ):
        pass


def test_a_killed_job_holds_nothing_and_leaves_nothing(stores: StoreSettings) -> None:
    script = (
        "import time; from pathlib import Path; from core.files import replacing; from core.jobs import job;"
        "from core.settings import StoreSettings;"
        f"data = Path({str(stores.data)!r}); held = job(StoreSettings(data=data), 'killed', alone=True);"
        "held.__enter__(); folder = replacing(data / 'contract'); new = folder.__enter__();"
        "(new / 'rows').write_text('of a customer'); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", script])
    wait_until(lambda: list(stores.data.glob("*/contract/rows")), stores.data, seconds=20)
    assert "killed (since" in running(stores)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    began = time.monotonic()
    with job(stores, "`encore ingest`", alone=True) as unfinished:
        assert unfinished == 1
        assert "killed" not in running(stores)
        assert {path.name for path in stores.data.iterdir()} == {"jobs", "jobs.lock"}
    assert time.monotonic() - began < 5
