"""The start of a campaign: assignments that are frozen once, in the store and in the file that ingestion reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.arrays import Ints
from core.settings import StoreSettings
from features.contract.assigned import HOLDOUT, write_assignments
from serving.campaigns.allocation import Allocation, Candidates
from serving.campaigns.kept import Kept, listed
from serving.campaigns.store import CampaignStore
from serving.decisions.definitions import Action


@dataclass(frozen=True)
class Known:
    """Offers, segments and reasons at the start, by customer; customers who are not there have none.

    Attributes
    ----------
    offers
        The products that the recommender has chosen; of others the action says what is offered.
    """

    offers: Mapping[str, str]
    segments: Mapping[str, str]
    reasons: Mapping[str, str]


def assignments_of(
    candidates: Candidates, allocation: Allocation, actions: Mapping[str, Action], known: Known
) -> pd.DataFrame:
    """Return the rows of an allocation: one per customer, with `serving.campaigns.kept.COLUMNS`.

    A customer of the holdout has no channel and no offer, and costs nothing.
    """
    rows, arms, held = allocation.rows, allocation.arms, allocation.held_out
    customers = [candidates.customers[row] for row in rows]
    names = [*candidates.actions, None]
    told = [*(_offer(actions[name]) for name in candidates.actions), None]
    own = [known.offers.get(customer) for customer in customers]
    return pd.DataFrame(
        {
            "customer_id": customers,
            "arm": _named([*candidates.actions, HOLDOUT], arms),
            "intended": _named(names, allocation.intended),
            "channel": _named([*candidates.channels, None], arms),
            "offer": [
                None if out else mine or given for out, mine, given in zip(held, own, _named(told, arms), strict=True)
            ],
            "cost": np.where(held, 0.0, candidates.cost[rows, arms]) if len(rows) else [],
            "propensity": allocation.propensity,
            "gain": np.where(held, np.nan, candidates.gain[rows, arms]) if len(rows) else [],
            "segments": [known.segments.get(customer) for customer in customers],
            "reason": [known.reasons.get(customer) for customer in customers],
        }
    )


def write_file(stores: StoreSettings, store: CampaignStore, kept: Kept) -> None:
    """Write the assignments of a campaign to their file, without customers who are erased meanwhile."""
    name = kept.campaign.name
    while True:
        erasures = store.erasures()
        rows = store.assignments(name).assign(campaign_id=name, assigned_timestamp=kept.started)
        write_assignments(stores, name, rows.drop(columns=["gain", "segments", "reason"]))
        if store.mark_written(name, erasures):
            return


def write_files(stores: StoreSettings, store: CampaignStore) -> None:
    """Write the files of campaigns whose start was interrupted before theirs was there."""
    for name in store.unwritten():
        write_file(stores, store, store.one(name))


def _offer(action: Action) -> str | None:
    if action.offer is None:
        return None
    return action.offer.kind or listed(action.offer.products)


def _named(names: Sequence[str | None], places: Ints) -> npt.NDArray[np.object_]:
    """Return the names of places; the last name is that of `NONE`."""
    return np.array(names, dtype=object)[places]
