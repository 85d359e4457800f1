"""How stable the clusters of a version are, beside clusters of shuffled columns; who keeps a label; and the grade."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from core.arrays import Columns, Floats
from training.evaluation.bootstrap import Estimate, draws, estimate
from training.evaluation.grade import Grade, Grading
from training.segments.clusters import Clusters, Scale, agreement
from training.segments.model import SegmentsModel
from training.segments.names import Names
from training.segments.population import Population
from training.segments.settings import ClusterSettings

#: Each column in an order of its own: what clusters are found where customers differ in nothing but single columns.
SHUFFLED = "shuffled_columns"
CHAMPION = "champion"
#: Customers that the silhouette is computed of; it needs all distances between them.
_SILHOUETTE = 5_000
_WITHOUT = "no number of clusters is stable, so that customers have none: they differ by degree rather than by kind"


@dataclass(frozen=True)
class StabilityRule:
    """How the grade follows from stability.

    Attributes
    ----------
    limits
        What each grade asks for: the mean adjusted Rand index, at least; best grade first.
    without
        The grade of a model without clusters: it claims nothing, and nothing in it is wrong.
    """

    limits: Mapping[Grade, float]
    without: Grade = "C"

    @property
    def text(self) -> str:
        """The rule in words."""
        limits = "; ".join(f"{grade}: at least {least:.2f}" for grade, least in self.limits.items())
        return (
            "The grade is from stability, the mean adjusted Rand index of two clusterings: one of a bootstrap draw of "
            f"the customers, one of those whom the draw leaves out. {limits}; else D. It is D too where the 95 % "
            "interval of the gain over clusters of shuffled columns reaches down to 0, and "
            f"{self.without} where no number of clusters is stable."
        )

    def summary(self, grading: Grading) -> str:
        """Return a grading as a sentence."""
        return f"Grade {grading.shown}: stability {grading.improvement:.3f}. In words: {grading.words}."

    def grade(self, stability: float | None, gain: Estimate) -> Grading:
        """Grade a model.

        Parameters
        ----------
        stability
            None where it has no clusters.
        gain
            By how much it exceeds the stability of clusters of shuffled columns.
        """
        if stability is None:
            return Grading(self.without, SHUFFLED, gain, 0.0, 0.0, words=_WITHOUT)
        found: Grade = next((grade for grade, least in self.limits.items() if stability >= least), "D")
        if gain.low <= 0:
            found = "D"
        words = {"A": "clusters are found again in other customers", "B": "clusters are mostly found again in others"}
        return Grading(
            found, SHUFFLED, gain, stability, 0.0, words=words.get(found, "clusters are not found again in others")
        )

    def as_json(self, grading: Grading) -> dict[str, Any]:
        """Return a grading and its rule as plain values."""
        return {**asdict(grading), "summary": self.summary(grading), "rule": self.text}


GRADE_RULE = StabilityRule({"A": 0.9, "B": 0.8, "C": 0.7})


@dataclass(frozen=True)
class Evaluation:
    """The clusters of a version on customers of a snapshot."""

    model: SegmentsModel
    population: Population
    settings: ClusterSettings

    @cached_property
    def members(self) -> Names:
        """The label of each customer."""
        return self.model.assign(self.population.columns, len(self.population))

    @cached_property
    def stability(self) -> Estimate | None:
        """The adjusted Rand index of the version's number of clusters; None without clusters."""
        return None if self._indices is None else mean_of(self._indices)

    @cached_property
    def shuffled(self) -> Estimate | None:
        """The same where each column is shuffled by itself."""
        return None if self._of_shuffled is None else mean_of(self._of_shuffled)

    @cached_property
    def silhouette(self) -> float | None:
        """The mean silhouette (Rousseeuw, 1987): 1 for clusters far apart, 0 for clusters that touch."""
        clusters = self.model.clusters
        if clusters is None or len({*self.members}) < 2:
            return None
        from sklearn.metrics import silhouette_score  # noqa: PLC0415 - training alone needs it

        coordinates = clusters.scale.apply(self.population.columns, len(self.population))
        size = min(_SILHOUETTE, len(self.population))
        return float(silhouette_score(coordinates, self.members, sample_size=size, random_state=self.settings.seed))

    @property
    def grading(self) -> Grading:
        """The grade of the version."""
        if self._indices is None or self._of_shuffled is None or self.stability is None:
            return GRADE_RULE.grade(None, Estimate(0.0, 0.0, 0.0))
        return GRADE_RULE.grade(self.stability.value, mean_of(self._indices - self._of_shuffled))

    @cached_property
    def _indices(self) -> Floats | None:
        return stability_draws(self.model.clusters, self.population, self.settings)

    @cached_property
    def _of_shuffled(self) -> Floats | None:
        columns = _shuffled(self.population.columns, self.settings)
        shuffled = Population(self.population.moment, self.population.customers, columns)
        return stability_draws(self.model.clusters, shuffled, self.settings)


def stability_draws(clusters: Clusters | None, population: Population, settings: ClusterSettings) -> Floats | None:
    """Return the adjusted Rand index of each draw for the number of clusters there are; None without clusters.

    Columns are standardised by these customers, so that versions of the same number and columns are equally stable.
    """
    if clusters is None or len(population) < 2 * len(clusters.labels):
        return None
    scale = Scale.learn(population.columns, clusters.scale.columns)
    if not scale.columns:
        return None
    coordinates = scale.apply(population.columns, len(population))
    return agreement(coordinates, len(clusters.labels), settings)[0]


def mean_of(indices: Floats) -> Estimate:
    """Return the mean over draws, with the interval that it has by chance of the draws."""
    return estimate(float(indices.mean()), np.array([indices[places].mean() for places in draws(len(indices))]))


def kept(labels: Names, before: Names) -> Estimate:
    """Return the share of customers whose label is the one before, with an interval over customers."""
    same = (labels == before).astype("float64")
    return estimate(float(same.mean()), np.array([same[places].mean() for places in draws(len(same))]))


def _shuffled(columns: Columns, settings: ClusterSettings) -> Columns:
    rng = np.random.default_rng(settings.seed)
    return {name: rng.permutation(columns[name]) for name in settings.columns if name in columns}
