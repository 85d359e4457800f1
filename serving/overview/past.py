"""Where today's models see customers at earlier moments, from what was known then."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.engine.build import built_schedule
from features.store.online import Vector
from features.vectors import columns_from_frame
from serving.explain.reasons import Reason
from serving.parts.churn import ChurnEngine, known_customers, reasons_of, risks
from serving.parts.reasons import name_of
from serving.parts.standing import Placed, StandingEngine
from serving.parts.worth import ValueEngine
from serving.scoring.deployment import Deployment
from serving.scoring.part import Question, Reading
from serving.scoring.score_history import COLUMNS
from training.churn.settings import ChurnSettings
from training.customer_value.settings import ValueSettings
from training.segments.names import Names

#: Earlier moments, the latest of those that features are there for; fewer where that would be too many rows.
MOMENTS, _MOST_ROWS = 8, 100_000


def moments_before(deployment: Deployment, as_of: datetime, customers: int) -> list[datetime]:
    """Return moments of days before that of `as_of`, at which customers can be scored as they were, earliest first.

    Raises
    ------
    StateError
        If features are of other data, settings or code than now.
    """
    schedule, _ = built_schedule(deployment.ground.settings)
    common = set(schedule.needed.get(ChurnSettings.section, ())) & set(schedule.needed.get(ValueSettings.section, ()))
    most = min(MOMENTS, max(1, _MOST_ROWS // max(1, customers)))
    return sorted(one for one in common if one.date() < as_of.date())[-most:]


def past_records(
    deployment: Deployment, customers: Sequence[str], moments: Sequence[datetime]
) -> Iterator[tuple[datetime, pd.DataFrame]]:
    """Yield a record of the score table for each moment, with `COLUMNS`; one row per customer known by then.

    Reasons, which take most of the time, are those of the last moment alone.

    Parameters
    ----------
    customers
        Those of now. Who left the data before is in no record.
    """
    if not moments:
        return
    pairs = [(customer, moment) for moment in moments for customer in customers]
    entities = pd.DataFrame(pairs, columns=["customer_id", "event_timestamp"])
    frame = deployment.ground.store.point_in_time(ValueSettings.service, entities)
    for moment, rows in frame.groupby("event_timestamp", sort=True):
        at = pd.Timestamp(str(moment)).to_pydatetime().astimezone(UTC)
        yield at, record_of(deployment, _vectors(rows, at), at, reasons=at == moments[-1])


def record_of(
    deployment: Deployment, vectors: Mapping[str, Vector], at: datetime, *, reasons: bool = True
) -> pd.DataFrame:
    """Return what the models say of customers with some features at a moment, with `COLUMNS`."""
    if not vectors:
        return pd.DataFrame(columns=list(COLUMNS))
    reading = Reading(deployment, Question((), ()), at)
    engine, placed = deployment.engine(ChurnEngine), Placed.at(vectors, at)
    reading.give(known_customers, engine.know(vectors, at))
    found = reading.once(risks)
    record = pd.DataFrame({"customer_id": placed.customers})
    record["risk"] = np.array([np.nan if risk is None else risk for risk, _ in found])
    record["tier"] = [tier for _, tier in found]
    record["stage"] = _texts(deployment.engine(StandingEngine).stand(placed).stage)
    record["reason"] = [_main(one) for one in reasons_of(reading)] if reasons else None
    if deployment.error(ValueEngine) is None:
        worth = deployment.engine(ValueEngine)
        values = worth.values(placed)
        record["amount"], record["value_at_risk"] = values.forecast.amount, values.at_risk
        record["value_tier"] = _texts(worth.tiers(values))
    return record.reindex(columns=list(COLUMNS))


def _main(reasons: Sequence[Reason]) -> str | None:
    return next((name_of(one) for one in reasons if one.direction == "raises"), None)


def _texts(names: Names) -> list[str | None]:
    return [str(name) or None for name in names.tolist()]


def _vectors(rows: pd.DataFrame, moment: datetime) -> dict[str, Vector]:
    """Return features as the online store has them, of customers who have any."""
    features = rows.drop(columns=["customer_id", "event_timestamp"])
    known = features.notna().any(axis=1).to_numpy()
    features = features[known]
    numbers = columns_from_frame(features)
    texts = {str(name): features[name].to_numpy() for name in features if name not in numbers}
    columns: dict[str, npt.NDArray[Any]] = {**numbers, **texts}
    values = zip(*columns.values(), strict=True)
    customers = rows["customer_id"].to_numpy()[known]
    return {
        str(customer): Vector(moment, dict(zip(columns, row, strict=True)))
        for customer, row in zip(customers, values, strict=True)
    }
