"""From evidence to sentences: why a product or a type is offered."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from features.spans.base import REGULAR_DAYS
from serving.explain.wording import LONGEST, Writer, shortened
from training.next_product.candidates.evidence import Evidence
from training.next_product.candidates.reference import MOST_CUSTOMERS
from training.next_product.offers.recommend import Offer
from training.next_product.offers.rules import Kind
from training.next_product.offers.types import TypeEvidence, TypeOffer


@dataclass(frozen=True, slots=True)
class OfferAnswer:
    """One offer with its reason.

    `name`, `type`, `title` and `text` are as the reader calls them; `evidence` has the names of the data.
    """

    product_id: Annotated[str, Field(examples=["1029743"])]
    name: Annotated[str, Field(examples=["FLUID MILK WHITE ONLY, 1 GA"])]
    type: Annotated[str, Field(examples=["FLUID MILK WHITE ONLY"])]
    kind: Kind
    title: Annotated[str, Field(description="What the offer is, in the reader's language", examples=["Due again"])]
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
        Field(examples=["Bought 10 times in the last 12 months, most recently 18 days ago; usually every 17 days"]),
    ]
    evidence: Annotated[
        dict[str, bool | int | float | str], Field(description="The facts that the text is written from")
    ]


@dataclass(frozen=True, slots=True)
class TypeOfferAnswer:
    """A product type that the customer never bought, with its reason; names as those of an `OfferAnswer`."""

    type: Annotated[str, Field(examples=["BABY FOOD"])]
    product_id: Annotated[str, Field(description="Its most popular product", examples=["1029743"])]
    name: str
    path: Annotated[str, Field(description="What the offer rests on", examples=["type_together"])]
    text: Annotated[
        str,
        Field(examples=["Buyers of “DIAPERS” are 3.1 times as likely as average to have bought this; 40 bought both"]),
    ]
    evidence: Annotated[
        dict[str, bool | int | float | str], Field(description="The facts that the text is written from")
    ]


#: Paths whose baskets are those with the product itself.
_OWN = frozenset({"own_cycle", "own_habit"})
#: By unit the amounts that prices may be shown for, each with the name of its text `price.<name>`: the first one that
#: makes the prices high enough.
_SHOWN_FOR = {
    "g": (("g", 100.0), ("kg", 1000.0)),
    "ml": (("ml", 100.0), ("litre", 1000.0)),
    "piece": (("piece", 1.0), ("hundred", 100.0)),
    "package": (("package", 1.0),),
}
#: Below this, whole cents hide how far two prices are apart.
_LOWEST_SHOWN = 0.1
#: From 1.5 cycles after the last purchase on a product is overdue, and after 2 it has possibly lapsed.
_OVERDUE_CYCLES, _LAPSED_CYCLES = 1.5, 2.0
#: Titles of paths that need no other fact.
_TITLES = {"pinned": "campaign", "arrival": "arrival", "larger_pack": "larger_pack"}
#: From ten times as likely on, a tenth says nothing.
_WHOLE_LIFT = 10.0

Lateness = Literal["due", "overdue", "lapsed"]


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
        name=writer.names.of("product", offer.product_id, offer.name),
        type=writer.names.of("type", offer.type),
        kind=offer.kind,
        title=writer.say(f"offer_title.{_title(offer, writer.style.likely_from)}"),
        probability=offer.probability,
        path=offer.evidence.path,
        text=_text(offer.type, offer.evidence, writer, window),
        evidence=facts,
    )


def type_reason(offer: TypeOffer, writer: Writer) -> TypeOfferAnswer:
    """Say why a type is offered."""
    return TypeOfferAnswer(
        type=writer.names.of("type", offer.type),
        product_id=offer.product_id,
        name=writer.names.of("product", offer.product_id, offer.name),
        path=offer.evidence.path,
        text=_text(offer.type, offer.evidence, writer),
        evidence=_facts(offer.evidence) | {"type": offer.type},
    )


def _facts(evidence: Evidence | TypeEvidence) -> dict[str, bool | int | float | str]:
    return {name: value for name, value in vars(evidence).items() if value is not None and name != "path"}


def lateness(evidence: Evidence) -> Lateness | None:
    """Tell how late a product is that was bought before; None where it is not due or no cycle is known.

    Only customers with a cycle of their own are overdue or have lapsed: others have no habit to be late by.
    """
    cycle, since = evidence.cycle_days, evidence.days_since
    if not cycle or since is None or since < cycle:
        return None
    if not evidence.cycle_is_own:
        return "due" if since <= _LAPSED_CYCLES * cycle else None
    if since > _LAPSED_CYCLES * cycle:
        return "lapsed"
    return "overdue" if since > _OVERDUE_CYCLES * cycle and _days_late(cycle, since) > 0 else "due"


def _days_late(cycle: float, since: float) -> int:
    """Return the whole days that a reader gets from the two numbers in the text."""
    return math.floor(since) - round(cycle)


def _title(offer: Offer, likely_from: float) -> str:
    evidence = offer.evidence
    if evidence.path in _TITLES:
        return _TITLES[evidence.path]
    if offer.kind == "up_sell":
        return "pricier" if _is_pricier(evidence) else "upgrade"
    if offer.kind == "cross_sell":
        return "new"
    late = lateness(evidence)
    if late == "lapsed" or (late is not None and offer.kind == "repeat"):
        return late
    return "likely" if offer.probability is not None and offer.probability >= likely_from else "before"


def _is_pricier(evidence: Evidence) -> bool:
    """Tell whether the product costs more per unit; rules other than `unit_price` may call a cheaper one better."""
    return evidence.price is not None and evidence.usual_price is not None and evidence.price > evidence.usual_price


def _text(kind: str, evidence: Evidence | TypeEvidence, writer: Writer, window: int = 0) -> str:
    if isinstance(evidence, Evidence) and evidence.path in _OWN:
        return _bought(evidence, writer, window)
    key, names = f"offer.{evidence.path}{_variant(evidence)}", _names(kind, evidence, writer)
    values = _values(evidence, writer) | {"window": writer.amount(window, "span")}

    def written(names: Mapping[str, str]) -> str:
        return writer.say(key, **values, **{name: writer.quoted(text) for name, text in names.items()})

    text = written(names)
    if len(text) <= LONGEST:
        return text
    used = [name for name in names if f"{{{name}}}" in writer.texts[key]]
    room = (LONGEST - len(written(dict.fromkeys(names, "")))) // max(len(used), 1)
    return written({name: shortened(text, room) for name, text in names.items()})


def _bought(evidence: Evidence, writer: Writer, window: int) -> str:
    """Say how often and when a product was bought, how often it usually is, and how late that makes it."""
    cycle, since = evidence.cycle_days, evidence.days_since or 0.0
    ago, span = writer.amount(since, "ago"), writer.amount(window, "span")
    text = writer.plural("offer.own", evidence.baskets or 0, window=span, since=ago)
    late = lateness(evidence)
    if cycle and evidence.cycle_is_own:
        text += writer.say("offer.cycle.own", every=writer.amount(cycle, "every"))
    elif cycle and evidence.path == "own_cycle":
        text += writer.say("offer.cycle.typical", span=writer.amount(max(cycle, 1.0), "span"))
    if cycle and late == "overdue":
        text += writer.say("offer.late.overdue", late=writer.amount(_days_late(cycle, since), "span"))
    return text + (writer.say("offer.late.lapsed") if late == "lapsed" else "")


def _variant(evidence: Evidence | TypeEvidence) -> str:
    """Return which text of a path to take, by what is known."""
    if isinstance(evidence, TypeEvidence) or evidence.path == "popular":
        return "_plain" if evidence.path.endswith("popular") and not evidence.baskets_28d else ""
    if evidence.path == "better" and not _is_pricier(evidence):
        return "_plain" if evidence.baskets else "_listed"
    return "_plain" if evidence.path == "arrival" and not evidence.baskets else ""


def _names(kind: str, evidence: Evidence | TypeEvidence, writer: Writer) -> dict[str, str]:
    """Return what the reader calls the products and types in a text."""
    names = {"type": writer.names.of("type", kind)}
    if evidence.anchor_type is not None:
        names["anchor"] = writer.names.of("type", evidence.anchor_type)
    if isinstance(evidence, TypeEvidence):
        return names
    for place, product, name in (
        ("anchor", evidence.anchor_id, evidence.anchor_name),
        ("second", evidence.second_id, evidence.second_name),
    ):
        if product is not None:
            names[place] = writer.names.of("product", product, name)
    named = {"attribute": evidence.attribute, "value": evidence.value, "campaign": evidence.campaign}
    return names | {place: name for place, name in named.items() if name is not None}


def _values(evidence: Evidence | TypeEvidence, writer: Writer) -> dict[str, str]:
    """Return the numbers of a text, as a reader would say them."""
    values: dict[str, str] = {}
    if evidence.lift is not None and evidence.together is not None and evidence.customers is not None:
        # where customers are a sample, fewer bought both than in the whole business
        form = "sample" if evidence.customers >= MOST_CUSTOMERS else "all"
        customers = writer.number(evidence.customers)
        values["together"] = writer.say(f"counted.{form}", n=writer.number(evidence.together), of=customers)
        values["factor"] = _factor(evidence.lift, writer)
    if evidence.baskets_28d is not None:
        values["times"] = writer.amount(evidence.baskets_28d, "times")
    if isinstance(evidence, TypeEvidence):
        return values
    if evidence.baskets is not None:
        values["times"] = writer.amount(evidence.baskets, "times")
    if evidence.price is not None and evidence.usual_price is not None and evidence.unit is not None:
        values |= _prices(evidence.price, evidence.usual_price, evidence.unit, writer)
    if evidence.saving is not None:
        values["saving"] = writer.percent(evidence.saving)
    if evidence.buyers is not None and evidence.of is not None:
        values |= {"buyers": writer.number(evidence.buyers), "of": writer.number(evidence.of)}
    return values


def _prices(price: float, usual: float, unit: str, writer: Writer) -> dict[str, str]:
    shown_for = _SHOWN_FOR[unit]
    name, units = next((one for one in shown_for if min(price, usual) * one[1] >= _LOWEST_SHOWN), shown_for[-1])
    shown = writer.say(f"price.{name}", price=writer.amount(price * units, "price"))
    return {"price": shown, "usual": writer.amount(usual * units, "price")}


def _factor(lift: float, writer: Writer) -> str:
    number = writer.number(lift) if lift >= _WHOLE_LIFT else writer.factor(lift)
    return writer.say("factor.twice" if number == "2" else "factor.times", n=number)
