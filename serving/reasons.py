"""From TreeSHAP values to sentences: one reason per theme, told from raw values, never from column names."""

from collections.abc import Mapping

import numpy as np

from serving.answers import Direction, OfferAnswer, Reason
from serving.contributions import Explained
from serving.playbook import Playbook, Suggestion
from serving.themes import THEMES, Fact, Theme
from serving.wording import Language, amount, say
from training.next_product.offers import Evidence, Offer

#: A theme with less of the explanation than this is not worth a sentence.
MIN_SHARE = 0.01
_NOTHING = Suggestion()


def risk_reasons(explained: Explained, playbook: Playbook, language: Language) -> list[Reason]:
    """Tell why one customer's risk is what it is.

    Parameters
    ----------
    playbook
        What can be done about a theme.

    Returns
    -------
    Reasons in both directions, the largest share of the explanation first. Left out are themes below 1 % of it, and
    those of which the model says the opposite when their features are set to what is usual.
    """
    whole = sum(abs(part.contribution) for part in explained.parts.values()) or 1.0
    reasons = [
        _reason(theme, abs(part.contribution) / whole, part.direction, explained, playbook, language)
        for theme in THEMES
        if (part := explained.parts.get(theme.name)) and part.agrees and abs(part.contribution) >= MIN_SHARE * whole
    ]
    return sorted(reasons, key=lambda reason: -reason.share)


def offer_reason(offer: Offer, language: Language) -> OfferAnswer:
    """Tell why a product is offered, from the evidence of the path that found it."""
    evidence = {name: value for name, value in vars(offer.evidence).items() if value is not None and name != "path"}
    return OfferAnswer(
        product_id=offer.product_id,
        name=offer.name,
        type=offer.type,
        kind=offer.kind,
        score=offer.score,
        path=offer.evidence.path,
        text=_offer_text(offer, offer.evidence, language),
        evidence=evidence,
    )


def _reason(
    theme: Theme, share: float, direction: Direction, explained: Explained, playbook: Playbook, language: Language
) -> Reason:
    values = explained.values
    told = [name for name in values if name in theme.features]
    told += [fact.habit for fact in theme.facts if fact.habit and fact.habit in values and fact.habit not in told]
    sentence, finding = _told(theme, direction, explained, language)
    suggestion = playbook.get(finding or "", _NOTHING) if direction == "raises" else _NOTHING
    return Reason(
        theme=theme.name,
        finding=finding,
        title=say(language, f"finding.{finding}" if finding else f"theme.{theme.name}"),
        direction=direction,
        share=share,
        text=say(language, f"direction.{direction}", fact=sentence),
        values={name: None if np.isnan(values[name]) else values[name] for name in told},
        actionable=suggestion != _NOTHING,
        action=suggestion.told(language),
    )


def _told(theme: Theme, direction: Direction, explained: Explained, language: Language) -> tuple[str, str | None]:
    """Tell the first fact with a comparison that speaks for the direction; else the first known one, alone.

    Returns
    -------
    The sentence, and what was found: None where nothing is compared.
    """
    if not theme.facts:
        return say(language, f"plain.{theme.name}"), None
    values, similar = explained.values, explained.similar
    known = [fact for fact in theme.facts if not np.isnan(values.get(fact.feature, np.nan))]
    for fact in known:
        for kind, other in (("habit", values.get(fact.habit or "", np.nan)), ("similar", similar[fact.feature])):
            if not np.isnan(other) and _speaks_for(fact, other, direction, explained, language):
                finding = fact.more if values[fact.feature] > other else fact.less
                return _plain(fact, values, language) + _against(fact, kind, other, language), finding
    plain = [fact for fact in known if fact.unit != "flag"]
    if not plain:
        return say(language, "fact.unknown", theme=say(language, f"theme.{theme.name}")), None
    return _plain(plain[0], values, language), None


def _plain(fact: Fact, values: Mapping[str, float], language: Language) -> str:
    return say(language, f"fact.{fact.feature}", value=amount(language, values[fact.feature], fact.unit))


def _against(fact: Fact, kind: str, other: float, language: Language) -> str:
    if fact.unit == "flag":
        return ""
    pace = kind == "habit" and fact.feature == "recency_days"
    return say(language, f"against.{'pace' if pace else kind}", value=amount(language, other, fact.unit))


def _speaks_for(fact: Fact, other: float, direction: Direction, explained: Explained, language: Language) -> bool:
    """Tell whether a value beside another goes with the direction; not so where a reader sees the same number.

    Where a higher value does not plainly go with a higher or a lower risk, the model's own contribution decides.
    """
    value = explained.values[fact.feature]
    if fact.unit == "flag":
        return bool(value) and direction == "raises"
    if amount(language, value, fact.unit) == amount(language, other, fact.unit):
        return False
    if fact.sign == 0:
        return (explained.contributions[fact.feature] > 0) == (direction == "raises")
    return (value > other) == ((direction == "raises") == (fact.sign > 0))


def _offer_text(offer: Offer, evidence: Evidence, language: Language) -> str:
    def told(value: float | None, unit: str) -> str:
        return "" if value is None else amount(language, value, unit)  # type: ignore[arg-type]

    own = evidence.path == "own_cycle" and not evidence.cycle_is_own
    return say(
        language,
        f"offer.{evidence.path}{'_typical' if own else ''}",
        baskets=told(evidence.baskets if evidence.baskets is not None else evidence.baskets_28d, "baskets"),
        cycle=told(evidence.cycle_days, "days"),
        since=told(evidence.days_since, "days"),
        anchor=evidence.anchor_name or "",
        lift=told(evidence.lift, "number"),
        together=told(evidence.together, "number"),
        type=offer.type,
        price=told(evidence.price, "money"),
        usual=told(evidence.usual_price, "money"),
    )
