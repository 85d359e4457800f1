"""Customers of campaigns with known outcomes, with what was known of them at the midnight before their assignment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.arrays import Columns, Floats, Rows
from core.errors import DataError
from core.settings import Settings
from features.categories import Attributes, attribute_texts, learn_attributes, model_columns
from features.contract.assigned import HOLDOUT
from features.settings import CustomerSettings
from features.snapshots import Split
from features.store.feature_store import Store
from features.views.profile import ATTRIBUTE
from training.effects.outcomes import Assigned, Outcomes, read_assigned, read_outcomes
from training.uplift.experiment import LEAST, Experiment, balanced
from training.uplift.settings import UpliftSettings

#: Consent decides who gets offers, and is no reason to stay or leave; the others are keys.
_NO_FEATURES = ["customer_id", "event_timestamp", "marketing_consent"]
_MORE = (
    "Start a campaign with a holdout, or map assignments with their propensities, and wait until the days of "
    "uplift.horizon_days after them are in the data."
)
_YEAR = np.timedelta64(365, "D")


@dataclass(frozen=True)
class UpliftSet:
    """One row per assignment whose outcome is known and whose arm was drawn by lot, ordered by campaign and customer.

    Attributes
    ----------
    snapshots
        The midnight at or before each assignment.
    features
        What was known at it, one row per assignment: numbers, moments, and the texts of attributes.
    assigned
        As it was read, but propensities that are not known are 1 where the settings say that arms were drawn alike.
    retained
        1.0 or 0.0.
    revenue
        In the days after the assignment; NaN where nothing is sold.
    left_out
        Why campaigns are not learned from, by name.
    """

    snapshots: npt.NDArray[np.datetime64]
    features: pd.DataFrame
    assigned: Assigned
    retained: Floats
    revenue: Floats
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.retained)

    @property
    def customers(self) -> npt.NDArray[np.object_]:
        """The customer of each row."""
        return self.assigned.customers

    @property
    def first(self) -> datetime:
        """The first snapshot."""
        return datetime.fromtimestamp(int(self.snapshots.min().astype("datetime64[s]").astype("int64")), tz=UTC)

    @property
    def experiments(self) -> tuple[Experiment, ...]:
        """One for each action with enough known outcomes with it and without it, by name."""
        arms = sorted({str(arm) for arm in self.assigned.arms} - {HOLDOUT})
        found = (self._experiment(action) for action in arms)
        return tuple(one for one in found if one is not None)

    def columns(self, attributes: Attributes) -> Columns:
        """Return what a model may read that reads attributes in some way."""
        return model_columns(self.features, self.snapshots.astype("datetime64[s]").astype("float64"), attributes)

    def usable(self, columns: Columns) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the columns that a model can learn from, and those that it cannot.

        A column that is missing in every row, or that has one value only, says nothing. The season cannot be
        distinguished from the passing of time by less than a year of snapshots.
        """
        short = self.snapshots.max() - self.snapshots.min() < _YEAR
        usable: list[str] = []
        useless: list[str] = []
        for name in sorted(columns):
            known = columns[name][~np.isnan(columns[name])]
            learnable = len(known) and known.min() < known.max() and not (short and name.startswith("season_"))
            (usable if learnable else useless).append(name)
        return tuple(usable), tuple(useless)

    def _experiment(self, action: str) -> Experiment | None:
        one = self.assigned
        treated = one.arms == action
        # where a policy intended an action, its holdouts are those for whom the policy intended it, too
        holdout = (one.arms == HOLDOUT) & np.isin(one.intended.astype(str), ["", action])
        both = np.intersect1d(one.campaigns[treated].astype(str), one.campaigns[holdout].astype(str))
        mask = (treated | holdout) & np.isin(one.campaigns.astype(str), both)
        if min((mask & treated).sum(), (mask & holdout).sum()) < LEAST:
            return None
        places = np.flatnonzero(mask)
        return Experiment(
            action,
            places,
            one.customers[places],
            np.asarray(treated[places], dtype=np.bool_),
            self.retained[places],
            self.revenue[places],
            balanced(one.campaigns[places], treated[places], one.propensity[places]),
        )


