"""Customers of past campaigns whose arms were drawn by lot: what was known of them then, and what became of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC

import numpy as np
import pandas as pd

from core.arrays import Floats
from core.errors import DataError, StateError
from core.settings import Settings, StoreSettings
from features.contract.erased import Erased
from features.snapshots import Split
from features.store.feature_store import Store
from serving.scoring.part import Column
from serving.segments.population import Population
from serving.segments.reading import population_then
from serving.segments.values import Mask
from training.effects.given import Measure
from training.effects.outcomes import Assigned, Outcomes, read_assigned, read_outcomes
from training.uplift.dataset import unusable
from training.uplift.settings import UpliftSettings


@dataclass(frozen=True)
class Past:
    """Assignments with known outcomes; one place for each.

    Attributes
    ----------
    assigned
        With the propensity of every place.
    drawn
        By campaign the arms that customers could get.
    values
        What became of the customers, by measure; NaN where it is not known.
    population
        What was known at the midnight before the assignment. A customer of two campaigns has two places.
    days
        After the assignment that outcomes are of.
    left_out
        Why campaigns are left out, by name.
    """

    assigned: Assigned
    drawn: Mapping[str, frozenset[str]]
    values: Mapping[Measure, Floats]
    population: Population
    days: int
    left_out: Mapping[str, str]

    def could_get(self, arm: str) -> Mask:
        """Return for each place whether an arm could be drawn: the intended one, or any of the campaign's."""
        one = self.assigned
        of_all = np.array([arm in self.drawn[campaign] for campaign in one.campaigns], dtype=np.bool_)
        mask: Mask = np.where(one.intended == "", of_all, one.intended == arm).astype(np.bool_)
        return mask


def read_past(
    settings: Settings,
    store: Store,
    split: Split,
    scored: Sequence[Column],
    *,
    margin: float | None,
    campaigns: Sequence[str] | None = None,
) -> Past:
    """Read the assignments with known outcomes, and the features of the customers point in time.

    Parameters
    ----------
    split
        The snapshots of the uplift model: the midnights before assignments.
    scored
        The columns of the score table.
    margin
        The share of an amount that is earned where the cost of the goods is not known; None leaves it unknown.
    campaigns
        None is all of them.

    Raises
    ------
    DataError
        If no customer whose arm was drawn by lot has a known outcome.
    StateError
        If there is no campaign of a name, or nothing was ingested yet.
    """
    uplift = settings[UpliftSettings]
    assigned = read_assigned(settings, campaigns)
    _check_known(assigned, campaigns)
    outcomes = read_outcomes(settings, assigned, uplift.horizon_days, margin)
    midnights = assigned.moments.astype("datetime64[D]").astype("datetime64[us]")
    known = _known(settings, assigned, outcomes, np.isin(midnights, _moments(split)))
    left_out = unusable(assigned, known, uplift.propensities)
    usable = known & ~np.isin(assigned.campaigns.astype(str), list(left_out))
    if not usable.any():
        reasons = "".join(f" Campaign {name}: {reason}." for name, reason in left_out.items())
        raise DataError(
            f"Expected known outcomes of customers whose arms were drawn by lot, found none among {len(assigned):,} "
            f"assignments.{reasons}",
            "Start a campaign with a holdout, or map assignments with their propensities, and wait for their outcomes.",
        )
    rows = _with_propensities(assigned.rows(usable))
    moments = midnights[usable]
    entities = pd.DataFrame({"customer_id": rows.customers, "event_timestamp": pd.to_datetime(moments, utc=True)})
    frame = store.point_in_time(UpliftSettings.service, entities)
    seconds = moments.astype("datetime64[s]").astype("float64")
    values = {name: value[usable] for name, value in outcomes.values.items()}
    population = population_then(frame, seconds, scored, "past")
    return Past(rows, _drawn(assigned), values, population, uplift.horizon_days, left_out)


def _check_known(assigned: Assigned, campaigns: Sequence[str] | None) -> None:
    missing = sorted(set(campaigns or ()) - set(assigned.campaigns))
    if missing:
        raise StateError(
            f"Expected assignments of the campaign {missing[0]!r}, found none.",
            "Correct the name, or run `encore ingest` if it was started since.",
        )


def _moments(split: Split) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    return np.array([one.astimezone(UTC).replace(tzinfo=None) for one in split.every], dtype="datetime64[us]")


def _known(settings: Settings, assigned: Assigned, outcomes: Outcomes, built: Mask) -> Mask:
    """Return which outcomes are known, of customers who have features and are not being erased."""
    gone = Erased(settings[StoreSettings]).open_among(set(assigned.customers))
    is_known: Mask = outcomes.known & ~np.isnan(outcomes.values["retained"]) & built
    return is_known & ~np.isin(assigned.customers.astype(str), gone)


def _drawn(assigned: Assigned) -> dict[str, frozenset[str]]:
    pairs = pd.DataFrame({"campaign": assigned.campaigns, "arm": assigned.arms}).drop_duplicates()
    return {str(campaign): frozenset(arms) for campaign, arms in pairs.groupby("campaign")["arm"]}


def _with_propensities(rows: Assigned) -> Assigned:
    """Take the share of the arm where a propensity is not known: arms were drawn for all of a campaign alike then."""
    frame = pd.DataFrame({"campaign": rows.campaigns, "arm": rows.arms})
    share = frame.groupby(["campaign", "arm"])["arm"].transform("size") / frame.groupby("campaign")["arm"].transform(
        "size"
    )
    filled = np.where(np.isnan(rows.propensity), share.to_numpy(), rows.propensity)
    columns = {one.name: getattr(rows, one.name) for one in fields(rows)}
    return Assigned(**{**columns, "propensity": filled})
