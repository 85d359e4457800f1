"""Segments: where everybody stands, the builder, one segment, two of them, by the roles of the console."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from core.settings import StoreSettings
from serving.access.keys import KeyFile
from serving.api.app import create_app
from serving.console.segment_views import trend_line
from serving.console.site import with_console
from serving.segments.store import SegmentSize
from tests.browser import PHONE, Surfer
from tests.conftest import NOW, World, copied
from tests.serving.console.visits import Visit, signed_in

pytestmark = pytest.mark.world
Surf = Callable[..., AbstractContextManager[Surfer]]
RECENT = {"column": "last_purchase", "within_days": 28}
BIG = {"column": "amount_84d", "at_least": 100}


def counts(page: str, column: str) -> dict[str, int]:
    """Return the numbers that a page shows behind links to customers with a name of a column."""
    found = re.findall(rf'href="/console/customers\?{column}=(\w+)[^"]*">.*?([\d,]+)<', page, re.DOTALL)
    totals: dict[str, int] = {}
    for name, number in found:
        totals[name] = totals.get(name, 0) + int(number.replace(",", ""))
    return totals


def test_everybody_is_counted_and_listed(visit: Callable[..., Visit]) -> None:
    visitor = visit("viewer")
    page = visitor.get("/console/segments?wait=true")
    assert page.status_code == 200
    assert "/console/segments/new" not in page.text, "viewers build nothing"
    state = visitor.client.app.state.encore  # type: ignore[attr-defined]
    summary = state.summaries.ready(state.reloader.deployment)
    groups = {one.name: one.customers for one in summary.by["rfm_group"]}
    assert counts(page.text, "rfm_group") == groups
    stages = {one.name: one.customers for one in summary.by["stage"]}
    assert counts(page.text, "stage") == stages
    assert "stage-flow" in page.text
    fragment = visitor.get("/console/segments-overview", fragment=True).text
    assert "<html" not in fragment
    assert counts(fragment, "stage") == stages


def test_only_marketers_build_and_export(visit: Callable[..., Visit]) -> None:
    viewer = visit("viewer")
    for path in ("/console/segments/new", "/console/segments/any/customers.csv"):
        assert viewer.get(path).status_code == 403
    for path in ("/console/segments/new", "/console/segments-preview", "/console/segments/any/delete"):
        assert viewer.post(path).status_code == 403


@pytest.fixture(scope="module")
def own(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """A marketer in a copy of the world, where segments may be saved."""
    with copied(world, tmp_path_factory.mktemp("console-segments")) as settings:
        app = with_console(create_app(settings, lambda: NOW))
        app.state.encore.reloader.load()
        with TestClient(app):
            yield signed_in(app, KeyFile(settings[StoreSettings]).create("marketer", ("marketer",), NOW))


def form(rule: Any = None, **fields: str) -> dict[str, str]:
    return {"kind": "following", **({} if rule is None else {"rule": json.dumps(rule)}), **fields}


def line(place: str, column: str, choice: str, value: str) -> dict[str, str]:
    return {f"{place}.column": column, f"{place}.before": column, f"{place}.choice": choice, f"{place}.value": value}


def test_a_segment_is_built_shown_compared_changed_and_deleted(own: Visit) -> None:
    lines = {"join": "all", "b0.join": "all", **line("b0.0", "last_purchase", "within_days", "28")}
    preview = own.post("/console/segments-preview", lines)
    assert (preview.status_code, "Last purchase in the last 28 days." in preview.text) == (200, True)
    size = re.findall(r"<strong>([\d,]+) customers</strong>", preview.text)[0]

    refused = own.post("/console/segments/new", lines)
    assert refused.status_code == 422
    assert "Write a title" in refused.text
    assert 'value="28"' in refused.text, "what was typed stays"
    saved = own.post("/console/segments/new", lines | {"title_en": "Recent <b>", "title_zh": "近期"})
    assert saved.headers["location"] == "/console/segments/recent-b"
    assert own.post("/console/segments/new", lines | {"title_en": "x", "name": "recent-b"}).status_code == 422
    assert own.post("/console/segments/new", form(BIG, title_en="Big", name="big")).status_code == 303

    page = own.get("/console/segments/recent-b")
    assert "Recent &lt;b&gt;" in page.text
    assert f">{size}</a>" in page.text
    assert 'href="/console/contact?segment=recent-b"' in page.text
    assert "members are in “Big” too" in unescape(page.text)
    compared = unescape(own.get("/console/segments-compare?one=recent-b&other=big").text)
    assert re.search(r"[\d,]+ customers are in both", compared)
    assert "Spending in 84 days at least $100" in compared or "Spending in 84 days at least 100" in compared
    listed = own.get("/console/segments-own").text
    assert listed.index(">Big<") < listed.index(">Recent &lt;b&gt;<")

    changed = {**lines, **line("b0.0", "last_purchase", "within_days", "1"), "title_en": "Recent", "was": "recent-b"}
    assert own.post("/console/segments/new", changed | {"name": "newest"}).headers["location"].endswith("/newest")
    assert own.get("/console/segments/recent-b").status_code == 404
    assert own.client.post("/console/segments/newest/delete").status_code == 403
    assert own.post("/console/segments/newest/delete").headers["location"] == "/console/segments"
    assert own.get("/console/segments/newest").status_code == 404


def test_members_are_a_file_and_each_is_noted(own: Visit) -> None:
    own.post("/console/segments/new", form(BIG, title_en="To export", name="to-export"))
    answer = own.get("/console/segments/to-export/customers.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="to-export.csv"'
    members = [one.split(",")[0] for one in answer.text.splitlines()[1:]]
    entries = [json.loads(one) for one in Path("data/audit/audit.jsonl").read_text().splitlines()]
    noted = [entry["customers"] for entry in entries if entry["route"].endswith("customers.csv")]
    assert members == [customer for page in noted for customer in page]
    assert members


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"all": [{"column": "risk", "at_least": 0.5}, {"column": "risk", "below": 0.2}]}, "contradict each other"),
        ({"column": "no_more", "equals": 1}, "no_more"),
        ({"column": "risk", "at_least": "many"}, "rule.at_least"),
        ([], "rule"),
    ],
)
def test_a_rule_that_nobody_can_mean_is_refused_beside_the_form(own: Visit, rule: Any, said: str) -> None:
    assert said in own.post("/console/segments-preview", form(rule)).text
    answer = own.post("/console/segments/new", form(rule, title_en="Odd"))
    assert answer.status_code == 422
    assert re.search(rf'class="error" role="alert">[^<]*{said}', answer.text)


def test_the_form_is_filled_in_by_a_rule(own: Visit) -> None:
    page = own.get(f"/console/segments/new?rule={quote(json.dumps({'any': [RECENT, BIG]}))}").text
    assert '<option value="any" selected>' in page
    assert '<option value="amount_84d" selected>' in page
    nested = {"not": {"not": RECENT}}
    assert "within_days" in own.get(f"/console/segments/new?rule={quote(json.dumps(nested))}").text
    broken = own.get("/console/segments/new?rule=%7B")
    assert (broken.status_code, 'role="alert"' in broken.text) == (200, True)


def test_buttons_add_and_remove_lines_and_groups(own: Visit) -> None:
    lines = {"join": "all", "b0.join": "all", **line("b0.0", "amount_84d", "below", "5")}
    assert own.post("/console/segments/new", lines | {"do": "add.0"}).text.count('class="line"') == 2
    assert own.post("/console/segments/new", lines | {"do": "block"}).text.count('class="group"') == 2
    assert 'value="amount_84d" selected' not in own.post("/console/segments/new", lines | {"do": "remove.0.0"}).text
    assert own.post("/console/segments/new", lines | {"do": "remove.7.x"}).status_code == 200


def test_a_trend_is_a_line_between_its_lowest_and_highest_size() -> None:
    days = [SegmentSize(date(2024, 1, 1) + timedelta(days=number), size, 100) for number, size in enumerate((5, 10, 5))]
    assert trend_line(days) == "0.0,22.0 50.0,2.0 100.0,22.0"
    assert trend_line(days[:1]) == ""


@pytest.mark.servers
@pytest.mark.parametrize("size", [None, PHONE])
def test_the_size_follows_what_is_typed(surf: Surf, size: Any) -> None:
    with surf("marketer", **({"size": size, "language": "zh", "theme": "dark"} if size else {})) as surfer:
        page = surfer.open("/console/segments")
        page.wait_for_selector("#overview")
        surfer.check()
        surfer.open("/console/segments/new")
        page.select_option("#b0\\.0\\.column", "amount_84d")
        page.focus("#b0\\.0\\.value0")
        page.keyboard.type("1")
        page.wait_for_selector("#preview .size")
        many = page.inner_text("#preview .size")
        page.keyboard.type("00000000")
        page.wait_for_function("text => document.querySelector('#preview').innerText.indexOf(text) < 0", arg=many)
        surfer.check()
