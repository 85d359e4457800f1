"""The world's console: asked directly, and opened in a browser."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser

from core.settings import StoreSettings
from serving.access.keys import KeyFile, Role
from serving.api.app import create_app
from serving.console.site import with_console
from tests.browser import Surfer, served, surfing
from tests.conftest import NOW, World, anywhere, inside
from tests.serving.console.visits import Visit, signed_in


@pytest.fixture(scope="session")
def visit(world: World) -> Iterator[Callable[..., Visit]]:
    """Sign in to the world's console with some roles, without a browser."""
    settings = anywhere(world)
    with inside(world.directory):
        app = with_console(create_app(settings, lambda: NOW))
        app.state.encore.reloader.load()
        with TestClient(app):

            def begin(*roles: Role, language: str = "en") -> Visit:
                key = KeyFile(settings[StoreSettings]).renew(f"visit {'-'.join(roles)}", roles, NOW)
                return signed_in(app, key, language)

            yield begin


@pytest.fixture(scope="session")
def console(world: World) -> Iterator[str]:
    """The address of the world's console."""
    with inside(world.directory), served(anywhere(world), NOW) as url:
        yield url


@pytest.fixture(scope="module")
def surf(world: World, console: str, browser: Browser) -> Callable[..., AbstractContextManager[Surfer]]:
    """Sign in to the world's console with some roles, in a browser."""

    def begin(*roles: Role, **more: Any) -> AbstractContextManager[Surfer]:
        return surfing(browser, console, anywhere(world), NOW, *roles, **more)

    return begin
