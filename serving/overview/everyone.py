"""All customers at a moment: where they stand, and what they are worth where a model says so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.errors import DataError
from core.settings import Settings
from features.categories import Attributes, model_columns
from features.engine.build import built_schedule
from features.store.online import Vector
from serving.parts.standing import Placed, StandingEngine
from serving.parts.valuers import Values
from serving.parts.worth import ValueEngine
from serving.scoring.deployment import Deployment
from training.customer_value.acquisition import Acquired, by_channel, by_cohort, read_channels
from training.customer_value.money import Assumption, Worth
from training.customer_value.settings import ValueSettings
from training.customer_value.shares import Concentration, concentration
from training.segments.movements import Movements, movements
from training.segments.names import Names, column
from training.segments.rfm import GROUPS
from training.segments.stages import STAGES
from training.segments.standing import Standing

#: Movements are counted over these days, unless another moment is asked for.
SINCE_DAYS = 84
_DAY = 86_400.0


@dataclass(frozen=True)
class Everyone:
    """All customers at one moment, aligned with each other.

    Attributes
    ----------
    worth
        None where there is no value model.
    """

    as_of: datetime
    placed: Placed
    standing: Standing
    worth: "EveryonesWorth | None" = None


@dataclass(frozen=True)
class EveryonesWorth:
    """What all customers are worth.

    Attributes
    ----------
    tiers, fields
        Of the value pyramid and the value matrix, one entry a customer.
    assumptions
        What lifetime values are counted with.
    revenue, earned
        How the net amount so far, and the lifetime value, are spread over customers; None where there is none.
    channels, cohorts
        Customers by acquisition channel, and by the month of their first purchase.
    """

    values: Values
    tiers: Names
    fields: Names
    assumptions: Sequence[Assumption]
    revenue: Concentration | None
    earned: Concentration | None
    channels: Sequence[Acquired]
    cohorts: Sequence[Acquired]


@dataclass(frozen=True)
class Moved:
    """Movements of customers from one moment to another, by the cuts of the later one."""

    since: datetime
    until: datetime
    groups: Movements
    stages: Movements


def read_everyone(deployment: Deployment) -> Everyone:
    """Return all customers at the materialised moment; events since then take no part.

    Raises
    ------
    EncoreError
        If features or names cannot be read.
    """
    ground = deployment.ground
    moment = ground.online.as_of
    vectors = ground.store.everyone(ValueSettings.service, moment)
    placed = Placed.at({customer: Vector(moment, values) for customer, values in vectors.items()}, moment)
    standing = deployment.engine(StandingEngine).stand(placed)
    if deployment.error(ValueEngine) is not None:
        return Everyone(moment, placed, standing)
    return Everyone(moment, placed, standing, _worth(deployment, placed))


def _worth(deployment: Deployment, placed: Placed) -> EveryonesWorth:
    engine = deployment.engine(ValueEngine)
    values, assumptions = engine.values(placed), engine.valuer.money.assumptions
    channels = read_channels(deployment.ground.settings)
    valued = np.flatnonzero(~np.isnan(values.worth.total))
    own = Worth(*(part[valued] for part in vars(values.worth).values()))
    channel_of = [channels.get(placed.customers[place]) for place in valued.tolist()]
    paid = assumptions.acquired_for(channel_of)
    return EveryonesWorth(
        values,
        engine.tiers(values),
        engine.fields(values),
        assumptions.named(),
        concentration(column(placed.columns, "amount_total", len(placed.customers))),
        concentration(values.worth.total),
        by_channel(channel_of, paid, own),
        by_cohort(_customers_since(placed)[valued], paid, own),
    )


def _customers_since(placed: Placed) -> npt.NDArray[np.datetime64]:
    """Return the moment of each first purchase, or of the first contract where nothing is sold; NaT without either."""
    rows = len(placed.customers)
    bought, signed = (column(placed.columns, name, rows) for name in ("tenure_days", "contracts_tenure_days"))
    seconds = placed.moments - np.where(np.isnan(bought), signed, bought) * _DAY
    found = np.full(rows, np.datetime64("NaT"), dtype="datetime64[s]")
    known = ~np.isnan(seconds)
    found[known] = seconds[known].astype("int64").astype("datetime64[s]")
    return found


def read_moved(deployment: Deployment, everyone: Everyone, since: datetime | None = None) -> Moved:
    """Count movements to where all customers stand from where they stood.

    Parameters
    ----------
    since
        Takes the last snapshot at or before it; None is 84 days before.

    Raises
    ------
    DataError
        If there are no features of that time.
    """
    settings, engine = deployment.ground.settings, deployment.engine(StandingEngine)
    moment = _snapshot(settings, since or everyone.as_of - timedelta(days=SINCE_DAYS), everyone.as_of)
    customers = everyone.placed.customers
    entities = pd.DataFrame({"customer_id": customers, "event_timestamp": pd.Timestamp(moment)})
    frame = deployment.ground.store.point_in_time(ValueSettings.service, entities)
    seconds = np.full(len(customers), moment.timestamp())
    columns = model_columns(frame.drop(columns=["customer_id", "event_timestamp"]), seconds, Attributes())
    before = engine.stand(Placed(customers, [], seconds, columns))
    now = everyone.standing
    return Moved(
        moment,
        everyone.as_of,
        movements(_by_customer(customers, before.rfm_group), _by_customer(customers, now.rfm_group), GROUPS),
        movements(_by_customer(customers, before.stage), _by_customer(customers, now.stage), STAGES),
    )


def _by_customer(customers: list[str], names: Names) -> Mapping[str, str]:
    return dict(zip(customers, names.tolist(), strict=True))


def _snapshot(settings: Settings, wanted: datetime, before: datetime) -> datetime:
    schedule, _ = built_schedule(settings)
    moments = [one for one in schedule.needed[ValueSettings.section] if one <= wanted and one < before]
    if not moments:
        first = min(schedule.needed[ValueSettings.section])
        raise DataError(
            f"Expected a moment from {first:%Y-%m-%d} on, where features begin, found {wanted:%Y-%m-%d}.",
            "Choose a later one.",
        )
    return max(moments)
