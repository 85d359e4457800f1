"""What people record about a customer: contacts, complaints, notes and consents, as events."""

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from features.contract.events import event_reader
from features.contract.events.kind import Event
from serving.api.dependencies import CustomerId
from serving.console.customer import Draft, ask, keep_recorded, show_customer
from serving.console.visitors import Marketer, Visitor
from serving.scoring import metrics
from serving.scoring.service import UnknownCustomerError

router = APIRouter()

#: Names a form that was shown: sent twice, it is one event.
FormId = Annotated[str, Form(pattern=r"^[0-9a-f]{32}$")]
Short = Annotated[str, Form(max_length=200)]
Long = Annotated[str, Form(max_length=20_000)]


@router.post("/record/{customer_id:path}")
async def record(
    visitor: Marketer,
    customer_id: CustomerId,
    form: FormId,
    kind: Annotated[Literal["contact", "complaint", "note"], Form()],
    channel: Short = "",
    text: Long = "",
) -> Response:
    """Record what happened with a customer, then show the page with the risk that follows."""
    values = {"kind": kind, "channel": channel.strip(), "text": text.replace("\r\n", "\n").strip()}
    return await _take(visitor, customer_id, form, values)


@router.post("/consent/{customer_id:path}")
async def consent(
    visitor: Marketer,
    customer_id: CustomerId,
    form: FormId,
    given: Annotated[Literal["0", "1"], Form()],
    channel: Short = "",
) -> Response:
    """Record that a customer agrees to be contacted, or does not any more."""
    values = {"kind": "consent", "channel": channel.strip(), "value": int(given)}
    return await _take(visitor, customer_id, form, values)


async def _take(visitor: Visitor, customer: str, form: str, values: dict[str, Any]) -> Response:
    content = {name: value for name, value in values.items() if value != ""}
    try:
        event: Event = event_reader().validate_python(
            {"event_id": f"console-{values['kind']}-{form}", "customer_id": customer, **content}
        )
    except ValidationError as error:
        fields = {str(one["loc"][-1]) for one in error.errors()}
        # what belongs to no field is shown beside the text
        named = sorted(fields & {"channel", "text"}) or ["text"]
        wrong = {name: f"customer.wrong.{name}" for name in named}
        return await show_customer(visitor, customer, draft=Draft(values, wrong))
    # before it is kept: what cannot be written down is not taken in
    visitor.state.note(visitor.request, [customer], events={event.kind: 1})
    risk = (await ask(visitor, customer, "risk")).parts["risk"].value
    if risk.status == "unknown_customer":
        raise UnknownCustomerError(customer)
    taken = await run_in_threadpool(visitor.state.reloader.intake.take, [event])
    (outcome,) = taken.outcomes
    metrics.EVENTS.labels(event.kind, outcome).inc()
    applied = taken.applied or outcome != "accepted"
    keep_recorded(visitor, customer, event.kind, outcome if applied else "waiting", risk.risk)
    return RedirectResponse(f"/console/customer/{quote(customer)}", status_code=303)
