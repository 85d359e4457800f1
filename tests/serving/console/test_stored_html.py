"""Names that hold HTML are shown as text: in a browser, nothing of them runs."""

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from core.settings import StoreSettings
from serving.access.keys import KeyFile
from serving.access.sessions import Sessions, link_path
from serving.api.app import utc_now
from serving.settings import default_settings
from tests.browser import Surfer, listen, served

pytestmark = pytest.mark.servers
NAME = '"><img src=x onerror="document.title=1"><script>document.title=2</script>{{ 7 * 7 }}'


def test_a_name_with_html_is_text(browser: Browser, tmp_path: Path) -> None:
    settings, now = default_settings(StoreSettings(data=tmp_path)), utc_now()
    keys = KeyFile(settings[StoreSettings])
    keys.create(NAME, ("viewer",), now)
    link = link_path(Sessions(settings[StoreSettings], timedelta(hours=1)), keys.read()[0].id, now, timedelta(hours=1))
    with served(settings, now, loaded=False) as url:
        context = browser.new_context()
        surfer = Surfer(url, context, context.new_page())
        listen(surfer)
        page = surfer.open(link)
        assert page.inner_text(".who") == NAME
        page = surfer.open("/console/models")  # which says who may not see it
        assert NAME in surfer.text()
        # an inline script that got into a page would be refused: the browser says so, and does not run it
        page.evaluate("document.querySelector('main').innerHTML = '<img src=x onerror=\"document.title=3\">'")
        page.wait_for_timeout(200)
        assert "Encore" in page.title()
        assert any("Content Security Policy" in line for line in surfer.complaints)
        context.close()
