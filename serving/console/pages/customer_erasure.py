"""A customer forgotten: confirmed by typing the id, then followed until it is done."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from features.contract.ids import canonical_id
from serving.api.dependencies import CustomerId
from serving.console.rendering import is_fragment, render
from serving.console.visitors import Admin

router = APIRouter()
_WRONG = 422


@router.get("/forget/{customer_id:path}")
def question(visitor: Admin, customer_id: CustomerId) -> Response:
    """Ask whether a customer is to be forgotten."""
    visitor.note(customer_id)
    return render(visitor, "customer_forget", customer_id=customer_id, typed="", wrong=False)


@router.post("/forget/{customer_id:path}")
def forget(visitor: Admin, customer_id: CustomerId, typed: Annotated[str, Form(max_length=400)] = "") -> Response:
    """Begin to forget a customer whose id was typed, and lead to the receipt."""
    if canonical_id(typed) != customer_id:
        visitor.note(customer_id)
        return render(visitor, "customer_forget", status=_WRONG, customer_id=customer_id, typed=typed, wrong=True)
    # the erasure itself is written down, without the customer
    visitor.note()
    receipt = visitor.state.erasures.begin(customer_id)
    return RedirectResponse(f"/console/erasures/{receipt.erasure_id}", status_code=303)


@router.get("/erasures/{erasure_id}")
def receipt(visitor: Admin, erasure_id: str) -> Response:
    """Show what an erasure has removed, and whether it is done."""
    found = visitor.state.erasures.receipt(erasure_id)
    template = "customer_receipt_part" if is_fragment(visitor.request) else "customer_receipt"
    return render(visitor, template, receipt=found)
