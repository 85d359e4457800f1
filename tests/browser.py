"""A real browser on the console of a deployment: Debian's Chromium, driven by Playwright."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from core.settings import Settings, StoreSettings
from serving.access.keys import KeyFile, Role
from serving.access.sessions import Sessions, link_path
from serving.api.app import create_app
from serving.console.site import with_console
from tests.servers import free_port

CHROMIUM = "/usr/bin/chromium"
#: Without these the browser asks servers of its maker at every start.
_QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: Milliseconds that a page may take, where other tests take the cores.
_PATIENCE = 90_000
DESKTOP = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=390, height=844)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_QUIET)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def served(settings: Settings, clock: datetime, *, loaded: bool = True) -> Iterator[str]:
    """Serve API and console of a deployment from a thread; yields the address.

    Parameters
    ----------
    loaded
        Whether there are models to load.
    """
    app = with_console(create_app(settings, lambda: clock))
    if loaded:
        app.state.encore.reloader.load()
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@dataclass
class Surfer:
    """Somebody who has signed in, and what the browser complained about.

    Attributes
    ----------
    complaints
        Errors of the browser's log, requests that left the machine, and answers with an error.
    """

    url: str
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Open a page, and wait until nothing is loading."""
        self.page.goto(self.url + path, wait_until="networkidle")
        return self.page

    def check(self) -> None:
        """Expect no complaint, and no serious fault of accessibility on the page that is open."""
        found = Axe().run(self.page).response["violations"]
        serious = [
            f"{one['id']}: {one['help']} {[node['target'] for node in one['nodes']][:3]}"
            for one in found
            if one["impact"] in {"serious", "critical"}
        ]
        assert not serious, (self.page.url, serious)
        assert not self.complaints, (self.page.url, self.complaints)
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{self.page.url} is {wide} pixels wider than the screen"

    def text(self) -> str:
        """Return what the page says."""
        return self.page.inner_text("main")


@contextmanager
def surfing(
    browser: Browser,
    url: str,
    settings: Settings,
    now: datetime,
    *roles: Role,
    language: str = "en",
    size: ViewportSize = DESKTOP,
    theme: Literal["light", "dark"] = "light",
) -> Iterator[Surfer]:
    """Sign in by a link, as the holder of a new key with some roles."""
    stores = settings[StoreSettings]
    name = f"surfer {'-'.join(roles)}"
    KeyFile(stores).renew(name, roles, now)
    link = link_path(
        Sessions(stores, timedelta(hours=12)), KeyFile(stores).named(name, now).id, now, timedelta(hours=1)
    )
    context = browser.new_context(locale={"en": "en-GB", "zh": "zh-CN"}[language], viewport=size, color_scheme=theme)
    context.set_default_timeout(_PATIENCE)
    surfer = Surfer(url, context, context.new_page())
    listen(surfer)
    try:
        surfer.page.wait_for_timeout(1100)  # the key is noticed within a second
        surfer.open(link)
        assert "/sign-in" not in surfer.page.url
        yield surfer
    finally:
        context.close()


def listen(surfer: Surfer) -> None:
    """Note what the browser complains about."""
    own = urlsplit(surfer.url).netloc

    def requested(address: str) -> None:
        if not re.match(r"data:|blob:|about:", address) and urlsplit(address).netloc != own:
            surfer.complaints.append(f"asks another server: {address}")

    page, complain = surfer.page, surfer.complaints.append
    page.on("request", lambda request: requested(request.url))
    page.on("console", lambda line: complain(f"log: {line.text}") if line.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complain(f"script: {error}"))
