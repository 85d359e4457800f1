"""What the page of a customer shows: one question for all parts, and what is on file."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from serving.api.answering import compute, count_shown
from serving.console.naming import segment_titles
from serving.console.rendering import render
from serving.console.stories import STEP, page_of, story_of
from serving.console.visitors import Visitor
from serving.parts.deciding import DecisionEngine
from serving.parts.recommendations import OfferEngine
from serving.scoring.deployment import Deployment
from serving.scoring.part import Question
from serving.scoring.service import ScoredCustomer

_OFFERS = "offers"
_PARTS = ("risk", "reasons", "action", "what_if", "value", "segments", _OFFERS)
#: Where the session keeps what was recorded, for the page that follows.
_RECORDED = "recorded"
#: Channels that people use, beside those of the actions.
_CHANNELS = ("phone", "email", "sms", "post", "in_person")
_NOT_FOUND = 404


@dataclass(frozen=True)
class Draft:
    """A form about a customer as somebody has filled it in.

    Attributes
    ----------
    values
        By field.
    errors
        Keys of what is wrong, by field.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Recorded:
    """What was recorded on the page before.

    Attributes
    ----------
    kind
        Of the event.
    outcome
        `accepted`, `duplicate` or `conflict`, or `waiting` if features do not follow it yet.
    before, now
        The risk; None where there was none.
    learned
        Whether the data that models were trained on have events of this kind.
    """

    kind: str
    outcome: str
    before: float | None
    now: float | None
    learned: bool


async def show_customer(visitor: Visitor, customer: str, *, shown: int = STEP, draft: Draft | None = None) -> Response:
    """Show a customer, or say that nobody is known by this id.

    Parameters
    ----------
    draft
        A form to show again, with what is wrong.

    Raises
    ------
    StoreError
        If nothing can be answered, or the audit log cannot be written.
    """
    visitor.note(customer)
    state = visitor.state
    deployment = state.reloader.deployment
    story, one = await asyncio.gather(run_in_threadpool(story_of, visitor, customer), ask(visitor, customer, *_PARTS))
    if one.statuses == {"unknown_customer"}:
        return render(visitor, "customer_unknown", status=_NOT_FOUND, customer_id=customer)
    parts = {name: one.parts[name].value for name in _PARTS}
    titles = await run_in_threadpool(segment_titles, visitor)
    return render(
        visitor,
        "customer",
        status=200 if draft is None else 422,
        customer_id=customer,
        **parts,
        as_of=one.as_of,
        newest=deployment.ground.online.last_event,
        troubles=_troubles(parts),
        story=story,
        timeline=page_of(story.entries, 0, max(shown, STEP)),
        segment_titles=titles,
        channels=_channels(deployment),
        ruled_out=_ruled_out(deployment),
        draft=draft or Draft(),
        form=secrets.token_hex(16),
        recorded=_recorded(visitor, customer, parts["risk"].risk),
    )


async def ask(visitor: Visitor, customer: str, *parts: str) -> ScoredCustomer:
    """Return what is answered about a customer; the audit log has an entry by then."""
    question = Question((customer,), parts, visitor.language)
    reply = await compute(visitor.state, question)
    # the customer does not see what is read here: an offer is no impression, and nothing that was shown
    count_shown(visitor.state, reply, replace(question, parts=tuple(name for name in parts if name != _OFFERS)))
    (one,) = reply.customers
    return one


def keep_recorded(visitor: Visitor, customer: str, kind: str, outcome: str, before: float | None) -> None:
    """Let the page that follows say what was recorded, once."""
    visitor.request.session[_RECORDED] = {"customer": customer, "kind": kind, "outcome": outcome, "before": before}


def _recorded(visitor: Visitor, customer: str, risk: float | None) -> Recorded | None:
    kept: dict[str, Any] | None = visitor.request.session.get(_RECORDED)
    if kept is None or kept["customer"] != customer:
        return None
    del visitor.request.session[_RECORDED]
    kinds = visitor.state.reloader.deployment.ground.online.kinds
    return Recorded(kept["kind"], kept["outcome"], kept["before"], risk, kept["kind"] in kinds)


def _troubles(parts: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the parts without a current answer, by their status; what is withheld is no trouble."""
    found: dict[str, list[str]] = {}
    for name, part in parts.items():
        if part.status not in {"ok", "withheld"}:
            found.setdefault(part.status, []).append(name)
    return found


def _channels(deployment: Deployment) -> list[str]:
    """Return the channels of contacts: those of the actions, then those that people use besides."""
    if deployment.error(DecisionEngine) is not None:
        return list(_CHANNELS)
    decisions = deployment.engine(DecisionEngine).decisions
    return sorted({*_CHANNELS, *(decisions.channels if decisions is not None else ())})


def _ruled_out(deployment: Deployment) -> int:
    """Return how many products the rules keep from being offered."""
    return 0 if deployment.error(OfferEngine) is not None else deployment.engine(OfferEngine).ruled_out
