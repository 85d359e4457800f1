"""All customers counted: a few hundred numbers for a page, which are computed once for what is loaded."""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from core.errors import DataError
from serving.overview.everyone import Everyone, Moved, read_everyone, read_moved
from serving.parts.standing import StandingEngine
from serving.parts.worth import ValueEngine
from serving.scoring.deployment import Deployment
from training.segments.matrix import FIELDS
from training.segments.names import Names
from training.segments.pyramid import TIERS
from training.segments.rfm import GROUPS
from training.segments.stages import STAGES


@dataclass(frozen=True)
class Counted:
    """Customers with the same name in a column, and the money of all of them.

    Attributes
    ----------
    amount, lifetime_value, value_at_risk
        Sums in the currency of the data: expected within the horizon of the value model, so far and to come, and risk
        times amount. None where there is no value model.
    """

    name: str
    customers: int
    amount: float | None = None
    lifetime_value: float | None = None
    value_at_risk: float | None = None


@dataclass(frozen=True)
class Summary:
    """All customers at the materialised moment, by the names of columns of the score table.

    Attributes
    ----------
    customers
        Their number.
    by
        By column, such as `stage`, the customers of each of its names; no column that needs a model there is none of.
    grid
        Number of customers by recency score, 1 to 5, and group of recency, frequency and money.
    moved
        Movements over 84 days; None where features do not go back so far.
    """

    as_of: datetime
    customers: int
    by: Mapping[str, Sequence[Counted]]
    grid: Mapping[tuple[int, str], int]
    moved: Moved | None


def counted(names: Sequence[str], own: Names, everyone: Everyone) -> list[Counted]:
    """Count the customers of each name, and sum up their money."""
    return [_one(name, own == name, everyone) for name in names]


def _one(name: str, members: npt.NDArray[np.bool_], everyone: Everyone) -> Counted:
    if everyone.worth is None:
        return Counted(name, int(members.sum()))
    values = everyone.worth.values
    sums = (values.forecast.amount, values.worth.total, values.at_risk)
    return Counted(name, int(members.sum()), *(float(np.nansum(one[members])) for one in sums))


def summarize(deployment: Deployment) -> Summary:
    """Count all customers. Takes seconds where there are many.

    Raises
    ------
    EncoreError
        If features cannot be read.
    """
    everyone, engine = read_everyone(deployment), deployment.engine(StandingEngine)
    standing, worth = everyone.standing, everyone.worth
    columns: dict[str, tuple[Sequence[str], Names]] = {
        "rfm_group": (GROUPS, standing.rfm_group),
        "stage": (STAGES, standing.stage),
    }
    if worth is not None:
        columns |= {"value_tier": (TIERS, worth.tiers), "value_field": (FIELDS, worth.fields)}
    if engine.champion is not None:
        columns["cluster"] = (engine.champion.labels, engine.clusters_of(everyone.placed))
    try:
        moved = read_moved(deployment, everyone)
    except DataError:  # the data began later
        moved = None
    by = {column: counted(names, own, everyone) for column, (names, own) in columns.items()}
    return Summary(everyone.as_of, len(everyone.placed.customers), by, _grid(everyone), moved)


def _grid(everyone: Everyone) -> dict[tuple[int, str], int]:
    known = everyone.standing.rfm_group != ""
    scores, groups = everyone.standing.recency_score[known].astype(int), everyone.standing.rfm_group[known]
    return Counter(zip(scores.tolist(), groups.tolist(), strict=True))


class Summaries:
    """The summary of what is loaded, computed once in a process. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: tuple[str, Summary] | None = None

    def ready(self, deployment: Deployment) -> Summary | None:
        """Return the summary where it has been computed."""
        kept = self._kept
        return kept[1] if kept is not None and kept[0] == _key(deployment) else None

    def of(self, deployment: Deployment) -> Summary:
        """Return the summary; the first one who asks waits for it, and all others with them.

        Raises
        ------
        EncoreError
            If features cannot be read.
        """
        with self._lock:
            found = self.ready(deployment)
            if found is None:
                found = summarize(deployment)
                self._kept = (_key(deployment), found)
            return found


def _key(deployment: Deployment) -> str:
    """Name what a summary depends on.

    Raises
    ------
    EncoreError
        If nothing can say where customers stand.
    """
    deployment.engine(StandingEngine)
    return deployment.made_by(StandingEngine, ValueEngine)
