"""The documentation of the API in a browser: it works without the public network, and tries requests out."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from core.settings import StoreSettings
from serving.access.keys import KeyFile
from serving.api.app import utc_now
from serving.settings import default_settings
from tests.browser import Surfer, listen, served

pytestmark = pytest.mark.servers


def test_docs_try_a_request_out_without_another_server(browser: Browser, tmp_path: Path) -> None:
    settings = default_settings(StoreSettings(data=tmp_path))
    now = utc_now()
    key = KeyFile(settings[StoreSettings]).create("crm", ("monitor",), now)
    with served(settings, now, loaded=False) as url:
        context = browser.new_context()
        surfer = Surfer(url, context, context.new_page())
        listen(surfer)
        page = surfer.open("/docs")
        assert not surfer.complaints
        page.get_by_role("button", name="Authorize").first.click()
        page.get_by_label("auth-bearer-value").fill(key)
        page.get_by_role("button", name="Apply credentials").click()
        page.get_by_role("button", name="Close").click()
        page.locator("[id^=operations-][id*=etrics]").first.click()
        page.get_by_role("button", name="Try it out").click()
        page.get_by_role("button", name="Execute").click()
        answer = page.locator(".live-responses-table tbody .response-col_status").first
        expect(answer).to_contain_text("200")
        assert not surfer.complaints
        # what an address names is not loaded: pages of this server run with the sessions of the console
        page = surfer.open("/docs?url=https://example.com/x.json&configUrl=https://example.com/y.json")
        assert "Encore" in page.inner_text("#api")
        assert not surfer.complaints
        context.close()
