"""What the values of settings may be."""

import codecs
from datetime import UTC, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

TableName = Literal["transactions", "products", "customers", "interactions", "subscriptions"]
Days = Annotated[int, Field(ge=1, le=3650)]
Share = Annotated[float, Field(gt=0, lt=1)]
#: One word, so that it is never taken for one of ingestion's own rules, which are phrases.
RuleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


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


class Section(BaseModel):
    """A section of the file: unknown keys are errors, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)
