"""Take the pictures of the console that README and docs show, on what `encore demo` left: `make screenshots`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Page

from serving.settings import load_settings
from tests.browser import DESKTOP, PHONE, chromium, served, surfing

_PICTURES = Path(__file__).parents[1] / "docs/pictures"
#: Pictures by their name: language, theme, size, and the page.
_DESKTOP: dict[str, tuple[str, Literal["light", "dark"], str]] = {
    "today": ("en", "light", "/console/"),
    "customers": ("en", "light", "/console/customers"),
    "segments": ("en", "light", "/console/segments"),
    "contact": ("en", "light", "/console/contact"),
    "models": ("en", "light", "/console/models"),
    "today_zh": ("zh", "dark", "/console/"),
}
#: The highest picture, in pixels; a longer page is cut.
_LONGEST = 1600
#: Of a picture; pages have few, and the file is a third as large.
_COLOURS = 128


def main() -> None:
    """Take every picture of a project's folder, the working directory."""
    settings, now = load_settings(), datetime.now(UTC)
    with chromium() as browser, served(settings, now) as url:
        for name, (language, theme, path) in _DESKTOP.items():
            with surfing(browser, url, settings, now, "admin", language=language, size=DESKTOP, theme=theme) as surfer:
                _take(surfer.open(path), f"console_{name}")
                if name == "customers":
                    surfer.page.locator("main tbody th a").first.click()
                    surfer.page.wait_for_load_state("networkidle")
                    _take(surfer.page, "console_customer")
        with surfing(browser, url, settings, now, "marketer", size=PHONE) as surfer:
            _take(surfer.open("/console/"), "console_phone")


def _take(page: Page, name: str) -> None:
    """Take a picture of a page, at most so high that a reader sees it at once."""
    height = min(int(page.evaluate("document.documentElement.scrollHeight")), _LONGEST)
    size = page.viewport_size or DESKTOP
    page.set_viewport_size({"width": size["width"], "height": height})
    page.wait_for_timeout(500)  # charts are drawn again
    path = _PICTURES / f"{name}.png"
    page.screenshot(path=path)
    Image.open(path).quantize(_COLOURS).save(path, optimize=True)
    page.set_viewport_size(size)


if __name__ == "__main__":
    main()
