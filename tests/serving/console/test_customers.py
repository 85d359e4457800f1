"""The list of customers: order, pages, filters, export; and in a browser."""

import csv
import html
import io
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from core.settings import StoreSettings
from serving.console.customer_list import PAGE
from serving.console.words import make_words
from serving.parts.recommendations import OfferEngine
from serving.scoring.attributes import attributes
from serving.scoring.listing import Listing
from serving.scoring.part import Question
from serving.settings import TextSettings
from tests.browser import PHONE, Surfer
from tests.conftest import World
from tests.serving.console.visits import Visit
from training.churn.labels import active_customers

pytestmark = pytest.mark.world
Begin = Callable[..., Visit]
WORTH = Listing({}, {}, {}, "value_at_risk", descending=True)
PARTS = ("risk", "reasons", "value", "segments")


@pytest.fixture(scope="module")
def table(world: World, visit: Begin) -> Any:
    """The score table, with more customers than a page shows."""
    state = visit("viewer").client.app.state.encore  # type: ignore[attr-defined]
    customers = tuple(active_customers(world.settings, world.schedule.as_of)[: PAGE + 20])
    deployment = state.reloader.deployment
    for language in ("en", "zh"):
        question = Question(customers, PARTS, language)
        state.service.prepare(deployment, question, state.reloader.as_of(deployment))
    return state.service.table


def shown(page: str) -> list[str]:
    """Return the customers on a page, in its order."""
    return re.findall(r'href="/console/customer/([^"]+)"', page)


def expected(table: Any, listing: Listing = WORTH) -> list[str]:
    return [row.customer_id for row in table.list(listing, 10_000)]


def test_who_is_worth_keeping_comes_first_page_by_page(visit: Begin, table: Any) -> None:
    visitor, whole = visit("viewer"), expected(table)
    first = visitor.get("/console/customers").text
    assert shown(first) == whole[:PAGE]
    assert re.search(r'aria-sort="descending"><a href="[^"]*sort=value_at_risk">Value at risk', first)
    assert 'rel="prev"' not in first
    second = visitor.get(_link(first, "next")).text
    assert shown(second) == whole[PAGE : 2 * PAGE]
    assert shown(visitor.get(_link(second, "prev")).text) == whole[:PAGE]


def _link(page: str, rel: str) -> str:
    found = re.search(rf'rel="{rel}" href="([^"]+)"', page)
    assert found
    return found[1].replace("&amp;", "&")


def test_filters_hold_together_and_become_a_rule(visit: Begin, table: Any) -> None:
    page = visit("marketer").get("/console/customers?tier=low&tier=medium&max_risk=0.1&sort=risk").text
    listing = Listing({}, {}, {"risk": 0.1}, "risk", one_of={"tier": ["low", "medium"]})
    assert shown(page) == expected(table, listing)[:PAGE] != []
    assert f"{table.count(listing, 10_000):,} customer" in page
    link = re.search(r'href="(/console/segments/new[^"]+)"', page)
    assert link
    rule = orjson.loads(parse_qs(urlsplit(link[1]).query)["rule"][0])
    assert rule["all"][0] == {"column": "tier", "in": ["low", "medium"]}


def test_reasons_are_sentences_in_the_reader_s_language(visit: Begin, table: Any) -> None:
    assert expected(table)
    page = visit("viewer", language="zh").get("/console/customers?sort=-risk").text
    assert re.search(r'<span class="reason">[\u4e00-\u9fff]', page)
    assert re.search(r'<span class="note">[^<]*[\u4e00-\u9fff]。', page)


def test_ids_are_searched_without_scripts_and_with_them(visit: Begin, table: Any) -> None:
    visitor, customer = visit("viewer"), expected(table)[3]
    answer = visitor.get(f"/console/customers?q={customer}&min_risk=&tier=")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/console/customers?q={customer}")
    part = visitor.get(f"/console/customers?q={customer}&min_risk=&tier=", fragment=True)
    assert part.headers["hx-push-url"] == f"/console/customers?q={customer}"
    assert customer in shown(part.text)
    assert all(one.startswith(customer) for one in shown(part.text))
    assert "<html" not in part.text


