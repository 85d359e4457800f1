"""From a plan that is tried to a campaign that is started, handed over and measured; and what a reader sees of it."""

import html
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from playwright.sync_api import Browser

from core.settings import Settings, StoreSettings
from serving.access.keys import KeyFile, Role
from serving.api.app import create_app
from serving.api.state import State
from serving.console.site import with_console
from serving.console.words import make_words
from serving.scoring.export import materialize_scores
from serving.settings import DecisionSettings, TextSettings
from tests.browser import PHONE, served, surfing
from tests.conftest import NOW, World, copied
from tests.serving.console.ran import ran
from tests.serving.console.visits import Visit, signed_in
from training.churn.labels import active_customers

pytestmark = pytest.mark.world
_FILE = """
[policy]
holdout = 0.1
budget = 100
margin = 0.25
capacity = {phone = 20}
[actions.call]
titles = {en = "Call <i>them</i>", zh = "电话"}
goal = "retain"
channel = "phone"
cost = 0.5
saves = 0.5
"""


@pytest.fixture(scope="module")
def settings(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A folder with a file of decisions."""
    with copied(world, tmp_path_factory.mktemp("contact")) as settings:
        Path("decisions.toml").write_text(_FILE)
        yield settings.replaced(DecisionSettings(file=Path("decisions.toml")))


@pytest.fixture(scope="module")
def app(settings: Settings) -> Iterator[FastAPI]:
    """Its console; scores are kept, and a campaign has run for five weeks."""
    app = with_console(create_app(settings, lambda: NOW))
    state: State = app.state.encore
    deployment = state.reloader.load()
    as_of = state.reloader.as_of(deployment)
    customers = active_customers(settings, as_of)
    materialize_scores(state.service, deployment, customers, as_of, ("risk", "value", "reasons"))
    ran(state.campaigns, state.source, sorted(customers)[:200])
    with TestClient(app):
        yield app


@pytest.fixture(scope="module")
def enter(app: FastAPI, settings: Settings) -> Callable[..., Visit]:
    """Sign in with some roles."""

    def begin(*roles: Role, language: str = "en") -> Visit:
        key = KeyFile(settings[StoreSettings]).renew(f"contact {'-'.join(roles)}", roles, NOW)
        return signed_in(app, key, language)

    return begin


def figure(page: str, label: str) -> str:
    """Return the number below a label."""
    found = re.search(rf'<span class="label">{label}</span>\s*<span class="value">([^<]*)<', page)
    assert found, page[:2000]
    return found[1]


def test_without_a_file_the_page_says_how_to_write_one(visit: Callable[..., Visit]) -> None:
    for language in ("en", "zh"):
        page = visit("viewer", language=language).get("/console/contact")
        assert page.status_code == 200
        assert "[actions.call]" in page.text


def test_a_slider_changes_the_plan_and_keeps_nothing(enter: Callable[..., Visit], app: FastAPI) -> None:
    visitor = enter("viewer")
    pages = {
        budget: visitor.get(f"/console/contact?goal=retain&budget={budget}", fragment=True) for budget in (2, 8, 40)
    }
    contacted = [int(figure(page.text, "Customers to contact")) for page in pages.values()]
    assert contacted == sorted(contacted)
    assert contacted[0] < contacted[-1]
    assert "budget=8" in pages[8].headers["hx-replace-url"]
    # nobody who may not save is offered to
    assert "/console/contact/save" not in pages[8].text
    assert [one.campaign.name for one in app.state.encore.campaigns.store.all()] == ["autumn-calls"]
    # the slider is sent once, and not into the hand that moves it
    assert 'id="slider"' in pages[8].text
    seen = re.search(r'name="seen" value="([^"]+)"', pages[8].text)
    assert seen
    again = visitor.get("/console/contact", params={"budget": "9", "seen": seen[1], "of": "retain"}, fragment=True)
    assert 'id="slider"' not in again.text


def test_titles_of_actions_are_text(enter: Callable[..., Visit]) -> None:
    page = enter("viewer").get("/console/contact?show=1")
    assert "Call &lt;i&gt;them&lt;/i&gt;" in page.text
    assert "<i>them" not in page.text


def test_a_list_of_customers_is_in_the_audit_log_before_it_is_shown(
    enter: Callable[..., Visit], settings: Settings
) -> None:
    page = enter("viewer").get("/console/contact/customers?budget=8", fragment=True)
    shown = [html.unescape(one) for one in re.findall(r'href="/console/customer/([^"]+)"', page.text)]
    assert shown
    log = "".join(file.read_text() for file in (settings[StoreSettings].data / "audit").glob("*"))
    assert all(f'"{one}"' in log.splitlines()[-1] for one in shown)


def test_what_is_wrong_in_a_form_stands_beside_the_field(enter: Callable[..., Visit]) -> None:
    page = enter("marketer").post("/console/contact/save", {"plan": "budget=much&name=spring"})
    assert page.status_code == 422
    assert 'value="much"' in page.text
    assert "expected an amount" in page.text
    taken = enter("marketer").post("/console/contact/save", {"plan": "name=autumn-calls"})
    assert taken.status_code == 422
    assert "There is a campaign autumn-calls already" in taken.text


def test_a_plan_is_saved_changed_started_handed_over_and_stopped(enter: Callable[..., Visit]) -> None:
    visitor = enter("marketer")
    plan = "name=spring&title=Spring&budget=50&holdout=20&goal=retain"
    saved = visitor.post("/console/contact/save", {"plan": plan})
    assert (saved.status_code, saved.headers["location"]) == (303, "/console/campaigns/spring")
    page = visitor.get("/console/campaigns/spring").text
    assert "Planned" in page
    assert "cannot be changed any more" in page
    form = visitor.get("/console/contact?campaign=spring&show=1").text
    assert 'name="budget" inputmode="decimal" value="50"' in form
    changed = visitor.post("/console/contact/save", {"plan": f"{plan}&campaign=spring&budget=40"})
    assert changed.status_code == 303
    assert visitor.post("/console/campaigns/spring/start").status_code == 303
    exported = visitor.post("/console/campaigns/spring/export", {"channel": "phone"})
    assert exported.headers["location"] == "/console/campaigns/spring#contacts"
    page = visitor.get("/console/campaigns/spring").text
    done = re.search(r"([\d,]+) contacts were handed over \(Phone\)", page)
    assert done
    assert "were handed over (Phone)" not in visitor.get("/console/campaigns/spring").text
    address = re.search(r'href="(/console/campaigns/spring/exports/\w+\.csv)"', page)
    assert address
    assert len(visitor.get(address[1]).text.strip().splitlines()) == 1 + int(done[1])
    assert enter("viewer").get(address[1]).status_code == 403
    assert visitor.post("/console/campaigns/spring/stop").status_code == 303
    assert "Stopped" in visitor.get("/console/campaigns/spring").text


def test_a_plan_shows_the_last_day_and_the_limits_that_were_typed(enter: Callable[..., Visit]) -> None:
    visitor = enter("marketer")
    first, last = NOW.date(), NOW.date() + timedelta(days=13)
    plan = f"name=limited&title=Limited&goal=retain&budget=50&holdout=20&capacity_phone=7&starts={first}&ends={last}"
    assert visitor.post("/console/contact/save", {"plan": plan}).status_code == 303
    page = visitor.get("/console/campaigns/limited").text
    shown = make_words(TextSettings())["en"].date(last)
    assert f"– {shown} ·" in page
    assert shown in visitor.get("/console/campaigns").text
    assert "<dt>Not contacted, for comparison</dt><dd>20%</dd>" in page
    assert "<dt>Contacts at most: Phone</dt><dd>7</dd>" in page
    # the title that there is, where there is none in the language of the reader
    for path in ("/console/campaigns", "/console/campaigns/limited"):
        assert "Limited" in enter("viewer", language="zh").get(path).text


def test_money_that_is_not_worth_spending_is_said_to_be_left(enter: Callable[..., Visit]) -> None:
    for language, words in (("en", r"\S+ of the budget of \S+ is left"), ("zh", "的预算中还剩")):
        page = enter("viewer", language=language).get("/console/contact?goal=retain&budget=50000&show=1").text
        assert re.search(words, page)
        assert "More budget would bring nothing more" not in page


def test_a_result_says_how_many_of_those_assigned_were_handed_over(enter: Callable[..., Visit]) -> None:
    for language, words in (
        ("en", r"0 of \d+ were handed over. The result is of everybody assigned"),
        ("zh", r"已分配 \d+ 名，已交付 0 名。结果按全部已分配的客户计算"),
    ):
        assert re.search(words, enter("viewer", language=language).get("/console/campaigns/autumn-calls").text)


def test_opening_a_campaign_is_no_look_and_measuring_is_shown_to_all(enter: Callable[..., Visit], app: FastAPI) -> None:
    campaigns = app.state.encore.campaigns
    visitor = enter("marketer")
    assert "Nobody has measured" in visitor.get("/console/campaigns/autumn-calls").text
    assert visitor.post("/console/campaigns/look", {"name": "autumn-calls"}).status_code == 303
    looks = campaigns.store.looks("autumn-calls")
    for language, words in (("en", "The groups have the sizes"), ("zh", "各组人数与抽取时一致")):
        reader = enter("viewer", language=language)
        page = reader.get("/console/campaigns/autumn-calls").text
        assert words in page
        assert "/console/campaigns/look" not in page
        assert reader.get("/console/campaigns").status_code == 200
    assert campaigns.store.looks("autumn-calls") == looks


@pytest.mark.servers
def test_the_money_slider_is_moved_with_the_keyboard(settings: Settings, app: FastAPI, browser: Browser) -> None:
    with served(settings, NOW) as url:
        with surfing(browser, url, settings, NOW, "marketer") as surfer:
            page = surfer.open("/console/contact")
            slider = page.locator("#slider")
            slider.wait_for()
            page.locator("#curve canvas").wait_for()
            before = page.locator("[data-part=figures]").inner_text()
            slider.focus()
            with page.expect_response(lambda answer: "/contact?" in answer.url):
                slider.press("Home")
            page.wait_for_function(
                "text => document.querySelector('[data-part=figures]').innerText !== text", arg=before
            )
            assert page.input_value("#budget") == "0"
            assert "Nobody would be contacted" in surfer.text()
            assert page.evaluate("document.activeElement.id") == "slider"
            surfer.check()
        with surfing(browser, url, settings, NOW, "admin", language="zh", size=PHONE, theme="dark") as small:
            for path in ("/console/contact", "/console/campaigns", "/console/campaigns/autumn-calls"):
                small.open(path)
                small.check()
