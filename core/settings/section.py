"""What a section of the settings is, and what its values may be."""

import codecs
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Days = Annotated[int, Field(ge=1, le=3650)]
Share = Annotated[float, Field(gt=0, lt=1)]


class Part(BaseModel):
    """A part of a section: unknown keys are errors, values never change after loading.

    Attributes
    ----------
    renamed
        Keys that had another name once, and the name they have now; an old one is refused with the new one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    renamed: ClassVar[Mapping[str, str]] = {}


class Section(Part):
    """A section of `encore.toml`, declared in the room that it configures.

    Attributes
    ----------
    section
        What it is called in the file, and, in capitals, in `ENCORE_<NAME>__<KEY>`.
    """

    section: ClassVar[str]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone; expected a name such as Europe/Berlin") from error
    return name


def _known_encoding(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError as error:
        raise ValueError(f"{name!r} is no encoding; expected a name such as utf-8, latin-1 or gb18030") from error


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Zone = Annotated[str, AfterValidator(_known_zone)]
Encoding = Annotated[str, AfterValidator(_known_encoding)]
Moment = Annotated[datetime, AfterValidator(_utc)]
