"""From evidence to sentences: why a product or a type is offered."""

from serving.answers import OfferAnswer, TypeOfferAnswer
from serving.explain.wording import Language, Unit, amount, say
from training.next_product.evidence import Evidence
from training.next_product.offers import Offer
from training.next_product.type_offers import TypeEvidence, TypeOffer

#: Prices of small units are told for a hundred of them.
_TOLD_FOR = {"g": 100.0, "ml": 100.0}


def offer_reason(offer: Offer, language: Language) -> OfferAnswer:
    """Tell why a product is offered, from the evidence of the path that found it."""
    return OfferAnswer(
        product_id=offer.product_id,
        name=offer.name,
        type=offer.type,
        kind=offer.kind,
        probability=offer.probability,
        path=offer.evidence.path,
        text=_text(offer.type, offer.evidence, language),
        evidence=_facts(offer.evidence),
    )


def type_reason(offer: TypeOffer, language: Language) -> TypeOfferAnswer:
    """Tell why a type is offered."""
    return TypeOfferAnswer(
        type=offer.type,
        product_id=offer.product_id,
        name=offer.name,
        path=offer.evidence.path,
        text=_text(offer.type, offer.evidence, language),
        evidence=_facts(offer.evidence),
    )


def _facts(evidence: Evidence | TypeEvidence) -> dict[str, bool | int | float | str]:
    return {name: value for name, value in vars(evidence).items() if value is not None and name != "path"}


def _text(kind: str, evidence: Evidence | TypeEvidence, language: Language) -> str:
    facts = vars(evidence)

    def told(name: str, unit: Unit) -> str:
        return "" if facts.get(name) is None else amount(language, facts[name], unit)

    def price(name: str) -> str:
        if facts.get(name) is None:
            return ""
        whole = facts[name] * _TOLD_FOR.get(facts["unit"], 1.0)
        return say(language, f"price.{facts['unit']}", price=amount(language, whole, "money"))

    return say(
        language,
        f"offer.{evidence.path}{_variant(facts)}",
        baskets=told("baskets" if facts.get("baskets") is not None else "baskets_28d", "baskets"),
        times=told("baskets_28d", "times"),
        cycle=told("cycle_days", "days"),
        since=told("days_since", "days"),
        lift=told("lift", "number"),
        saving=told("saving", "percent"),
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
