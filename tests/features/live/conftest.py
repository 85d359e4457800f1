"""Fixtures of events."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import World, copied
from tests.features.live.place import Place


@pytest.fixture
def place(world: World, tmp_path: Path) -> Iterator[Place]:
    with copied(world, tmp_path) as settings:
        yield Place(tmp_path, settings)
