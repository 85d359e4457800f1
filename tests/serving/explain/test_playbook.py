"""The playbook, which the business may edit; errors say what is wrong."""

from pathlib import Path

import pytest

from core.errors import ConfigError
from serving.explain.playbook import load_playbook
from serving.explain.themes import FINDINGS


def test_our_own_has_every_language() -> None:
    playbook = load_playbook(None)
    assert set(playbook) <= FINDINGS
    assert all(suggestion.text("en") and suggestion.text("zh") for suggestion in playbook.values())


def test_one_of_the_business_takes_its_place(tmp_path: Path) -> None:
    file = tmp_path / "playbook.toml"
    file.write_text('[long_silence]\nen = "Call them."\n')
    playbook = load_playbook(file)
    assert list(playbook) == ["long_silence"]
    assert playbook["long_silence"].text("en") == "Call them."
    assert playbook["long_silence"].text("zh") is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[silly]\nen = 'x'", "nothing is named silly; expected some of answers_campaigns, asks"),
        ("[long_silence]\nfr = 'x'", r"long_silence\.fr = 'x'"),
        ("[long_silence", "cannot be read"),
        ("long_silence = 3", "long_silence = 3"),
    ],
)
def test_an_error_says_what_is_wrong(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "playbook.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=problem):
        load_playbook(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_playbook(tmp_path / "none.toml")
