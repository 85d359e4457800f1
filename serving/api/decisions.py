"""Decisions: the best actions for many customers at once, and what was decided before."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, model_validator
from starlette.concurrency import run_in_threadpool

from core.arrays import Ints
from core.jobs import job
from core.settings import StoreSettings
from features.contract.events.kind import Money, Strict
from features.contract.ids import AskedId
from serving.api.answering import json_response
from serving.api.dependencies import ReaderLanguage
from serving.api.problems import documented
from serving.api.scores import MAX_CUSTOMERS
from serving.api.security import Caller, Marketer
from serving.decisions.answers import DecisionAnswer, decision_answers
from serving.decisions.definitions import Decisions
from serving.decisions.records import DecisionRecords, UndecidedError, body_of
from serving.decisions.within import Decided, Limits
from serving.explain.language import Language
from serving.parts.deciding import DecisionEngine, offering_of, products_of
from serving.segments.definitions import Name

_MOST = 1_000_000_000


class DecisionRequest(Strict):
    """Whom to decide for, and within what."""

    customer_ids: Annotated[list[AskedId], Field(min_length=1, max_length=MAX_CUSTOMERS)] | None = Field(
        None, examples=[["1", "2", "3"]]
    )
    segment: Name | None = Field(None, description="Its members")
    everyone: Literal[True] | None = Field(None, description="All customers, for a plan")
    budget: Money | None = Field(None, description="What all actions may cost; null is that of the policy")
    capacity: dict[str, Annotated[int, Field(ge=0, le=_MOST)]] | None = Field(
        None, description="Contacts by channel; null is that of the policy for a day", examples=[{"phone": 40}]
    )
    actions: Annotated[list[Name], Field(min_length=1, max_length=1_000)] | None = Field(
        None, description="Only these; null is all of the file", examples=[["call"]]
    )
    limit: Annotated[int, Field(ge=0, le=MAX_CUSTOMERS)] = Field(
        100, description="With `segment` or `everyone`, the customers who are listed: the highest expected gain first"
    )

    @model_validator(mode="after")
    def _asks_about_one_of_three(self) -> "DecisionRequest":
        if sum(one is not None for one in (self.customer_ids, self.segment, self.everyone)) != 1:
            raise ValueError("expected one of `customer_ids`, `segment` and `everyone`")
        return self


class ActionTotals(BaseModel):
    """Sums of one action."""

    customers: int
    gain: float = Field(description="Expected, after all costs")
    cost: float


class DecisionTotals(BaseModel):
    """Sums of a decision, in the currency of the data."""

    customers: int
    with_action: int
    gain: float = Field(description="Expected, after all costs")
    cost: float
    bound: float = Field(description="No choice within the limits gains more than this")
    gap: float = Field(description="The share of the bound that may be missing; 0 is proven to be the best")
    actions: dict[str, ActionTotals]


class DecisionLimits(BaseModel):
    """What was decided within."""

    actions: list[str]
    budget: float | None
    capacity: dict[str, int] | None


class DecisionPrices(BaseModel):
    """What one more unit of each limit would gain; 0 where a limit does not bind."""

    budget: float
    channels: dict[str, float]


class DecisionRun(BaseModel):
    """A decision as a whole."""

    run: str | None = Field(description="`encore decide replay` computes it again; null with `dry_run`")
    now: datetime = Field(description="The moment of the decision (UTC)")
    as_of: datetime = Field(description="The moment of the features (UTC)")
    is_plan: bool = Field(description="About all customers and actions: the part `action` answers by its prices")
    limits: DecisionLimits
    prices: DecisionPrices
    totals: DecisionTotals
    versions: dict[str, str] = Field(description="What it was made from: decisions, features, models, effects")


class CustomerDecision(BaseModel):
    """The decision for one customer."""

    customer_id: str = Field(examples=["1"])
    decision: DecisionAnswer


class DecisionList(DecisionRun):
    """A decision with its customers."""

    decisions: list[CustomerDecision] = Field(
        description="In the order of `customer_ids`; else the highest expected gain first"
    )
    unknown: list[str] = Field(description="Customers of `customer_ids` who are not known")


def router() -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1/decisions", tags=["decisions"], responses=documented(401, 403, 404, 422, 429, 503))
    bad = documented(400, 413)
    routes.add_api_route(
        "", _decide, methods=["POST"], operation_id="decide", response_model=DecisionList, responses=bad
    )
    routes.add_api_route("/{run}", _show, methods=["GET"], operation_id="getDecision")
    return routes


async def _decide(
    request: Request,
    body: DecisionRequest,
    caller: Marketer,
    language: ReaderLanguage,
    dry_run: Annotated[bool, Query(description="Decide, and keep no record")] = False,
) -> Response:
    """Choose the best actions for customers all at once, within budget and capacity. Takes the role `explain`."""
    _check(body, _decisions(caller))
    run, decided = await run_in_threadpool(_decided, caller, body, keep=not dry_run)
    places, unknown = _listed(body, decided)
    customers = [decided.population.customers[place] for place in places]
    caller.state.note(request, customers, caller.state.reloader.deployment.labels)
    answers = await run_in_threadpool(_answers, caller, decided, places, language)
    rows = [{"customer_id": one, "decision": asdict(answer)} for one, answer in zip(customers, answers, strict=True)]
    return json_response({**_run(run, body_of(decided)), "decisions": rows, "unknown": unknown})


async def _show(
    request: Request, run: Annotated[str, Path(pattern=r"^[0-9A-Za-z-]{1,100}$")], caller: Marketer
) -> DecisionRun:
    """Return limits, totals and versions of a decision that was kept. Takes the role `explain`."""
    caller.state.note(request, [])
    records = DecisionRecords(caller.state.settings[StoreSettings])
    found = await run_in_threadpool(records.run, run)
    return DecisionRun(**_run(run, found.body))


def _engine(caller: Caller) -> DecisionEngine:
    return caller.state.reloader.deployment.engine(DecisionEngine)


def _decisions(caller: Caller) -> Decisions:
    """Return what the file says now.

    Raises
    ------
    UndecidedError
        If none is configured.
    """
    found = _engine(caller).decider.file.current()
    if found is None:
        raise UndecidedError(
            "No file of decisions is configured.",
            'Write one, and name it in encore.toml: [decisions] file = "decisions.toml".',
        )
    return found


def _check(body: DecisionRequest, decisions: Decisions) -> None:
    """Refuse actions and channels that the file does not have.

    Raises
    ------
    RequestValidationError
        If there is one.
    """
    for field, asked, known in (
        ("actions", body.actions or (), decisions.actions.keys()),
        ("capacity", body.capacity or (), {one.channel for one in decisions.actions.values()}),
    ):
        for name in asked:
            if name not in known:
                message = f"expected {field} of the file of decisions: {', '.join(sorted(known)) or 'none'}"
                raise RequestValidationError(
                    [{"type": "value_error", "loc": ("body", field), "msg": message, "input": name}]
                )


def _decided(caller: Caller, body: DecisionRequest, *, keep: bool) -> tuple[str | None, Decided]:
    """Decide, and keep a record unless it is only tried."""
    state, source = caller.state, caller.state.source
    stores, campaigns = state.settings[StoreSettings], state.campaigns
    customers = body.customer_ids
    if body.segment is not None:
        state.segments.one(body.segment, source)
        customers = state.segments.store.members(body.segment)
    limits = Limits(None if body.actions is None else tuple(body.actions), body.budget, body.capacity)
    exclusive = campaigns.store.exclusive(campaigns.planning.decisions().policy, source.as_of)
    # an erasure meanwhile would miss the rows that are written at the end
    with job(stores, "POST /v1/decisions", alone=False):
        decided = campaigns.decider.decide(
            source, source.as_of, customers=customers, limits=limits, campaigns_of=exclusive
        )
        return DecisionRecords(stores).write(decided) if keep else None, decided


def _listed(body: DecisionRequest, decided: Decided) -> tuple[list[int], list[str]]:
    """Return the places of the customers who are listed, and those of the request who are not known."""
    if body.customer_ids is None:
        order: Ints = np.argsort(-decided.of_choice(decided.worth.gain), kind="stable")
        return order[: body.limit].tolist(), []
    places = {customer: place for place, customer in enumerate(decided.population.customers)}
    asked = list(dict.fromkeys(body.customer_ids))
    return [places[one] for one in asked if one in places], [one for one in asked if one not in places]


def _answers(caller: Caller, decided: Decided, places: Sequence[int], language: Language) -> list[DecisionAnswer]:
    writer = _engine(caller).writers[language]
    choose = offering_of(caller.state.reloader.deployment, language, decided.now)
    return decision_answers(decided, writer, products_of(decided, places, choose, writer), places)


def _run(run: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is said of a decision as a whole, from its record."""
    named = {name: body[name] for name in DecisionRun.model_fields if name in body}
    return {"run": run, **named, **{name: datetime.fromisoformat(body[name]) for name in ("now", "as_of")}}
