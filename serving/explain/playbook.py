"""What to do about a reason: suggestions that the business edits, one file for every language."""

import tomllib
from importlib import resources
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from core.errors import ConfigError
from serving.explain.themes import FINDINGS
from serving.explain.wording import Language


class Suggestion(BaseModel):
    """What to do about one finding, by language."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    en: str | None = None
    zh: str | None = None

    def text(self, language: Language) -> str | None:
        """Return the text in a language."""
        text: str | None = getattr(self, language)
        return text


Playbook = dict[str, Suggestion]


def load_playbook(path: Path | None) -> Playbook:
    """Read a playbook, suggestions by finding; None is Encore's own. What it does not name cannot be acted on.

    Raises
    ------
    ConfigError
        If the file cannot be read, or names a finding or a language that does not exist.
    """
    try:
        text = (
            path.read_text(encoding="utf-8")
            if path is not None
            else (resources.files("serving.explain") / "playbook.toml").read_text(encoding="utf-8")
        )
        playbook = TypeAdapter(Playbook).validate_python(tomllib.loads(text))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"The playbook cannot be read: {error}.", "Correct serving.playbook or the file.") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(
            f"{path}: {'.'.join(str(p) for p in first['loc'])} = {first['input']!r}: {first['msg']}; expected a "
            "section a finding, with texts `en` and `zh`.",
            "Correct the file.",
        ) from error
    unknown = set(playbook) - FINDINGS
    if unknown:
        raise ConfigError(
            f"{path}: nothing is named {', '.join(sorted(unknown))}; expected some of {', '.join(sorted(FINDINGS))}.",
            "Correct or remove the section.",
        )
    return playbook
