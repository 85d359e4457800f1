"""The OpenAPI document: complete, as committed, and with the error types that the documentation names."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from serving.api.app import openapi_text
from serving.api.problems import TYPES
from serving.parts import PARTS

_ROOT = Path(__file__).parents[3]
_COMMITTED = _ROOT / "docs/openapi.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(openapi_text())
    return schema


def test_the_document_is_the_committed_one(document: dict[str, Any]) -> None:
    assert json.loads(_COMMITTED.read_text()) == document, "The API has changed: run `make openapi`, and read the diff."


def test_every_part_is_described_in_every_answer_that_has_it(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    score = schemas["Score"]["properties"]
    for part in PARTS:
        assert part.name in score
        described = schemas[part.schema.__name__]
        assert {"status", "reason", "model"} < described["properties"].keys()
        assert described["properties"]["status"]["description"]
    assert schemas["Explanation"]["required"] == [
        *("as_of", "feature_timestamp", "newest_event_timestamp", "computed"),
        *("customer_id", "models", "risk", "reasons", "action", "what_if"),
    ]
    include = schemas["ScoreRequest"]["properties"]["include"]["items"]
    assert include["enum"] == [part.name for part in PARTS]


def test_the_list_takes_a_filter_for_every_column(document: dict[str, Any]) -> None:
    names = {parameter["name"] for parameter in document["paths"]["/v1/scores"]["get"]["parameters"]}
    columns = [column for part in PARTS for column in part.columns]
    assert len(columns) > 5
    for column in columns:
        wanted = {column.name} if column.type == "text" else {f"min_{column.name}", f"max_{column.name}"}
        assert wanted <= names
    assert {"sort", "limit", "cursor"} <= names


def test_the_error_types_of_code_and_documentation_are_the_same() -> None:
    named: dict[str, set[str]] = {}
    for file in [_ROOT / "README.md", *(_ROOT / "docs").glob("*.md")]:
        for kind in re.findall(r"urn:encore:([a-z-]+)", file.read_text(encoding="utf-8")):
            named.setdefault(kind, set()).add(file.name)
    assert {kind: files for kind, files in named.items() if kind not in TYPES} == {}
    api = re.findall(r"`([a-z-]+)`", _section((_ROOT / "docs/api.md").read_text(encoding="utf-8"), "Errors"))
    assert set(TYPES) <= set(api), "docs/api.md lists every error type"


def _section(text: str, heading: str) -> str:
    section = re.search(rf"^## {heading}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, f"docs/api.md has a section {heading!r}"
    return section[1]
