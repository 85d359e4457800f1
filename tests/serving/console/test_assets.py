"""What pages load: scripts of packages are the releases that were checked, and nothing of ours is inline."""

import hashlib
import re
from pathlib import Path

import pytest

from serving.console import rendering
from serving.console.assets import address_of, path_of
from tests.serving.console.visits import bare, visitor_of

CONSOLE = Path(rendering.__file__).parent
#: Of the files in the releases of htmx 2.0.10 and Apache ECharts 5.5.1 on npm. Another content has to be looked at.
RELEASES = {
    "htmx.js": "71ea67185bfa8c98c39d31717c6fce5d852370fcdfd129db4543774d3145c0de",
    "echarts.js": "e84270bd0cd5bdf60fefc26d00c2a391cb2e81f4d26a7a9ee16185a54773a3cf",
}
#: Modules that mark a text as HTML: each escapes what it was given.
MARKING = {"markdown.py"}


@pytest.mark.parametrize("name", RELEASES)
def test_scripts_of_packages_are_the_releases_of_their_projects(name: str) -> None:
    path = path_of(name)
    assert path is not None, f"{name} is not where its package had it"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == RELEASES[name]


def test_assets_are_kept_by_browsers_and_change_their_address_with_their_content(tmp_path: Path) -> None:
    visit = visitor_of(bare(tmp_path))
    for file in (CONSOLE / "assets").iterdir():
        answer = visit.get(address_of(file.name))
        assert answer.content == file.read_bytes()
        assert "immutable" in answer.headers["cache-control"]
        assert "set-cookie" not in answer.headers
        assert hashlib.sha256(answer.content).hexdigest()[:12] in address_of(file.name)


@pytest.mark.parametrize(
    "name", ["..%2f..%2fsite.py", "..%2fsite.py", "site.py", "%2e%2e%2fsite.py", "htmx.js%00", "", "/etc/passwd"]
)
def test_only_assets_are_read(tmp_path: Path, name: str) -> None:
    assert visitor_of(bare(tmp_path)).get(f"/console/assets/{name}").status_code == 404


@pytest.mark.parametrize("file", sorted(CONSOLE.glob("templates/**/*.html")), ids=lambda file: str(file.name))
def test_templates_have_nothing_inline(file: Path) -> None:
    text = re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}", "", file.read_text(), flags=re.DOTALL)
    for pattern in (r"<script(?![^>]*\ssrc=)", r"<style\b", r"\sstyle\s*=", r"\son[a-z]+\s*=", r"\bhx-on\b", r"\bjs:"):
        assert not re.search(pattern, text), pattern
    text = file.read_text()
    for pattern in (r"\|\s*safe\b", r"autoescape", r"javascript:", r"https?://"):
        assert not re.search(pattern, text), pattern


def test_texts_are_marked_as_html_in_few_places() -> None:
    marking = {file.name for file in CONSOLE.rglob("*.py") if re.search(r"\bMarkup\(", file.read_text())}
    assert marking <= MARKING
