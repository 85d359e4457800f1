"""Whose moments are recent, so that the actions that wait for them may be chosen."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from core.arrays import Ints
from core.settings import Settings
from serving.decisions.definitions import Decisions
from serving.decisions.moments import fired
from serving.segments.population import Population

#: Up to this number, the rows of these customers alone are read; above it, those of everybody.
_FEW = 1_000


def recent_moments(
    settings: Settings, decisions: Decisions, population: Population, now: datetime
) -> Mapping[str, Ints]:
    """Return by moment the places of the customers for whom now is in [fired, fired + within_days).

    Only the moments that actions wait for are looked at.

    Raises
    ------
    StateError
        If nothing was ingested yet.
    StoreError
        If the event log cannot be read.
    """
    awaited = {name for action in decisions.actions.values() for name in action.moments}
    moments = {name: decisions.moments[name] for name in sorted(awaited)}
    if not moments:
        return {}
    longest = timedelta(days=max(moment.within_days for moment in moments.values()))
    # what fires at this very instant counts too
    few = population.customers if len(population.customers) <= _FEW else None
    rows = fired(settings, moments, now - longest, now + timedelta(microseconds=1), few)
    customers, found = pd.Index(population.customers, dtype=object), {}
    for name, moment in moments.items():
        own = rows[(rows["moment"] == name) & (rows["at"] > now - timedelta(days=moment.within_days))]
        places = customers.get_indexer(pd.Index(own["customer_id"].unique(), dtype=object))
        found[name] = np.sort(places[places >= 0]).astype("int64")
    return found
