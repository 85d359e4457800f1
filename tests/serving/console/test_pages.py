"""Every page in a real browser: both languages, desktop and phone, light and dark."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.browser import PHONE, Surfer

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
