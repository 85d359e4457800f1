"""The documentation: its links lead somewhere, and its lines fit the page."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
WIDTH = 120


def prose(page: Path) -> list[str]:
    """Return the lines of a page outside of code."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL).splitlines()


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = [line.lstrip("#").strip().lower() for line in prose(page) if line.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", "\n".join(prose(page))):
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in anchors(linked), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_lines_fit_the_page(page: Path) -> None:
    long = [
        line
        for line in prose(page)
        if len(line) > WIDTH and not line.lstrip().startswith(("|", "![")) and not line.startswith("    ")
    ]
    assert long == []


@pytest.mark.parametrize("package", ["features", "training", "serving"])
def test_the_architecture_names_every_room(package: str) -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    rooms = sorted(folder.parent.name for folder in (ROOT / package).glob("*/__init__.py"))
    assert [room for room in rooms if f"{room}/" not in page] == []
