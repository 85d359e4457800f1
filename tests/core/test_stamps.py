"""Stamps and fingerprints: what a result was made from, and by which layout."""

import json
from pathlib import Path

import pytest

from core.errors import StateError
from core.files import write_file
from core.stamps import LAYOUT, code_fingerprint, fingerprint, read_any_stamp, read_stamp, write_stamp


def test_stamps_are_read_back(tmp_path: Path) -> None:
    assert read_stamp(tmp_path / "none") == {}
    write_stamp(tmp_path, {"fingerprint": "x"})
    assert read_stamp(tmp_path) == {"fingerprint": "x"}
    write_file(tmp_path / "stamp.json", b"{half")
    assert read_stamp(tmp_path) == {}


def test_fingerprints_distinguish_values_and_code() -> None:
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert code_fingerprint("features") != code_fingerprint("training")
    assert code_fingerprint("core.sql") != code_fingerprint("core.sqlite")
    with pytest.raises(ModuleNotFoundError, match=r"core\.none"):
        code_fingerprint("core.sql", "core.none")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"fingerprint": "x"}, r"earlier version of Encore: expected layout 2, found 1\. Stop the API and run"),
        ({"fingerprint": "x", "layout": LAYOUT + 1}, r"later version of Encore: .* found 3\. Use that version"),
    ],
)
def test_a_stamp_of_another_layout_is_refused_with_the_remedy(
    content: dict[str, object], words: str, tmp_path: Path
) -> None:
    write_file(tmp_path / "stamp.json", json.dumps(content).encode())
    with pytest.raises(StateError, match=words):
        read_stamp(tmp_path)
    assert read_any_stamp(tmp_path) == ({"fingerprint": "x"}, content.get("layout", 1))
