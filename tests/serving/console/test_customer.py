"""The page of a customer: what it says, what people record there, and a customer forgotten."""

import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser

from core.settings import StoreSettings
from features.contract.events import event_reader
from features.live.log import EventLog
from features.store.materialized import read_online, rows_directory
from serving.access.keys import KeyFile
from serving.api.app import create_app
from serving.console.site import with_console
from serving.settings import DecisionSettings
from tests.browser import PHONE, Surfer, served, surfing
from tests.conftest import NOW, Scoring, World, copied
from tests.serving.console.visits import Visit, signed_in

pytestmark = pytest.mark.world
Surf = Callable[..., AbstractContextManager[Surfer]]
CUSTOMER = "42"
EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def viewer(visit: Callable[..., Visit]) -> Visit:
    return visit("viewer")


def test_who_complained_is_not_sold_something(world: World, tmp_path: Path) -> None:
    decisions = (Path(__file__).parents[3] / "decisions.toml").read_text()
    with copied(world, tmp_path) as copy:
        # an apology that costs nothing is worth it for everybody
        Path("decisions.toml").write_text(decisions.replace("cost = 4.0", "cost = 0.0"))
        settings = copy.replaced(DecisionSettings(file=Path("decisions.toml")))
        app = with_console(create_app(settings, lambda: NOW))
        app.state.encore.reloader.load()
        visitor = signed_in(app, KeyFile(settings[StoreSettings]).renew("visitor", ("marketer",), NOW))
        assert "This is no moment to sell." not in page_of(visitor)
        complaint = {**form_of(visitor), "kind": "complaint", "channel": "phone", "text": "Two hours late."}
        assert visitor.post(f"/console/record/{CUSTOMER}", complaint).status_code == 303
        after = page_of(visitor)
        assert "Apology by phone" in after
        assert "This is no moment to sell." in after


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_says_what_the_scoring_service_answers(viewer: Visit, scoring: Scoring, language: Any) -> None:
    viewer.client.headers["Accept-Language"] = language
    page = viewer.get(f"/console/customer/{CUSTOMER}")
    viewer.client.headers["Accept-Language"] = "en"
    assert page.status_code == 200
    (one,) = scoring.ask([CUSTOMER], "risk", "reasons", "value", "what_if", "action", "offers", language=language)
    parts = {name: part.value for name, part in one.parts.items()}
    said = [
        parts["risk"].text,
        *(reason.text for reason in (*parts["reasons"].reasons, *parts["reasons"].strengths)),
        parts["value"].text,
        parts["value"].lifetime.text,
        *(offer.text for offer in parts["offers"].offers),
    ]
    said += [step.text for step in (parts["action"].now, parts["what_if"].what_if) if step is not None]
    text = as_read(page.text)
    assert len(said) > 6
    assert [one for one in said if one not in text] == []


def test_who_may_do_what(viewer: Visit, visit: Callable[..., Visit]) -> None:
    marketer = visit("marketer")
    assert "/console/record/" not in viewer.get(f"/console/customer/{CUSTOMER}").text
    page = marketer.get(f"/console/customer/{CUSTOMER}").text
    assert f"/console/record/{CUSTOMER}" in page
    assert f"/console/forget/{CUSTOMER}" not in page
    form = {"form": "0" * 32, "kind": "note", "text": "x", "given": "0"}
    for visitor, path in [(viewer, "record"), (viewer, "consent"), (marketer, "forget")]:
        assert visitor.post(f"/console/{path}/{CUSTOMER}", form).status_code == 403
    assert marketer.get(f"/console/forget/{CUSTOMER}").status_code == 403
    assert marketer.get(f"/console/erasures/{'0' * 32}").status_code == 403


def test_nobody_is_known_by_this_id(viewer: Visit) -> None:
    page = viewer.get(f"/console/customer/{EVIL}")
    assert page.status_code == 404
    assert "Nobody is known by the id" in page.text
    assert EVIL not in page.text


def test_the_timeline_goes_on_where_it_ended(viewer: Visit) -> None:
    page = viewer.get(f"/console/customer/{CUSTOMER}").text
    (following,) = re.findall(r'hx-get="([^"]+)"', page)
    more = viewer.get(following.replace("&amp;", "&"), fragment=True).text
    assert "<html" not in more
    first, second = moments(page), moments(more)
    assert len(first) == len(second) == 15
    assert first + second == sorted(first + second, reverse=True)


