"""The first page: without scores, with them, and for readers of both languages."""

import re
import shutil
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from rich.console import Console

from core.settings import StoreSettings
from serving.access.keys import KeyFile
from serving.api.app import create_app
from serving.campaigns.report import Asked
from serving.cli.context import Context
from serving.cli.scores import stage_scores
from serving.cli.stages import Stages
from serving.console.site import with_console
from serving.overview.changes import AT_RISK
from serving.settings import load_settings
from tests.conftest import NOW, World, copied
from tests.serving.console.ran import ran
from tests.serving.console.visits import Visit, signed_in

pytestmark = pytest.mark.world
Begin = Callable[..., Visit]
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def app(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """The console of a copy of the world, without scores at first."""
    folder = tmp_path_factory.mktemp("today")
    with copied(world, folder):
        shutil.copy(ROOT / "decisions.toml", folder)
        with (folder / "encore.toml").open("a") as config:
            config.write('\n[decisions]\nfile = "decisions.toml"\n')
        made = with_console(create_app(load_settings(), lambda: NOW))
        made.state.encore.reloader.load()
        with TestClient(made):
            yield made


@pytest.fixture(scope="module")
def begin(app: FastAPI) -> Begin:
    def sign_in(language: str = "en", role: str = "viewer") -> Visit:
        roles: Any = (role,)
        stores = app.state.encore.settings[StoreSettings]
        return signed_in(app, KeyFile(stores).renew(f"{role} {language}", roles, NOW), language)

    return sign_in


def words_of(page: str) -> str:
    """Return what a page says, without its marks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_without_scores_the_page_says_what_to_do(begin: Begin) -> None:
    page = begin().get("/console/")
    assert page.status_code == 200
    assert "encore scores materialize" in page.text
    assert "Keep these customers first" not in page.text


@pytest.fixture(scope="module")
def scored(app: FastAPI) -> FastAPI:
    """The same, once scores were computed ahead and a campaign has started."""
    state, context = app.state.encore, Context(None)
    context.console = Console(quiet=True)
    with Stages(context.console) as stages:
        stage_scores(context, stages)
    kept = ran(state.campaigns, state.source, state.service.table.every()[0][:200])
    state.campaigns.report(kept.campaign.name, Asked(), state.source.as_of)
    return app


def test_it_answers_who_is_at_risk_what_to_do_and_what_changed(scored: FastAPI, begin: Begin) -> None:
    state = scored.state.encore
    page = begin().get("/console/").text
    first, *_ = state.overviews.first(("high", "medium"), 5)
    assert f'href="/console/customer/{first.customer_id}"' in page
    for part in ("Keep these customers first", "Calls in autumn", "150 customers wait", "Value at risk rose by"):
        assert part.replace("150", str(sum(one.waiting for one in state.campaigns.progress()))) in words_of(page), part
    total = sum(value or 0.0 for value in state.service.table.every()[1]["value_at_risk"])
    assert f"{total:,.0f}" in page
    assert "/console/customers?tier=high&amp;sort=-value_at_risk" in page
    assert "were computed afterwards" in page


def test_its_customers_are_the_first_of_the_view_that_it_links_to(scored: FastAPI, begin: Begin) -> None:
    visitor, first = begin(), [row.customer_id for row in scored.state.encore.overviews.first(AT_RISK, 5)]
    link = re.search(r'href="([^"]+)">All at risk and worth keeping', visitor.get("/console/").text)
    assert link
    view = visitor.get(unescape(link[1])).text
    assert re.findall(r'href="/console/customer/([^"]+)"', view)[:5] == first
    assert re.search(r'aria-current="true">At risk and worth keeping', view)
    assert re.search(r"(Low|Inactive|too early to tell)</span>", view.split("<tbody>")[1]) is None


@pytest.mark.usefixtures("scored")
def test_an_action_leads_to_its_customers_where_it_brings_most_first(begin: Begin) -> None:
    visitor = begin()
    link = re.search(r'href="(/console/customers\?best_action=[^"]+)"', visitor.get("/console/").text)
    assert link
    assert re.search(r'aria-sort="descending"><a [^>]+>Expected gain', visitor.get(unescape(link[1])).text)


@pytest.mark.usefixtures("scored")
def test_contacts_that_wait_are_a_link_to_their_campaign(begin: Begin) -> None:
    visitor = begin()
    link = re.search(r'href="([^"]+)#contacts">[\d,]+ customers wait', visitor.get("/console/").text)
    assert link
    assert 'id="contacts"' in visitor.get(link[1]).text


def test_it_says_what_the_last_report_of_a_campaign_says(scored: FastAPI, begin: Begin) -> None:
    state = scored.state.encore
    (one,) = state.running.read(state.source.as_of)
    looks = state.campaigns.store.looks(one.name)
    said = {
        "effect": "after costs",
        "harm": "It did harm",
        "no_effect_seen": "No effect seen",
        "not_yet_known": "Not yet known",
    }
    assert said[one.brought.verdict] in words_of(begin().get("/console/").text)
    assert state.campaigns.store.looks(one.name) == looks


def test_whom_the_page_shows_is_in_the_audit_log(scored: FastAPI, begin: Begin) -> None:
    page = begin().get("/console/").text
    shown = set(re.findall(r'href="/console/customer/([^"]+)"', page))
    log = next((scored.state.encore.settings[StoreSettings].data / "audit").glob("*")).read_text().splitlines()
    assert len(shown) > 5
    assert all(f'"{customer}"' in log[-1] for customer in shown)


def test_an_erased_customer_is_not_among_the_largest_changes(scored: FastAPI, begin: Begin) -> None:
    changes = scored.state.encore.overviews.read(scored.state.encore.reloader.deployment, NOW).changes
    customer = changes.worse[0].customer_id
    link = f'href="/console/customer/{customer}"'
    assert link in begin().get("/console/").text
    scored.state.encore.service.table.erase(customer)
    assert link not in begin().get("/console/").text


@pytest.mark.usefixtures("scored")
def test_it_speaks_chinese(begin: Begin) -> None:
    page = words_of(begin("zh").get("/console/").text)
    assert "优先挽留这些客户" in page
    assert "Linked to" not in page
