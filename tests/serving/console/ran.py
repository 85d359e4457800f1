"""A campaign that has run for some weeks on the customers of a deployment, with what came back of it."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from features.contract.assigned import HOLDOUT
from serving.campaigns.definition import Campaign
from serving.campaigns.kept import COLUMNS, Kept
from serving.campaigns.service import Campaigns
from serving.segments.service import Source

DAY = timedelta(days=1)


def ran(
    campaigns: Campaigns,
    source: Source,
    customers: list[str],
    name: str = "autumn-calls",
    weeks: float = 5,
    **more: str,
) -> Kept:
    """Start a campaign some weeks ago: three of four customers are called, the others are held out."""
    now: datetime = source.as_of
    began = now - weeks * 7 * DAY
    titles = {"en": "Calls in autumn", "zh": "秋季电话回访"}
    campaign = Campaign.model_validate(
        {"name": name, "goal": "retain", "starts": began, "ends": now + 7 * DAY, "holdout": 0.25, "titles": titles}
    )
    kept = campaigns.plan(campaign, source, save=True)
    rng = np.random.default_rng(3)
    held = rng.random(len(customers)) < 0.25
    rows = pd.DataFrame(
        {
            "customer_id": customers,
            "arm": np.where(held, HOLDOUT, "call"),
            "intended": "call",
            "channel": [None if kept else "phone" for kept in held],
            "offer": None,
            "cost": np.where(held, 0.0, 4.0),
            "propensity": np.where(held, 0.25, 0.75),
            "gain": np.where(held, np.nan, 2.0),
            "segments": more.get("segments"),
            "reason": np.where(rng.random(len(customers)) < 0.5, "less_regular", "more_regular"),
        },
        columns=list(COLUMNS),
    )
    started = replace(kept, started=began, run="made-up")
    assert campaigns.store.start(started, rows, campaigns.store.version())
    campaigns.repair()
    return started
