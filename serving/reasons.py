"""From TreeSHAP values to sentences: one reason per theme, told from raw values, never from column names."""

from collections.abc import Mapping, Sequence

import numpy as np

from features.vectors import Floats
from serving.answers import Direction, OfferAnswer, Reason
from serving.themes import THEME_OF, THEMES, Theme
from serving.wording import Language, amount, say
from training.next_product.offers import Evidence, Offer

#: A theme with less of the explanation than this is not worth a sentence.
MIN_SHARE = 0.01


def risk_reasons(
    features: Sequence[str],
    inputs: Floats,
    contributions: Floats,
    reference: Mapping[str, float],
    language: Language,
) -> list[Reason]:
    """Explain one customer.

    Parameters
    ----------
    features
        Names of the model's inputs.
    inputs
        Their raw values for the customer, NaN where missing.
    contributions
        Their TreeSHAP values, without the base value.
    reference
        What active customers usually have.

    Returns
    -------
    Reasons in both directions, the largest share of the explanation first; themes below 1 % of it are left out.
    """
    values = dict(zip(features, inputs.tolist(), strict=True))
    parts: dict[str, float] = dict.fromkeys((theme.name for theme in THEMES), 0.0)
    for name, contribution in zip(features, contributions.tolist(), strict=True):
        parts[THEME_OF[name].name] += contribution
    whole = sum(abs(part) for part in parts.values()) or 1.0
    reasons = [
        _reason(theme, parts[theme.name], whole, values, reference, language)
        for theme in THEMES
        if abs(parts[theme.name]) >= MIN_SHARE * whole
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
    theme: Theme,
    part: float,
    whole: float,
    values: Mapping[str, float],
    reference: Mapping[str, float],
    language: Language,
) -> Reason:
    direction: Direction = "raises" if part > 0 else "lowers"
    told = [name for name in values if name in theme.features]
    told += [fact.habit for fact in theme.facts if fact.habit is not None]
    return Reason(
        theme=theme.name,
        direction=direction,
        share=abs(part) / whole,
        text=say(language, f"direction.{direction}", fact=_told(theme, part > 0, values, reference, language)),
        values={name: None if np.isnan(values.get(name, np.nan)) else values[name] for name in told},
    )


def _told(
    theme: Theme, raises: bool, values: Mapping[str, float], reference: Mapping[str, float], language: Language
) -> str:
    """Tell the first fact that is known, compared with what speaks for the direction, else with nothing."""
    fact = next((fact for fact in theme.facts if not np.isnan(values.get(fact.feature, np.nan))), None)
    if fact is None:
        return say(language, "fact.unknown", theme=say(language, f"theme.{theme.name}"))
    value = values[fact.feature]
    text = say(language, f"fact.{fact.feature}", value=amount(language, value, fact.unit))
    for kind, other in (("habit", values.get(fact.habit or "", np.nan)), ("typical", reference[fact.feature])):
        speaks_for_it = fact.sign == 0 or (value != other and (value > other) == (raises == (fact.sign > 0)))
        if not np.isnan(other) and speaks_for_it:
            return text + say(language, f"against.{kind}", value=amount(language, other, fact.unit))
    return text


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
