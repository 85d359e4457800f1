"""The file of segments."""

from pathlib import Path

import pytest

from core.errors import ConfigError
from features.vectors import ages
from serving.parts import PARTS
from serving.segments.definitions import SegmentDefinition, load_definitions
from serving.segments.rules import columns_of

_GOOD = """
[leaving]
titles = {en = "Leaving", zh = "流失"}
rule = {column = "risk", at_least = 0.5}

[vip-2024]
kind = "static"
rule.all = [{column = "amount", at_least = 100}, {column = "last", within_days = 28}]
"""


def test_tables_are_segments(tmp_path: Path) -> None:
    file = tmp_path / "segments.toml"
    file.write_text(_GOOD, encoding="utf-8")
    found = load_definitions(file)
    assert list(found) == ["leaving", "vip-2024"]
    assert found["leaving"].titles == {"en": "Leaving", "zh": "流失"}
    assert (found["leaving"].kind, found["vip-2024"].kind) == ("following", "static")
    assert load_definitions(None) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[Leaving]\nrule = {column = 'risk', below = 1}", "Leaving.name: String should match pattern"),
        ("[leaving]", "leaving.rule: Field required"),
        ("[leaving]\nrule = {column = 'risk'}", "leaving.rule: expected one operator of equals"),
        ("[leaving]\nrule.all = [{column = 'risk', at_leest = 1}]", "leaving.rule.all.0.at_leest: Extra inputs"),
        ("[leaving]\nkind = 'moving'\nrule = {column = 'risk', below = 1}", "leaving.kind: Input should be"),
        ("[leaving]\ntitles = {fr = 'x'}\nrule = {column = 'risk', below = 1}", "expected one of en, zh"),
        ("leaving = 3", "expected the table [leaving], found leaving = 3"),
        ("[leaving", "The segments cannot be read"),
    ],
)
def test_what_defines_no_segment_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "segments.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load_definitions(file)
    assert said in str(refused.value)
    assert "Correct" in refused.value.remedy


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="The segments cannot be read"):
        load_definitions(tmp_path / "none.toml")


def test_the_fingerprint_is_that_of_kind_and_rule() -> None:
    def made(**more: object) -> str:
        content = {"name": "a", "rule": {"column": "risk", "below": 1}, **more}
        return SegmentDefinition.model_validate(content).fingerprint

    assert made() == made(name="b", titles={"en": "x"})
    assert len({made(), made(kind="static"), made(rule={"column": "risk", "below": 2})}) == 3


def test_the_file_of_the_documentation_defines_segments(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs/segments.md").read_text(encoding="utf-8")
    file = tmp_path / "segments.toml"
    file.write_text(page.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    found = load_definitions(file)
    assert {name: one.kind for name, one in found.items()} == {
        "valuable-at-risk": "following",
        "first-summer": "static",
    }
    columns = {column.name for part in PARTS for column in part.columns} | ages().keys() | set(ages().values())
    for one in found.values():
        assert set(columns_of(one.rule)) <= columns
