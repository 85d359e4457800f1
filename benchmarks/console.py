"""Measure pages of the console through HTTP, on what the demo left, and with a score table of 100,000 customers.

The server runs in this process, warm; one visitor opens one page after the other. Times are of whole answers.
"""

import re
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from threading import Thread
from typing import Any
from urllib.parse import quote

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import uvicorn
from fastapi import FastAPI
from rich.console import Console
from rich.table import Table

from benchmarks.api import copy_of_the_demo, wait_idle
from benchmarks.servers import free_port
from core.progress import batches
from core.settings import Settings, StoreSettings
from features.contract.tables import table_path
from serving.api.app import create_app
from serving.api.cursors import write_cursor
from serving.api.state import State
from serving.console.site import with_console
from serving.scoring.listing import Listing
from serving.scoring.score_table import Kept, Listed, ScoreTable
from serving.segments.definitions import SegmentDefinition
from serving.settings import load_settings

_CUSTOMERS, _ROUNDS, _WARM = 100_000, 30, 3
#: What a median may take on the demo's data; with 100,000 customers twice that. In milliseconds.
_LIST_MS, _CUSTOMER_MS = 150.0, 300.0
_SEGMENT = "bench-valuable"
_WORTH = Listing({}, {}, {}, "value_at_risk", descending=True)
#: Pages of the list, by what a marketer does.
_LISTS: Mapping[str, str] = {
    "all, highest value at risk first": "",
    "high risk": "?tier=high",
    "many filters": "?tier=medium&tier=high&min_amount=50&stage=declining&sort=-risk",
    "nobody fits": "?tier=high&max_risk=0.01",
    "search by id": "?q=12",
    "search by what is on file": "?q=homeowner",
    "members of a segment": f"?segment={_SEGMENT}",
    "all columns, lowest value first": "?sort=amount&columns=risk,reason_1,reason_2,reason_3,amount,stage,rfm_group",
}


@dataclass(frozen=True)
class Row:
    """A page and how long its answers took, in milliseconds."""

    name: str
    goal: float
    times: Sequence[float]

    @property
    def median(self) -> float:
        """The median."""
        return statistics.median(self.times)


def main() -> None:
    """Run and print; exits with 1 where a median is above its goal."""
    with copy_of_the_demo() as (home, key), chdir(home):
        settings = load_settings()
        with serving_console(settings) as (url, state), signed_in(url, key) as visitor:
            wait_idle()
            _define(state)
            few = _measured(visitor, state, 1.0)
            _grow(state.service.table, settings)
            state.segments.every(state.source, now=True)
            many = _measured(visitor, state, 2.0)
    _print(few, many)
    if any(row.median > row.goal for row in (*few, *many)):
        sys.exit(1)


@contextmanager
def serving_console(settings: Settings) -> Iterator[tuple[str, State]]:
    """Serve API and console from a thread; yield the address and what requests share."""
    app: FastAPI = with_console(create_app(settings, lambda: datetime.now(UTC)))
    state: State = app.state.encore
    state.reloader.load()
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, access_log=False))
    thread = Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.05)
        yield f"http://127.0.0.1:{port}", state
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def signed_in(url: str, key: str) -> Iterator[httpx.Client]:
    """Sign in to the console with a key."""
    with httpx.Client(base_url=url, timeout=60) as client:
        found = re.search(r'name="csrf" value="([^"]+)"', client.get("/console/sign-in").text)
        answer = client.post("/console/sign-in", data={"key": key, "csrf": found[1] if found else ""})
        if answer.status_code != httpx.codes.SEE_OTHER:
            raise RuntimeError(f"nobody was signed in: {answer.status_code}")
        yield client


def times_of(client: httpx.Client, paths: Sequence[str]) -> list[float]:
    """Ask for pages in turn; return milliseconds.

    Raises
    ------
    RuntimeError
        If a page does not answer with itself: an error may be quick.
    """
    times = []
    for number in range(_WARM + _ROUNDS):
        began = time.perf_counter()
        answer = client.get(paths[number % len(paths)])
        if answer.status_code != httpx.codes.OK:
            raise RuntimeError(f"{answer.url}: expected 200, found {answer.status_code}")
        times.append(1000 * (time.perf_counter() - began))
    return times[_WARM:]


def _measured(visitor: httpx.Client, state: State, factor: float) -> list[Row]:
    lists = {f"list: {name}": [f"/console/customers{query}"] for name, query in _LISTS.items()}
    lists["list: a page in the middle"] = [_halfway(state)]
    rows = [Row(name, factor * _LIST_MS, times_of(visitor, paths)) for name, paths in lists.items()]
    customers = [f"/console/customer/{quote(one)}" for one in _some(state)]
    return [*rows, Row("one customer", factor * _CUSTOMER_MS, times_of(visitor, customers))]


def _some(state: State) -> list[str]:
    """Return customers whom the feature store knows, as the generated ones are in the score table alone."""
    found = state.service.table.list(_WORTH, 5_000)
    return [row.customer_id for row in found if not row.customer_id.startswith("g")][:_ROUNDS]


def _halfway(state: State) -> str:
    """Return the address of a page in the middle of the list."""
    table = state.service.table
    last = table.list(_WORTH, table.count(_WORTH, _CUSTOMERS) // 2)[-1]
    return f"/console/customers?after={write_cursor('-value_at_risk', last.cells['value_at_risk'], last.customer_id)}"


def _define(state: State) -> None:
    rule = {"all": [{"column": "amount", "at_least": 100}, {"column": "risk", "at_least": 0.1}]}
    state.segments.define(SegmentDefinition.model_validate({"name": _SEGMENT, "rule": rule}), state.source)


def _grow(table: ScoreTable, settings: Settings) -> None:
    """Add customers to the score table, and to the table of what is on file: those of the demo, each a little other."""
    known = table.list(Listing({}, {}, {}), 5_000)
    chance, now = Random("console"), known[0].as_of  # noqa: S311 - the same ones in every run
    for numbers in batches(range(_CUSTOMERS - len(known)), 5_000):
        cells = {f"g{number:06d}": _varied(known[number % len(known)], chance) for number in numbers}
        kept = dict.fromkeys(cells, Kept("generated", now, now, True, b""))
        table.keep(None, kept, table.erasures(), cells)
    path = table_path(settings[StoreSettings], "customers")
    people = pq.read_table(path)
    copies = pa.concat_tables([people] * (_CUSTOMERS // len(people)))
    ids = pa.array([f"g{number:06d}" for number in range(len(copies))])
    pq.write_table(pa.concat_tables([people, copies.set_column(0, "customer_id", ids).cast(people.schema)]), path)


def _varied(row: Listed, chance: Random) -> dict[str, Any]:
    """Return the cells of a row; amounts and probabilities are up to a fifth less, so that shares stay shares."""
    scores = {"recency_score", "frequency_score", "monetary_score"}
    return {
        name: value * chance.uniform(0.8, 1.0) if isinstance(value, float) and name not in scores else value
        for name, value in row.cells.items()
    }


def _print(few: Sequence[Row], many: Sequence[Row]) -> None:
    for title, rows in (("the demo's customers", few), (f"{_CUSTOMERS:,} customers", many)):
        table = Table(title=title, title_justify="left")
        for head in ("page", "median ms", "slowest ms", "goal ms"):
            table.add_column(head, justify="left" if head == "page" else "right")
        for row in rows:
            table.add_row(row.name, f"{row.median:.0f}", f"{max(row.times):.0f}", f"{row.goal:.0f}")
        Console(width=100).print(table)


if __name__ == "__main__":
    main()
