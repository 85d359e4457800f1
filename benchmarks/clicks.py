"""Scoring through the API while ten people click through the console, and without them, as ratios of the times.

One process serves both. Requests for risk and reasons come at an even rate; rounds with and without people take turns,
so that what else the machine does meets both. Each person opens a page every two seconds. Run it in the demo's folder.
"""

import os
import re
import sys
from collections.abc import Sequence
from http.client import HTTPConnection
from multiprocessing import get_context
from statistics import median
from urllib.parse import quote, urlencode, urlsplit

import orjson
from rich.console import Console

from benchmarks.api import copy_of_the_demo, wait_idle
from benchmarks.load import Measured, Request, load
from benchmarks.servers import encore
from features.engine.build import built_schedule
from serving.settings import load_settings
from training.churn.labels import active_customers

_PEOPLE, _EVERY = 10, 2.0
_SECONDS, _ROUNDS, _RATE = 12.0, 5, 100.0
#: The pages of a morning; {customer} is another one each time.
_PAGES = ("/", "/customers", "/customers?sort=-value_at_risk", "/customer/{customer}", "/segments", "/contact")
_MORE = ("/campaigns", "/models", "/data", "/customer/{customer}")
_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


def main() -> None:
    """Measure and print; exits with 1 where a request failed."""
    schedule, _ = built_schedule(load_settings())
    customers = active_customers(load_settings(), schedule.as_of)[:500]
    with copy_of_the_demo() as (home, key), encore(home) as url:
        wait_idle()
        scores, pages = _scores(key, customers), _pages(_cookie(url, key), customers)
        for page in pages[: len(_PAGES + _MORE)]:  # what is computed once
            load(url, [page], 0.3, 1)
        load(url, scores, 3.0, 8, _RATE)
        alone, beside, clicks = _rounds(url, scores, pages)
    _print(alone, beside, clicks)
    if any(one.errors or set(one.statuses) != {200} for one in (*alone, *beside, *clicks)):
        sys.exit(1)


def _scores(key: str, customers: Sequence[str]) -> list[Request]:
    header = (("Authorization", f"Bearer {key}"),)
    bodies = [{"customer_ids": [customer], "include": ["risk", "reasons"]} for customer in customers]
    return [Request("POST", "/v1/scores", orjson.dumps(body), header) for body in bodies]


def _pages(cookie: str, customers: Sequence[str]) -> list[Request]:
    header = (("Cookie", cookie),)
    paths = [page.format(customer=quote(customer)) for customer in customers for page in _PAGES + _MORE]
    return [Request("GET", f"/console{path}", headers=header) for path in paths]


def _cookie(url: str, key: str) -> str:
    """Sign in with a key."""
    connection = HTTPConnection(urlsplit(url).netloc)
    connection.request("GET", "/console/sign-in")
    first = connection.getresponse()
    found = _TOKEN.search(first.read().decode())
    cookie = str(first.getheader("set-cookie")).partition(";")[0]
    form = urlencode({"csrf": found[1] if found else "", "key": key})
    form_type = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
    connection.request("POST", "/console/sign-in", form, form_type)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 303:
        raise RuntimeError(f"the sign-in answers {answer.status}")
    return str(answer.getheader("set-cookie")).partition(";")[0]


def _rounds(
    url: str, scores: Sequence[Request], pages: Sequence[Request]
) -> tuple[list[Measured], list[Measured], list[Measured]]:
    """Measure scores alone and beside people, in turn; return both, and the pages of the people."""
    alone, beside, clicks = [], [], []
    # a process of its own: threads of this one would delay what it measures
    with get_context("spawn").Pool(1) as people:
        people.apply(load, (url, pages[:1], 0.1, 1))
        for _ in range(_ROUNDS):
            alone.append(load(url, scores, _SECONDS, 8, _RATE))
            clicking = people.apply_async(load, (url, pages, _SECONDS + 1.0, _PEOPLE, _PEOPLE / _EVERY))
            beside.append(load(url, scores, _SECONDS, 8, _RATE))
            clicks.append(clicking.get())
    return alone, beside, clicks


def _print(alone: Sequence[Measured], beside: Sequence[Measured], clicks: Sequence[Measured]) -> None:
    console = Console(width=120)
    console.print(f"  {_RATE:.0f} scores a second; ten people, a page every {_EVERY:g} s each; {os.cpu_count()} cores")
    for share, name in ((0.5, "median"), (0.95, "95th percentile"), (0.99, "99th percentile")):
        one, two, page = ([1000 * run.percentile(share) for run in runs] for runs in (alone, beside, clicks))
        ratios = median(second / first for first, second in zip(one, two, strict=True))
        console.print(
            f"  {name}: {median(one):.1f} ms alone, {median(two):.1f} ms beside people, ratio {ratios:.2f}; "
            f"pages {median(page):.0f} ms"
        )
    wrong = {status for run in (*alone, *beside, *clicks) for status in run.statuses} - {200}
    console.print(f"  other answers: {', '.join(map(str, wrong)) or 'none'}")


if __name__ == "__main__":
    main()
