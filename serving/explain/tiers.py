"""Risk tiers: by fixed thresholds, or by the share of customers that a team can contact."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import pandas as pd

from core.settings import Settings
from features.store.feature_store import Store
from training.churn.labels import active_customers
from training.churn.model import ChurnModel
from training.churn.settings import ChurnSettings

Tier = Literal["high", "medium", "low"]
AnyTier = Literal["high", "medium", "low", "new", "not_due", "inactive"]

#: As many customers are enough to know where the cuts lie.
_SAMPLE = 20_000


@dataclass(frozen=True)
class Tiers:
    """The risks from which a customer is high, and medium."""

    high: float
    medium: float

    def of(self, risk: float) -> Tier:
        """Return the tier of a risk."""
        if risk >= self.high:
            return "high"
        return "medium" if risk >= self.medium else "low"


def make_tiers(
    settings: Settings, store: Store, model: ChurnModel, moment: datetime, *, order_only: bool = False
) -> Tiers:
    """Cut tiers as the settings say; by share, the cuts are those among the customers active at the moment.

    Parameters
    ----------
    order_only
        Whether only the order of risks can be used, as they are too far off: then tiers go by share in any case.

    Raises
    ------
    StateError, StoreError
        If tiers are cut by share and features are missing or a store does not answer.
    """
    churn = settings[ChurnSettings]
    if churn.tiers == "threshold" and not order_only:
        return Tiers(churn.high_risk, churn.medium_risk)
    customers = pd.Series(active_customers(settings, moment), dtype=object)
    sample = customers.sample(min(len(customers), _SAMPLE), random_state=7)
    if sample.empty:
        return Tiers(1.0, 1.0)
    entities = pd.DataFrame({"customer_id": sample.to_numpy(), "event_timestamp": moment})
    frame = store.point_in_time(ChurnSettings.service, entities).drop(columns=["customer_id", "event_timestamp"])
    columns = model.columns(frame, np.full(len(sample), moment.timestamp()))
    risk = model.risk(model.inputs(columns, len(sample)))
    cuts = 1 - churn.high_share, max(0.0, 1 - churn.high_share - churn.medium_share)
    high, medium = np.quantile(risk, cuts)
    return Tiers(float(high), float(medium))