def test_recorded_events_consents_and_an_erasure(world: World, tmp_path: Path) -> None:
    with copied(world, tmp_path) as settings:
        stores = settings[StoreSettings]
        name_a_product(rows_directory(stores, read_online(stores).fingerprint) / "products.parquet")
        app = with_console(create_app(settings, lambda: NOW))
        app.state.encore.reloader.load()
        visitor = signed_in(app, KeyFile(stores).renew("visitor", ("admin",), NOW))
        lines = [{"product_id": "1029743", "quantity": 1, "amount": 3}]
        order = {"event_id": "e1", "customer_id": EVIL, "kind": "purchase", "order_id": "o1", "lines": lines}
        app.state.encore.reloader.intake.take([event_reader().validate_python(order)])

        page = visitor.get(f"/console/customer/{EVIL}")
        assert page.status_code == 200
        assert EVIL not in page.text
        assert page.text.count(as_written(EVIL)) >= 3  # the title, the heading, and the product

        empty = visitor.post(f"/console/record/{CUSTOMER}", {**form_of(visitor), "kind": "note", "channel": "sms"})
        assert empty.status_code == 422
        assert "Expected a text" in empty.text
        assert '<option value="sms" selected>' in empty.text

        complaint = {**form_of(visitor), "kind": "complaint", "channel": "phone", "text": f"{EVIL}\r\nTwice."}
        for said in ("The complaint is saved.", "it counts once"):
            answer = visitor.post(f"/console/record/{CUSTOMER}", complaint)
            assert (answer.status_code, answer.headers["location"]) == (303, f"/console/customer/{CUSTOMER}")
            page = visitor.get(f"/console/customer/{CUSTOMER}").text
            assert said in page
            assert page.count(f"{as_written(EVIL)}\nTwice.") == 1
            assert EVIL not in page
        assert len(EventLog(stores).of([CUSTOMER])) == 1
        assert "is saved" not in visitor.get(f"/console/customer/{CUSTOMER}").text  # said once

        visitor.post(f"/console/record/{CUSTOMER}", {**form_of(visitor), "kind": "contact"})
        page = page_of(visitor)
        assert "Offers shown" not in page  # nobody but the visitor has seen them
        ((changed, same),) = re.findall(r"The risk (?:was \S+ and is now (\S+)|stays at (\S+))\.", page)
        assert f'<span class="value">{changed or same}</span>' in page

        visitor.post(f"/console/consent/{CUSTOMER}", {**form_of(visitor), "given": "0"})
        assert "Customers who do not agree to marketing get no offers." in page_of(visitor)

        assert visitor.post(f"/console/record/{EVIL}x", {**form_of(visitor), "kind": "contact"}).status_code == 404
        assert EventLog(stores).of([f"{EVIL}x"]) == []

        wrong = visitor.post(f"/console/forget/{CUSTOMER}", {"typed": "43"})
        assert wrong.status_code == 422
        assert EventLog(stores).holds(CUSTOMER)
        receipt = visitor.post(f"/console/forget/{CUSTOMER}", {"typed": f" {CUSTOMER}"}).headers["location"]
        assert "<td" in visitor.get(receipt).text
        assert visitor.get(f"/console/customer/{CUSTOMER}").status_code == 404
        app.state.encore.erasures.start()
        until = time.monotonic() + 60
        while 'hx-trigger="every' in (part := visitor.get(receipt, fragment=True).text):
            assert time.monotonic() < until, part
            time.sleep(0.2)
        app.state.encore.erasures.stop()
        assert "Done: nothing about the customer is left" in part


def test_every_view_is_in_the_audit_log(viewer: Visit, world: World) -> None:
    for path in ("customer", "timeline"):
        viewer.get(f"/console/{path}/66")
    files = sorted((world.directory / "data" / "audit").glob("*"))
    lines = "".join(file.read_text() for file in files if file.suffix != ".lock").splitlines()
    routes = {line.split('"route":"')[1].split('"')[0] for line in lines if '"66"' in line and '"route":"' in line}
    assert {"GET /console/customer/{customer_id:path}", "GET /console/timeline/{customer_id:path}"} <= routes


@pytest.mark.servers
def test_the_page_is_usable_on_a_phone_in_the_dark(surf: Surf) -> None:
    with surf("admin", language="zh", size=PHONE, theme="dark") as surfer:
        surfer.open(f"/console/customer/{CUSTOMER}")
        surfer.check()
        surfer.page.click("text=显示更多")
        surfer.page.locator(".timeline time").nth(29).wait_for()
        surfer.open(f"/console/forget/{CUSTOMER}")
        surfer.check()


@pytest.mark.servers
def test_a_complaint_is_recorded_with_the_keyboard_alone(world: World, browser: Browser, tmp_path: Path) -> None:
    with (
        copied(world, tmp_path) as settings,
        served(settings, NOW) as url,
        surfing(browser, url, settings, NOW, "marketer") as surfer,
    ):
        page = surfer.open(f"/console/customer/{CUSTOMER}")
        surfer.check()
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.name") == "kind":
                break
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Tab")
        page.keyboard.type("phone")
        page.keyboard.press("Tab")
        page.keyboard.type("The milk was sour.")
        page.keyboard.press("Tab")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert page.url.endswith(f"/console/customer/{CUSTOMER}")
        assert "The complaint is saved." in page.inner_text(".notice")
        first = page.inner_text(".timeline")
        assert re.search(r"Complaint Phone\s+The milk was sour\.", first)
        surfer.check()


def form_of(visitor: Visit) -> dict[str, str]:
    """Return what names the form on the page of the customer."""
    found = re.search(r'name="form" value="(\w+)"', page_of(visitor))
    assert found
    return {"form": found[1]}


def page_of(visitor: Visit) -> str:
    text: str = visitor.get(f"/console/customer/{CUSTOMER}").text
    return text


def moments(page: str) -> list[str]:
    return re.findall(r'<time datetime="([^"]+)"', page)


def name_a_product(path: Path) -> None:
    products = pq.read_table(path)
    place = products.schema.get_field_index("name")
    pq.write_table(products.set_column(place, "name", pa.array([EVIL] * len(products), pa.string())), path)


def as_written(text: str) -> str:
    """Return a text as the source of a page has it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def as_read(page: str) -> str:
    """Return the text that a reader sees."""
    for written, read in {"&#34;": '"', "&#39;": "'", "&lt;": "<", "&gt;": ">", "&amp;": "&"}.items():
        page = page.replace(written, read)
    return page
