"""Fitting the segments model: the clusters of a population, what describes them, and its typical rhythm."""

import numpy as np

from training.segments.clusters import differences, search
from training.segments.model import Kind, SegmentsModel, Trait
from training.segments.names import Names
from training.segments.population import Population
from training.segments.settings import ClusterSettings, SegmentSettings
from training.segments.standing import typical_gap

#: Columns that describe clusters beside those that they are found by, where the data have them.
DESCRIBING = (
    "baskets_84d",
    "purchase_days_84d",
    "products_84d",
    "visits_84d",
    "coupon_share_84d",
    "top_department_share_84d",
    "gap_std",
)
#: A difference of less than this share is none that a reader would see.
_CLEAR = 0.1
#: Traits of a cluster that are kept.
_MOST_TRAITS = 8


def fit(population: Population, settings: SegmentSettings, before: SegmentsModel | None = None) -> SegmentsModel:
    """Find the clusters of a population.

    Parameters
    ----------
    before
        The champion, whose labels stay those of the same customers.
    """
    last = before.last if before is not None else None
    found = search(population.columns, settings.clusters, last)
    kinds: tuple[Kind, ...] = ()
    if found.clusters is not None:
        members = found.clusters.assign(population.columns, len(population))
        kinds = tuple(_kind(population, members, label, settings.clusters) for label in found.clusters.labels)
    return SegmentsModel(
        clusters=found.clusters,
        stability=found.stability,
        typical_gap=typical_gap(population.columns, settings),
        learned_at=population.moment,
        customers=len(population),
        kinds=kinds,
        earlier=None if found.clusters else last,
    )


def _kind(population: Population, members: Names, label: str, settings: ClusterSettings) -> Kind:
    mine = members == label
    names = dict.fromkeys((*settings.columns, *DESCRIBING))
    traits = [
        Trait(name, ratio, float(np.nanmean(population.columns[name][mine])))
        for name, ratio in differences(population.columns, members, label, tuple(names))
        if abs(ratio - 1) >= _CLEAR
    ]
    return Kind(label, int(mine.sum()), float(mine.mean()), tuple(traits[:_MOST_TRAITS]))
