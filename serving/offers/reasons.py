"""From evidence to sentences: why a product or a type is offered."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from features.spans.base import REGULAR_DAYS
from serving.explain.wording import Unit, Writer
from training.next_product.candidates.evidence import Evidence
from training.next_product.offers.recommend import Offer
from training.next_product.offers.rules import Kind
from training.next_product.offers.types import TypeEvidence, TypeOffer


@dataclass(frozen=True, slots=True)
class OfferAnswer:
    """One offer with its reason."""

    product_id: Annotated[str, Field(examples=["1029743"])]
    name: Annotated[str, Field(examples=["FLUID MILK WHITE ONLY, 1 GA"])]
    type: Annotated[str, Field(examples=["FLUID MILK WHITE ONLY"])]
    kind: Kind
    probability: Annotated[
        float | None,
        Field(
            description="Calibrated probability that the customer buys the product within `horizon_days`, without "
            "being offered it; null for a customer who has not bought in the activity window",
            examples=[0.23],
        ),
    ]
    path: Annotated[str, Field(description="What the offer rests on", examples=["own_cycle"])]
    text: Annotated[
        str,
        Field(examples=["Bought in 10 baskets in the last 365 days, every 17 days on average; last 18 days ago"]),
    ]
    evidence: Annotated[
        dict[str, bool | int | float | str], Field(description="The facts that the text is written from")
    ]


@dataclass(frozen=True, slots=True)
class TypeOfferAnswer:
    """A product type that the customer never bought, with its reason."""

    type: Annotated[str, Field(examples=["BABY FOOD"])]
    product_id: Annotated[str, Field(description="Its most popular product", examples=["1029743"])]
    name: str
    path: Annotated[str, Field(description="What the offer rests on", examples=["type_together"])]
    text: Annotated[
        str,
        Field(examples=["Customers who buy DIAPERS buy this 3.1 times as often as usual (40 of 2,469 bought both)"]),
    ]
    evidence: Annotated[
        dict[str, bool | int | float | str], Field(description="The facts that the text is written from")
    ]


#: Paths whose baskets are those with the product itself.
_OWN = frozenset({"own_cycle", "own_habit"})
#: Prices of small units are shown for a hundred of them.
_SHOWN_FOR = {"g": 100.0, "ml": 100.0}


def offer_reason(offer: Offer, writer: Writer, history_days: int) -> OfferAnswer:
    """Say why a product is offered, from the evidence of the path that found it.

    Parameters
    ----------
    history_days
        How far back the customer's baskets with a product are counted; those with a type are for `REGULAR_DAYS`.
    """
    window = history_days if offer.evidence.path in _OWN else REGULAR_DAYS
    facts = _facts(offer.evidence)
    if "baskets" in facts:
        facts["window_days"] = window
    return OfferAnswer(
        product_id=offer.product_id,
        name=offer.name,
        type=offer.type,
        kind=offer.kind,
        probability=offer.probability,
        path=offer.evidence.path,
        text=_text(offer.type, offer.evidence, writer, window),
        evidence=facts,
    )


def type_reason(offer: TypeOffer, writer: Writer) -> TypeOfferAnswer:
    """Say why a type is offered."""
    return TypeOfferAnswer(
        type=offer.type,
        product_id=offer.product_id,
        name=offer.name,
        path=offer.evidence.path,
        text=_text(offer.type, offer.evidence, writer),
        evidence=_facts(offer.evidence),
    )


def _facts(evidence: Evidence | TypeEvidence) -> dict[str, bool | int | float | str]:
    return {name: value for name, value in vars(evidence).items() if value is not None and name != "path"}


def _text(kind: str, evidence: Evidence | TypeEvidence, writer: Writer, window: int = 0) -> str:
    facts = vars(evidence)

    def shown(name: str, unit: Unit) -> str:
        return "" if facts.get(name) is None else writer.amount(facts[name], unit)

    def price(name: str) -> str:
        if facts.get(name) is None:
            return ""
        whole = facts[name] * _SHOWN_FOR.get(facts["unit"], 1.0)
        return writer.say(f"price.{facts['unit']}", price=writer.amount(whole, "price"))

    return writer.say(
        f"offer.{evidence.path}{_variant(facts)}",
        baskets=shown("baskets" if facts.get("baskets") is not None else "baskets_28d", "purchases"),
        window=writer.amount(window, "span"),
        times=shown("baskets_28d", "times"),
        cycle=shown("cycle_days", "span"),
        since=shown("days_since", "span"),
        lift=shown("lift", "number"),
        saving=shown("saving", "percent"),
        price=price("price"),
        usual=price("usual_price"),
        type=kind,
        anchor=facts.get("anchor_name") or "",
        second=facts.get("second_name") or "",
        **{name: str(facts.get(name) or "") for name in _PLAIN},
    )


_PLAIN = ("anchor_type", "together", "customers", "attribute", "value", "buyers", "of", "campaign")


def _variant(facts: dict[str, object]) -> str:
    """Return which text of a path to take, by what is known."""
    path = facts["path"]
    if path == "own_cycle" and not facts["cycle_is_own"]:
        return "_typical"
    if path == "better" and facts["baskets"] is None:
        return "_listed"
    needed = {"better": "price", "arrival": "baskets", "popular": "baskets_28d", "type_popular": "baskets_28d"}
    return "_plain" if path in needed and not facts[needed[str(path)]] else ""
