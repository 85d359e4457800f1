"""Every page in a real browser: both languages, desktop and phone, light and dark."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.browser import DESKTOP, PHONE, Surfer

pytestmark = [pytest.mark.world, pytest.mark.servers]
Surf = Callable[..., AbstractContextManager[Surfer]]
#: Pages that need no more than a click in the menu.
PAGES = [
    "/console/",
    "/console/customers",
    "/console/segments",
    "/console/contact",
    "/console/campaigns",
    "/console/models",
    "/console/data",
]
#: What a small screen cuts: entries of the menu, and cells of every table but the grid, which says that it scrolls.
CUT = """() => {
  const right = (one) => one.getBoundingClientRect().right;
  return [...document.querySelectorAll(".top nav a, .scroll :is(th, td)")]
    .filter((one) => one.checkVisibility() && !one.closest("table.rfm, details:not([open]), thead"))
    .filter((one) => right(one) > right(one.closest(".scroll") ?? document.body) + 1)
    .map((one) => one.textContent.trim());
}"""


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_is_usable(surf: Surf, language: str) -> None:
    with surf("admin", language=language) as surfer:
        for path in PAGES:
            surfer.open(path)
            surfer.check()


def test_every_page_is_usable_on_a_phone_in_the_dark(surf: Surf) -> None:
    with surf("admin", size=PHONE, theme="dark") as surfer:
        for path in PAGES:
            surfer.open(path)
            surfer.check()
            assert surfer.page.evaluate(CUT) == [], path


def test_a_table_that_scrolls_says_so_until_it_fits(surf: Surf) -> None:
    with surf("viewer", size=PHONE) as surfer:
        page = surfer.open("/console/segments")
        grid = page.locator(".scroll:has(table.rfm)")
        hint = "element => getComputedStyle(element, '::before').content"
        assert "Scroll sideways" in grid.evaluate(hint)
        grid.evaluate("element => { element.scrollLeft = element.scrollWidth; }")
        page.locator(".scroll.left:not(.right):has(table.rfm)").wait_for()
        page.set_viewport_size(DESKTOP)
        page.locator(".scroll:not(.left, .right):has(table.rfm)").wait_for()
        assert "Scroll sideways" not in grid.evaluate(hint)
