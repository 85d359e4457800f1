"""Events that a source reports, declared once by kind. Adding a kind is its file and one line here.

The event API with its OpenAPI schema, the event log, the online feature update and ingestion read this list when they
are called, the interactions that mappings and features know are its kinds, and the documentation's tables are checked
against it.
"""

from collections.abc import Sequence
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, create_model

from features.contract.events.interactions import (
    BASKET,
    CLICK,
    COMPLAINT,
    CONSENT,
    CONTACT,
    NOTE,
    OPENING,
    RATING,
    REDEMPTION,
    REFERRAL,
    RESPONSE,
    RETURN,
    SERVICE_REQUEST,
    VISIT,
)
from features.contract.events.kind import Event, EventKind
from features.contract.events.purchase import PURCHASE
from features.contract.events.subscription import SUBSCRIPTION

#: Every kind, in the order of the documentation.
EVENT_KINDS: list[EventKind] = [
    PURCHASE,
    VISIT,
    BASKET,
    CONTACT,
    OPENING,
    CLICK,
    RESPONSE,
    REDEMPTION,
    COMPLAINT,
    SERVICE_REQUEST,
    RETURN,
    RATING,
    REFERRAL,
    CONSENT,
    NOTE,
    SUBSCRIPTION,
]


def kind_of(event: Event) -> EventKind:
    """Return the kind of an event."""
    return next(kind for kind in EVENT_KINDS if kind.name == event.kind)


def interaction_kinds() -> tuple[str, ...]:
    """Return the names of the kinds whose events are interactions; features are made of these."""
    return tuple(kind.name for kind in EVENT_KINDS if kind.table == "interactions")


def event_type() -> Any:  # noqa: ANN401 - a type that is known only when the kinds are
    """Return the annotation for one event of any registered kind, distinguished by its field `kind`."""
    return _event_type(tuple(EVENT_KINDS))


def event_reader() -> TypeAdapter[Event]:
    """Return what validates and reads one event of any registered kind."""
    return _event_reader(tuple(EVENT_KINDS))


@cache
def _event_type(kinds: tuple[EventKind, ...]) -> Any:  # noqa: ANN401
    by_payload: dict[type[Event], list[EventKind]] = {}
    for kind in kinds:
        by_payload.setdefault(kind.payload, []).append(kind)
    models = [_named(payload, own) for payload, own in by_payload.items()]
    return Annotated[reduce(or_, models), Field(discriminator="kind")] if len(models) > 1 else models[0]


@cache
def _event_reader(kinds: tuple[EventKind, ...]) -> TypeAdapter[Event]:
    return TypeAdapter(_event_type(kinds))


def _named(payload: type[Event], kinds: Sequence[EventKind]) -> type[Event]:
    """Return the payload with the names that its field `kind` may have, and with the examples of its kinds."""
    names: Any = Literal[tuple(kind.name for kind in kinds)]
    examples = [{"kind": kind.name, **kind.example} for kind in kinds]
    return create_model(
        payload.__name__,
        __base__=payload,
        __doc__=payload.__doc__,
        __module__=payload.__module__,
        __cls_kwargs__={"json_schema_extra": {"examples": examples}},
        kind=(names, ...),
    )
