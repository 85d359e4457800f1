"""From a question to the bytes of an answer: asked, audited, counted. Every route about customers goes through here."""

from typing import Any

import orjson
from fastapi import Request

from core.errors import StoreError
from serving.access.keys import Role
from serving.answers import Experiment
from serving.api.security import Caller, check
from serving.api.state import State
from serving.scoring import metrics
from serving.scoring.scorer import NoModelError, Scorer, UnknownCustomerError
from serving.scoring.service import Entry, Include, Question, Reply, members, provenance
from training.lifecycle.tracking import Version

#: The role that each part takes.
ROLE_OF: dict[Include, Role] = {
    "risk": "score",
    "profile": "score",
    "offers": "score",
    "reasons": "explain",
    "what_if": "explain",
}
#: So many customers are looked up while other requests wait, and computed together with theirs.
_FEW = 8


async def ask(request: Request, caller: Caller, scorer: Scorer, question: Question) -> Reply:
    """Answer a question.

    Raises
    ------
    ForbiddenError
        If the key may not ask for a part of it.
    StoreError
        If nothing can be said, or the audit log cannot be written.
    """
    state = caller.state
    check(caller.key, sorted({ROLE_OF[part] for part in question.include}))
    as_of = state.ready.as_of(scorer)
    if len(question.customers) > _FEW:
        reply = await state.bulk.ask(scorer, question, as_of)
    else:
        batcher = state.offers if "offers" in question.include else state.quick
        reply = state.desk.recall(scorer, question, as_of) or await batcher.ask(scorer, question, as_of)
    state.note(request, question.customers, {*scorer.models.labels, *(one.model for one in reply.entries if one.model)})
    for entry in reply.entries:
        _count(state, entry)
    return reply


async def ask_one(request: Request, caller: Caller, scorer: Scorer, question: Question) -> Entry:
    """Answer a question about one customer.

    Raises
    ------
    UnknownCustomerError
        If nothing is known of them.
    StoreError
        If a store is away, and not all that is asked for was computed before.
    NoModelError
        If a part has no model.
    """
    reply = await ask(request, caller, scorer, question)
    if reply.absent:
        raise NoModelError("next-product" if "offers" in reply.absent else "churn")
    if reply.unavailable or (reply.entries and reply.entries[0].missing):
        raise StoreError(
            "The online store does not answer, and what was asked for was not computed before.",
            "Check stores.online, and that it runs; ask again then.",
        )
    if not reply.entries or len(reply.entries[0].parts) < len(question.include):
        raise UnknownCustomerError(question.customers[0])
    return reply.entries[0]


def scores_json(scorer: Scorer, question: Question, reply: Reply) -> bytes:
    """Return the answer to a question about many."""
    churn, following = scorer.models.churn, scorer.models.next_product
    known = {*reply.unavailable, *(entry.customer_id for entry in reply.entries)}
    if len(reply.absent) == len(question.include):  # nobody was looked for
        known.update(question.customers)
    head = members(
        churn_model=churn.version.label if churn else None,
        churn_model_grade=churn.version.grade if churn else None,
        next_product_model=following.version.label if following else None,
        churn_definition=scorer.definition.model_dump(),
        unknown=[customer for customer in question.customers if customer not in known],
        unavailable=reply.unavailable,
        absent=reply.absent,
    )
    return _object(head, b'"scores":[' + b",".join(_score(entry) for entry in reply.entries) + b"]")


def one_json(scorer: Scorer, entry: Entry) -> bytes:
    """Return the answer to a question about one."""
    churn = scorer.models.churn
    parts = [provenance(entry), members(churn_definition=scorer.definition.model_dump())]
    if "risk" in entry.parts and churn is not None:
        other = entry.model is not None and entry.model != churn.version.label
        model = {"model": entry.model, "model_grade": None} if other else _named(churn.version)
        parts.append(members(**model))
    return _object(*parts, *(entry.parts[part] for part in sorted(entry.parts)))


def _score(entry: Entry) -> bytes:
    parts = [of for part, of in entry.parts.items() if part != "offers"]
    if "offers" in entry.parts:
        parts.append(b'"offers":{' + entry.parts["offers"] + b"}")
    if entry.missing or entry.model:
        parts.append(members(missing=entry.missing, model=entry.model))
    return _object(provenance(entry), *parts)


def _named(version: Version) -> dict[str, str | None]:
    return {"model": version.label, "model_grade": version.grade}


def _object(*members: bytes) -> bytes:
    return b"{" + b",".join(members) + b"}"


def _count(state: State, entry: Entry) -> None:
    metrics.SCORES.labels("stale" if entry.stale else entry.computed).inc()
    if "risk" in entry.parts:
        risk = orjson.loads(_object(entry.parts["risk"]))["risk"]
        if risk is not None:
            metrics.RISK.observe(risk)
    if "offers" in entry.parts:
        _show(state, entry, orjson.loads(_object(entry.parts["offers"])))


def _show(state: State, entry: Entry, offered: dict[str, Any]) -> None:
    """Count offers that are answered, and write them down where an experiment runs."""
    for offer in offered["offers"]:
        metrics.OFFERS.labels(offer["kind"]).inc()
    if offered["experiment"] is not None:
        products = [offer["product_id"] for offer in offered["offers"]]
        part = Experiment(**offered["experiment"])
        state.impressions.write(entry.customer_id, entry.as_of, part, offered["model"], products)
