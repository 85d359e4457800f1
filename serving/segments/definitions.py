"""What a segment is, and the file that defines segments."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError

from core.errors import ConfigError
from core.stamps import fingerprint
from features.contract.events.kind import Strict
from serving.explain.language import LANGUAGES, Language
from serving.segments.rules import NODE_TAGS, Rule, check_size, written

Name = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}$",
        description="Lower-case letters, digits and hyphens",
        examples=["valuable-at-risk"],
    ),
]
_REMEDY = "Correct the file: a segment is a table with its name, which has `rule`, and may have `kind` and `titles`."
CheckedRule = Annotated[Rule, AfterValidator(check_size)]


def _few(titles: object) -> object:
    """Refuse many titles as one error: one for each would make an answer longer than the request."""
    if isinstance(titles, dict) and len(titles) > len(LANGUAGES):
        raise ValueError(f"expected a title in {', '.join(LANGUAGES)}, found {len(titles):,}")
    return titles


Title = Annotated[str, Field(min_length=1, max_length=100)]
#: What readers see, by language.
Titles = Annotated[dict[Language, Title], BeforeValidator(_few)]


class SegmentLabel(BaseModel):
    """What a segment is called, and whether its members change."""

    name: Name
    kind: Literal["following", "static"] = Field(
        "following",
        description="following: customers come and go as the rule holds for them; static: those for whom it held when "
        "the segment was defined",
    )
    titles: Titles = Field(
        default_factory=dict, description="What readers see, by language", examples=[{"en": "Valuable, and leaving"}]
    )


class SegmentDefinition(SegmentLabel, Strict):
    """What somebody says about a segment."""

    rule: CheckedRule = Field(
        examples=[{"all": [{"column": "risk", "at_least": 0.5}, {"column": "last_purchase", "within_days": 28}]}]
    )

    @property
    def fingerprint(self) -> str:
        """Names kind and rule: another rule under the same name has other members, and another trend."""
        return fingerprint(self.kind, written(self.rule))


def load_definitions(path: Path | None) -> dict[str, SegmentDefinition]:
    """Read the file of segments: a table is one, and its name the segment's. None is no file.

    Raises
    ------
    ConfigError
        If the file cannot be read, or one of its tables defines no segment.
    """
    if path is None:
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"The segments cannot be read: {error}.", "Correct serving.segments or the file.") from error
    return {name: _read(path, name, table) for name, table in tables.items()}


def _read(path: Path, name: str, table: Any) -> SegmentDefinition:  # noqa: ANN401 - whatever TOML has
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: expected the table [{name}], found {name} = {table!r}.", _REMEDY)
    try:
        return SegmentDefinition.model_validate({**table, "name": name})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in (name, *first["loc"]) if part not in NODE_TAGS)
        problem = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{path}: {place}: {problem}.", _REMEDY) from error