def test_attributes_and_products_are_called_as_on_other_pages(visit: Begin, table: Any) -> None:
    assert table.columns
    visitor = visit("viewer", language="zh")
    state = visitor.client.app.state.encore  # type: ignore[attr-defined]
    catalogue = state.reloader.deployment.engine(OfferEngine).recommenders["champion"].model.catalogue
    page = html.unescape(visitor.get(f"/console/customers?best_offer={catalogue.ids[0]}").text)
    assert f"：{catalogue.label(0)}" in page
    titles = make_words(TextSettings())["zh"].texts
    named = [name for name in attributes(state.settings) if f"customer.attribute.{name}" in titles]
    assert named
    for name in named:
        assert re.search(rf'<option value="{name}">{titles[f"customer.attribute.{name}"]}</option>', page)


def test_what_does_not_fit_is_said_and_kept(visit: Begin, table: Any) -> None:
    assert expected(table)
    visitor = visit("viewer")
    answer = visitor.get("/console/customers?min_risk=a<b&segment=no-such")
    assert answer.status_code == 422
    assert 'value="a&lt;b" aria-invalid="true"' in answer.text
    assert "There is no segment “no-such”" in answer.text
    assert visitor.get("/console/customers?after=wrong").status_code == 422
    assert "No customer fits" in visitor.get("/console/customers?q=no-such-customer").text


def test_an_export_has_every_row_and_is_in_the_audit_log(world: World, visit: Begin, table: Any) -> None:
    path = "/console/customers/export?min_risk=0&columns=risk,tier,amount"
    assert visit("viewer").get(path).status_code == 403
    answer = visit("marketer").get(path)
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    whole = expected(table, Listing({}, {"risk": 0}, {}, "value_at_risk", descending=True))
    assert rows[0] == ["Customer", "Risk of leaving", "Expected spending", "Risk level"]
    assert [row[0] for row in rows[1:]] == whole
    assert {row[3] for row in rows[1:]} <= {"High", "Medium", "Low", "New: too early to tell"}
    log = (world.settings[StoreSettings].data / "audit" / "audit.jsonl").read_text().splitlines()
    last = [orjson.loads(line) for line in log if "/customers/export" in line]
    assert [customer for entry in last for customer in entry["customers"]] == whole


@pytest.mark.servers
def test_a_filter_is_chosen_by_keyboard(surf: Callable[..., AbstractContextManager[Surfer]], table: Any) -> None:
    with surf("marketer") as surfer:
        page = surfer.open("/console/customers")
        page.locator("summary", has_text="Risk level").press("Enter")
        surfer.check()
        page.get_by_role("checkbox", name="Low", exact=True).press("Space")
        page.wait_for_url("**/customers?tier=low")
        page.get_by_text("Risk level: Low").wait_for()
        assert page.locator("#views a[aria-current]").count() == 0
        page.keyboard.press("Escape")
        assert not page.get_by_role("checkbox", name="Low", exact=True).is_visible()
        page.get_by_role("link", name="Risk of leaving").press("Enter")
        page.wait_for_url("**/customers?tier=low&sort=-risk")
        listing = Listing({"tier": "low"}, {}, {}, "risk", descending=True)
        assert page.locator("tbody th a").first.inner_text() == expected(table, listing)[0]
        surfer.check()


@pytest.mark.servers
def test_the_list_fits_a_phone(surf: Callable[..., AbstractContextManager[Surfer]], table: Any) -> None:
    assert expected(table)
    with surf("viewer", language="zh", size=PHONE, theme="dark") as surfer:
        page = surfer.open("/console/customers?tier=low")
        value = page.locator("tbody td.number:visible").last
        box = value.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= PHONE["width"]
        assert not page.get_by_label("搜索", exact=True).is_visible()
        surfer.check()
        page.locator("summary", has_text="搜索、筛选").click()
        page.locator("summary", has_text="显示的列").last.click()
        surfer.check()
        page.keyboard.press("Escape")
        page.locator("summary", has_text="更多筛选").click()
        surfer.check()
