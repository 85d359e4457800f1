"""Many customers at once: the API's bulk route and the exported lists."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

import pandas as pd

from features.batches import batches
from features.config import Settings
from features.errors import ConfigError, DataError
from features.progress import Report, silent
from serving.answers import Explanation, Risk, Score, TypeOfferAnswer
from serving.scorer import Scorer
from serving.wording import Language
from training.churn.labels import active_customers
from training.next_product.offers import Kind

Part = Literal["reasons", "offers"]
_BATCH = 500
_REASONS, _OFFERS, _TYPES = 3, 5, 3
_Value = TypeVar("_Value")


def score_many(
    scorer: Scorer,
    customers: Sequence[str],
    as_of: datetime,
    include: Sequence[Part],
    language: Language,
    kind: Kind = "next",
    limit: int = 5,
) -> list[Score]:
    """Score the known ones of some customers, in the order asked for."""
    told = "reasons" in include
    risks: Sequence[Risk]
    risks = scorer.explanations(customers, as_of, language) if told else scorer.risks(customers, as_of)
    known = [risk.customer_id for risk in risks]
    offers = scorer.offers(known, as_of, kind, limit, language) if "offers" in include and scorer.recommends else []
    offers_of = {one.customer_id: one for one in offers}  # who never bought and is on no file has none
    scores = []
    for risk in risks:
        offered = offers_of.get(risk.customer_id)
        explained = risk if isinstance(risk, Explanation) else None
        scores.append(
            Score(
                customer_id=risk.customer_id,
                risk=risk.risk,
                tier=risk.tier,
                feature_timestamp=risk.feature_timestamp,
                base_risk=explained.base_risk if explained else None,
                reasons=explained.reasons if explained else None,
                protections=explained.protections if explained else None,
                what_if=explained.what_if if explained else None,
                offers=offered.offers if offered else None,
                offers_model=offered.model if offered else None,
                offers_model_grade=offered.model_grade if offered else None,
                offers_withheld=offered.withheld if offered else _without(scorer, include),
                experiment=offered.experiment if offered else None,
            )
        )
    return scores


def _without(scorer: Scorer, include: Sequence[Part]) -> Literal["no_model"] | None:
    """Say why nobody gets offers that were asked for."""
    return "no_model" if "offers" in include and not scorer.recommends else None


def export_scores(
    settings: Settings,
    scorer: Scorer,
    as_of: datetime,
    output: Path,
    language: Language,
    report: Report = silent,
) -> int:
    """Write risk, tier, top reasons and top offers of every active customer as Parquet or CSV.

    One row per active customer, highest risk first. The file is written aside and renamed.

    Returns
    -------
    The number of rows.

    Raises
    ------
    ConfigError
        If the file's ending is neither .parquet nor .csv.
    """
    if output.suffix not in {".parquet", ".csv"}:
        raise ConfigError(f"Expected a file ending in .parquet or .csv, found {output.name!r}.", "Rename --output.")
    customers = active_customers(settings, as_of)
    rows: list[dict[str, Any]] = []
    for done, batch in enumerate(batches(customers, _BATCH)):
        report(done * _BATCH / len(customers), f"{done * _BATCH:,} of {len(customers):,} customers")
        scored = score_many(scorer, batch, as_of, ("reasons", "offers"), language, limit=_OFFERS)
        known = [score.customer_id for score in scored]
        typed = scorer.types(known, as_of, _TYPES, language) if scorer.recommends else []
        types = {offers.customer_id: offers.types for offers in typed}
        rows += (
            _row(score, types.get(score.customer_id, []), scorer, as_of) for score in scored if score.risk is not None
        )
    if not rows:
        raise DataError(
            f"Expected customers in the online store who are active at {as_of:%Y-%m-%d}, found none.",
            "Choose a longer churn.activity_window_days, or ingest newer data.",
        )
    frame = pd.DataFrame(rows).sort_values("risk", ascending=False, ignore_index=True)
    output.parent.mkdir(parents=True, exist_ok=True)
    aside = output.with_name(f".{output.name}")
    if output.suffix == ".csv":
        # the mark makes spreadsheet programs read Chinese as UTF-8
        frame.to_csv(aside, index=False, encoding="utf-8-sig")
    else:
        frame.to_parquet(aside, index=False)
    aside.replace(output)
    return len(frame)


def _row(score: Score, types: Sequence[TypeOfferAnswer], scorer: Scorer, as_of: datetime) -> dict[str, Any]:
    reasons, offers = score.reasons or [], score.offers or []
    return {
        "customer_id": score.customer_id,
        "as_of": as_of,
        "risk": score.risk,
        "tier": score.tier,
        **_numbered("reason", (reason.text for reason in reasons), _REASONS),
        **_numbered("action", (reason.action for reason in reasons), _REASONS),
        "what_if": score.what_if.text if score.what_if else None,
        **_numbered("offer_product", (offer.product_id for offer in offers), _OFFERS),
        **_numbered("offer_name", (offer.name for offer in offers), _OFFERS),
        **_numbered("offer_kind", (offer.kind for offer in offers), _OFFERS),
        **_numbered("offer_probability", (offer.probability for offer in offers), _OFFERS),
        **_numbered("offer_reason", (offer.text for offer in offers), _OFFERS),
        **_numbered("new_type", (offer.type for offer in types), _TYPES),
        **_numbered("new_type_reason", (offer.text for offer in types), _TYPES),
        "offers_withheld": score.offers_withheld,
        "experiment": score.experiment.name if score.experiment else None,
        "experiment_arm": score.experiment.arm if score.experiment else None,
        "churn_model": scorer.models.churn_version.label,
        "churn_model_grade": scorer.models.churn_version.grade,
        "next_product_model": score.offers_model,
        "next_product_model_grade": score.offers_model_grade,
    }


def _numbered(name: str, values: Iterator[_Value], count: int) -> dict[str, _Value | None]:
    return {f"{name}_{place}": next(values, None) for place in range(1, count + 1)}
