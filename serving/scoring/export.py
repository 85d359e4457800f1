"""All active customers at once: the exported lists, and scores kept for the API."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from core.batches import batches
from core.errors import ConfigError, DataError
from core.progress import Report, silent, track
from core.settings import Settings
from serving.answers import Explanation, Offers, TypeOfferAnswer
from serving.explain.wording import LANGUAGES, Language
from serving.offers.offering import Query
from serving.scoring.scorer import Scorer
from serving.scoring.service import Desk, Include, Question
from training.churn.labels import active_customers

_BATCH = 500
_REASONS, _OFFERS, _TYPES = 3, 5, 3
_Value = TypeVar("_Value")


def materialize_scores(
    settings: Settings,
    scorer: Scorer,
    desk: Desk,
    as_of: datetime,
    include: frozenset[Include],
    report: Report = silent,
) -> int:
    """Compute parts of every active customer's answer, in all languages, and keep them for the API.

    Returns
    -------
    The number of customers.
    """
    customers = active_customers(settings, as_of)
    work = [(language, batch) for language in LANGUAGES for batch in batches(customers, _BATCH)]
    for language, batch in track(report, work, lambda one: one[0]):
        desk.prepare(scorer, Question(tuple(batch), include, language), as_of)
    return len(customers)


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
        explained = scorer.explanations(batch, as_of, language)
        known = [one.customer_id for one in explained]
        offered = scorer.offers(known, as_of, Query(limit=_OFFERS), language) if scorer.recommends else []
        typed = scorer.types(known, as_of, _TYPES, language) if scorer.recommends else []
        offers = {one.customer_id: one for one in offered}  # who never bought and is on no file has none
        types = {one.customer_id: one.types for one in typed}
        rows += (
            _row(one, offers.get(one.customer_id), types.get(one.customer_id, []))
            for one in explained
            if one.risk is not None
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


def _row(score: Explanation, offered: Offers | None, types: Sequence[TypeOfferAnswer]) -> dict[str, Any]:
    reasons, offers = score.reasons, offered.offers if offered else []
    experiment = offered.experiment if offered else None
    return {
        "customer_id": score.customer_id,
        "as_of": score.as_of,
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
        "offers_withheld": offered.withheld if offered else None,
        "experiment": experiment.name if experiment else None,
        "experiment_arm": experiment.arm if experiment else None,
        "churn_model": score.model,
        "churn_model_grade": score.model_grade,
        "next_product_model": offered.model if offered else None,
        "next_product_model_grade": offered.model_grade if offered else None,
    }


def _numbered(name: str, values: Iterator[_Value], count: int) -> dict[str, _Value | None]:
    return {f"{name}_{place}": next(values, None) for place in range(1, count + 1)}
