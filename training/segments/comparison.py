"""Two versions of clusters on the same customers: how stable they are, and who keeps a label."""

import numpy as np

from core.arrays import Floats
from training.evaluation.bootstrap import Estimate
from training.evaluation.comparison import Comparison, Difference
from training.segments.evaluation import kept, mean_of, stability_draws
from training.segments.model import SegmentsModel
from training.segments.population import Population
from training.segments.settings import ClusterSettings

DECIDING = "stability"


def compare_segments(
    challenger: SegmentsModel, champion: SegmentsModel, population: Population, settings: ClusterSettings
) -> Comparison:
    """Measure both on the same draws of the same customers; each reads its own columns of them.

    A version without clusters has the stability from which on there are clusters: it is better than clusters that are
    found again no more, and worse than clusters that are.
    """
    ours, theirs = (_draws(one, population, settings) for one in (challenger, champion))
    gain = mean_of(ours - theirs)
    metrics = {DECIDING: Difference(float(ours.mean()), float(theirs.mean()), gain)}
    objection = None
    if challenger.clusters is not None and champion.clusters is not None and len(population):
        columns, rows = population.columns, len(population)
        share = kept(challenger.assign(columns, rows), champion.assign(columns, rows))
        metrics["labels_kept"] = Difference(share.value, 1.0, Estimate(share.value - 1, share.low - 1, share.high - 1))
        objection = _objection(share, gain, settings.kept)
    return Comparison(
        deciding=DECIDING,
        snapshots=(f"{population.moment:%Y-%m-%d}",),
        rows=len(population),
        customers=len(population),
        metrics=metrics,
        sizes=None,
        objection=objection,
    )


def _draws(model: SegmentsModel, population: Population, settings: ClusterSettings) -> Floats:
    found = stability_draws(model.clusters, population, settings)
    return np.full(settings.draws, settings.stable) if found is None else found


def _objection(share: Estimate, gain: Estimate, least: float) -> str | None:
    """Object to labels that change without need: where clusters are not more stable by more than chance."""
    if share.value >= least or gain.low > 0:
        return None
    return (
        f"{share.value:.0%} of the customers keep their label; expected at least {least:.0%} "
        "(segments.clusters.kept), as the clusters are not more stable than those of the champion."
    )