@dataclass(frozen=True)
class Known:
    """All assignments, with what became of them. One place per assignment.

    Attributes
    ----------
    midnights
        The midnight at or before each assignment.
    usable
        Whether the outcome is known, the features of the midnight are kept, and the campaign is one that
        can be learned from.
    left_out
        Why campaigns are not learned from, by name.
    """

    assigned: Assigned
    outcomes: Outcomes
    midnights: npt.NDArray[np.datetime64]
    usable: npt.NDArray[np.bool_]
    left_out: Mapping[str, str]

    @property
    def enough(self) -> bool:
        """Whether some action has enough known outcomes with it, and there are enough of holdouts."""
        arms = self.assigned.arms[self.usable].astype(str)
        counts = dict(zip(*np.unique(arms, return_counts=True), strict=True))
        held = counts.pop(HOLDOUT, 0)
        return bool(min(held, max(counts.values(), default=0)) >= LEAST)

    @property
    def too_little(self) -> str:
        """What was expected and what was found, where nothing can be learned."""
        held = int((self.usable & (self.assigned.arms == HOLDOUT)).sum())
        reasons = "".join(f" Campaign {name}: {reason}." for name, reason in self.left_out.items())
        return (
            f"Expected known outcomes of at least {LEAST} customers who were assigned to an action and of {LEAST} "
            f"holdouts of the same campaigns, found {int(self.usable.sum()):,} usable outcomes of "
            f"{len(self.assigned):,} assignments, {held:,} of them of holdouts.{reasons}"
        )


def uplift_set(settings: Settings, store: Store, split: Split) -> UpliftSet:
    """Join known outcomes of assignments with the features of the customers point in time.

    Raises
    ------
    DataError
        If no action has enough known outcomes with it and without it to learn from.
    """
    known = known_outcomes(settings, split)
    assigned, outcomes, chosen = known.assigned, known.outcomes, known.usable
    # weights are brought to a sum in each arm of a campaign, so that equal ones need no size
    drawn = np.where(np.isnan(assigned.propensity), 1.0, assigned.propensity)
    rows = assigned.rows(chosen)
    rows = Assigned(**{**vars(rows), "propensity": drawn[chosen]})
    revenue = outcomes.values.get("revenue", np.full(len(assigned), np.nan))
    found = UpliftSet(
        known.midnights[chosen],
        _features(store, rows.customers, known.midnights[chosen]),
        rows,
        outcomes.values["retained"][chosen].astype("float64"),
        revenue[chosen].astype("float64"),
        known.left_out,
    )
    if not found.experiments:
        raise DataError(known.too_little, _MORE)
    return found


def known_outcomes(settings: Settings, split: Split) -> "Known":
    """Read the assignments and their outcomes, and decide which are learned from; no features are needed."""
    uplift = settings[UpliftSettings]
    assigned = read_assigned(settings)
    outcomes = read_outcomes(settings, assigned, uplift.horizon_days)
    midnights = assigned.moments.astype("datetime64[D]").astype("datetime64[us]")
    moments = np.array([one.astimezone(UTC).replace(tzinfo=None) for one in split.every], dtype="datetime64[us]")
    known = outcomes.known & ~np.isnan(outcomes.values["retained"]) & np.isin(midnights, moments)
    left_out = unusable(assigned, known, uplift.propensities)
    usable = known & ~np.isin(assigned.campaigns.astype(str), list(left_out))
    return Known(assigned, outcomes, midnights, usable, left_out)


def unusable(assigned: Assigned, known: Rows, propensities: str) -> dict[str, str]:
    """Return why campaigns cannot be learned from, by name; those with known outcomes alone are looked at."""
    reasons = {}
    for campaign in np.unique(assigned.campaigns[known].astype(str)).tolist():
        mine = (assigned.campaigns == campaign) & known
        missing = int(np.isnan(assigned.propensity[mine]).sum())
        arms = {str(arm) for arm in assigned.arms[mine]}
        if HOLDOUT not in arms or len(arms) == 1:
            reasons[campaign] = f"it has the arm {', '.join(sorted(arms))} alone, and nothing to compare it with"
        elif missing and propensities == "given":
            reasons[campaign] = (
                f"{missing:,} of {int(mine.sum()):,} assignments have no propensity, so that nobody knows how the arms "
                'were drawn; if it was by lot for all alike, set uplift.propensities = "equal"'
            )
    return reasons


def learn(features: pd.DataFrame, settings: CustomerSettings) -> Attributes:
    """Decide how a model reads attributes, from their texts in some rows and the configuration."""
    numbers = [ATTRIBUTE + name for name in settings.numeric_attributes]
    categories = [ATTRIBUTE + name for name in settings.categorical_attributes]
    return learn_attributes(attribute_texts(features, settings.model_attributes), numbers, categories)


def _features(store: Store, customers: npt.NDArray[np.object_], snapshots: npt.NDArray[np.datetime64]) -> pd.DataFrame:
    moments = pd.to_datetime(pd.Series(snapshots), utc=True)
    entities = pd.DataFrame({"customer_id": customers, "event_timestamp": moments})
    if not len(entities):
        return entities
    return store.point_in_time(UpliftSettings.service, entities).drop(columns=_NO_FEATURES, errors="ignore")
