"""Clusters of customers with similar behaviour, as many as the data hold stably, with labels that stay.

k-means on standardised columns, those of amounts and counts on a logarithmic scale. A number of clusters is stable if
two clusterings agree, of a bootstrap draw and of the customers that the draw leaves out, each applied to all: the
adjusted Rand index (Hubert and Arabie, *Comparing partitions*, 1985) is high in the mean over the draws, by more than
their chance, and so is, for every cluster, the Jaccard index with the most similar one (Hennig, *Cluster-wise
assessment of cluster stability*, 2007). Clusterings of the draw and of all customers would share customers and agree on
cuts through the noise: of three clear kinds of 60 customers each they make six clusters. The largest stable number is
taken.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from core.arrays import Columns, Floats, Ints, matrix
from training.segments.names import Names, absent, rows_of
from training.segments.settings import ClusterSettings

#: For each cluster that is tried; a third of the customers are not in a draw.
LEAST_CUSTOMERS = 10

#: Standard errors below the mean, above which it lies with 95 % certainty.
_CERTAIN = 1.645
#: A cluster whose mean Jaccard index is below this is no cluster that was found again (Hennig, 2007, and the manual of
#: his package fpc: from 0.6 on it indicates a pattern, from 0.75 on it is valid).
_DOUBTFUL = 0.6


@dataclass(frozen=True)
class Scale:
    """How columns become coordinates: the logarithm of some, and all with mean 0 and deviation 1.

    Attributes
    ----------
    columns
        Names, in the order of the coordinates.
    logarithmic
        Whether log(1 + value) takes the place of the value.
    usual
        The median, which takes the place of a missing value.
    mean, deviation
        Of the column after that.
    """

    columns: tuple[str, ...]
    logarithmic: tuple[bool, ...]
    usual: tuple[float, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def learn(cls, columns: Columns, names: Sequence[str]) -> Self:
        """Learn from a population. Columns that it lacks, or in which all customers are equal, are left out."""
        kept = tuple(name for name in names if name in columns and _varies(columns[name]))
        values = [columns[name] for name in kept]
        # shares are from 0 to 1; what may be negative has no logarithm
        logarithmic = tuple(bool(np.nanmin(one) >= 0 and np.nanmax(one) > 1) for one in values)
        usual = tuple(float(np.nanmedian(one)) for one in values)
        first = cls(kept, logarithmic, usual, (0.0,) * len(kept), (1.0,) * len(kept))
        if not kept:
            return first
        rows = first.apply(columns, len(values[0]))
        return replace(first, mean=tuple(rows.mean(axis=0).tolist()), deviation=tuple(rows.std(axis=0).tolist()))

    def apply(self, columns: Columns, rows: int) -> Floats:
        """Return coordinates, rows x columns."""
        values = matrix(columns, self.columns, rows)
        known = np.where(np.isnan(values), self.usual, values)
        logarithmic = np.array(self.logarithmic, dtype=bool)
        known[:, logarithmic] = np.log1p(np.maximum(known[:, logarithmic], 0))
        result: Floats = (known - np.array(self.mean)) / np.array(self.deviation)
        return result


@dataclass(frozen=True)
class Clusters:
    """Clusters, which any customer can be assigned to; without scikit-learn.

    Attributes
    ----------
    labels
        One per cluster, such as `cluster_3`; a label that is given up is never used again.
    centres
        Clusters x coordinates.
    stability
        By number of clusters that was tried: the mean adjusted Rand index over the draws.
    last_number
        The highest number that a label ever had.
    """

    scale: Scale
    labels: tuple[str, ...]
    centres: Floats
    stability: Mapping[int, float]
    last_number: int

    def assign(self, columns: Columns, rows: int) -> Names:
        """Return the label of the nearest centre; empty for a customer with no known value at all."""
        coordinates = self.scale.apply(columns, rows)
        found: Names = np.array(self.labels, dtype=object)[_nearest(coordinates, self.centres)]
        unknown = np.isnan(matrix(columns, self.scale.columns, rows)).all(axis=1)
        found[unknown] = ""
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, which `from_dict` reads."""
        return {
            "scale": {name: list(values) for name, values in vars(self.scale).items()},
            "labels": list(self.labels),
            "centres": self.centres.tolist(),
            "stability": {str(number): index for number, index in self.stability.items()},
            "last_number": self.last_number,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Clusters":
        """Read what `as_dict` returned."""
        return cls(
            scale=Scale(**{name: tuple(values) for name, values in content["scale"].items()}),
            labels=tuple(content["labels"]),
            centres=np.array(content["centres"], dtype=np.float64),
            stability={int(number): index for number, index in content["stability"].items()},
            last_number=content["last_number"],
        )


@dataclass(frozen=True)
class Search:
    """What a search for clusters found.

    Attributes
    ----------
    stability
        By number of clusters that was tried: the mean adjusted Rand index over the draws; empty where there are too few
        customers to try any.
    clusters
        None where no number is stable.
    """

    stability: Mapping[int, float]
    clusters: Clusters | None


def search(columns: Columns, settings: ClusterSettings, before: Clusters | None = None) -> Search:
    """Try every number of clusters, and take the largest that is stable.

    Parameters
    ----------
    columns
        Of customers, in any order.
    before
        The clusters of the last run. A cluster takes over the label that most of its customers had. Their number stays
        stable as long as the mean index is, whatever the chance of the draws, and every cluster is a pattern at least:
        else a number near the limits comes and goes, and labels with it.
    """
    scale = Scale.learn(columns, settings.columns)
    rows = rows_of(columns) if scale.columns else 0
    if rows < LEAST_CUSTOMERS * settings.most:
        return Search({}, None)
    coordinates = scale.apply(columns, rows)
    stability, best = _stability(coordinates, settings, len(before.labels) if before else None)
    if best is None:
        return Search(stability, None)
    members = _nearest(coordinates, best)
    earlier = before.assign(columns, rows) if before else absent(rows)
    labels, last_number = _labelled(members, len(best), earlier, before.last_number if before else 0)
    return Search(stability, Clusters(scale, labels, best, stability, last_number))


def differences(columns: Columns, found: Names, label: str, names: Sequence[str]) -> list[tuple[str, float]]:
    """Say by which columns the customers with a label differ most from all others.

    Parameters
    ----------
    names
        The columns to compare, also others than those that clusters are made of. Columns whose mean among the other
        customers is 0 or less have no ratio, and are left out.

    Returns
    -------
    Names with the mean of these customers over the mean of the others, in descending order of the difference in
    standard deviations.
    """
    mine, others = found == label, (found != label) & (found != "")
    ranked: list[tuple[float, str, float]] = []
    for name in names:
        values = columns.get(name)
        if values is None or np.isnan(values[mine]).all() or np.isnan(values[others]).all():
            continue
        one, other, spread = np.nanmean(values[mine]), np.nanmean(values[others]), np.nanstd(values)
        if other > 0 and spread > 0:
            ranked.append((float(abs(one - other) / spread), name, float(one / other)))
    return [(name, ratio) for _, name, ratio in sorted(ranked, key=lambda one: (-one[0], one[1]))]


def _varies(values: Floats) -> bool:
    known = values[~np.isnan(values)]
    return len(known) > 0 and bool(known.min() < known.max())


def _stability(
    coordinates: Floats, settings: ClusterSettings, before: int | None
) -> tuple[dict[int, float], Floats | None]:
    """Return the stability by number of clusters, and the centres of the largest stable number.

    Parameters
    ----------
    before
        The number of the last run.
    """
    rng = np.random.default_rng(settings.seed)
    sample = coordinates
    if len(coordinates) > settings.sample:
        sample = coordinates[rng.choice(len(coordinates), settings.sample, replace=False)]
    found: dict[int, float] = {}
    best: Floats | None = None
    for number in range(settings.least, settings.most + 1):
        indices, overlaps = agreement(sample, number, settings)
        found[number] = float(indices.mean())
        index, overlap = _surely(indices), settings.found_again
        if number == before:
            index, overlap = found[number], min(overlap, _DOUBTFUL)
        if index >= settings.stable and float(overlaps.mean(axis=0).min()) >= overlap:
            best = _centres(sample, number, settings.seed)
    return found, best


def _surely(indices: Floats) -> float:
    """Return the mean that draws show at least, with 95 % certainty: a few lucky draws are no stability."""
    return float(indices.mean() - _CERTAIN * indices.std(ddof=1) / np.sqrt(len(indices)))


def agreement(coordinates: Floats, number: int, settings: ClusterSettings) -> tuple[Floats, Floats]:
    """Return how well two clusterings agree in each draw; the draws are the same at every call.

    Returns
    -------
    The adjusted Rand index by draw; and by draw and cluster the Jaccard index with the most similar cluster.
    """
    from sklearn.metrics import adjusted_rand_score  # noqa: PLC0415 - training alone needs it

    rng = np.random.default_rng(settings.seed)
    indices, overlaps = [], []
    for draw in range(settings.draws):
        places = rng.integers(0, len(coordinates), len(coordinates))
        rest = np.delete(coordinates, places, axis=0)
        one, other = (
            _nearest(coordinates, _centres(part, number, settings.seed + draw)) for part in (coordinates[places], rest)
        )
        indices.append(adjusted_rand_score(one, other))
        overlaps.append(_overlaps(one, other, number))
    return np.array(indices), np.array(overlaps)


def _overlaps(members: Ints, other: Ints, number: int) -> Floats:
    """Return the Jaccard index of each cluster with the most similar one of another clustering."""
    shared = np.bincount(members * number + other, minlength=number * number).reshape(number, number)
    both = shared.sum(axis=1)[:, None] + shared.sum(axis=0) - shared
    result: Floats = (shared / np.maximum(both, 1)).max(axis=1)
    return result


def _centres(coordinates: Floats, number: int, seed: int) -> Floats:
    from sklearn.cluster import KMeans  # noqa: PLC0415 - training alone needs it

    fitted = KMeans(number, n_init=5, random_state=seed).fit(coordinates)
    return np.asarray(fitted.cluster_centers_, dtype=np.float64)


def _nearest(coordinates: Floats, centres: Floats) -> Ints:
    # |x - c|^2 without |x|^2, which is the same for all centres
    distances = (centres**2).sum(axis=1) - 2 * coordinates @ centres.T
    return np.asarray(distances.argmin(axis=1), dtype=np.int64)


def _labelled(members: Ints, number: int, earlier: Names, last_number: int) -> tuple[tuple[str, ...], int]:
    """Give clusters the labels that most of their customers had, and new ones in the order of their size.

    Labels are exchanged so that as many customers as possible keep theirs (Kuhn's Hungarian method); one that less
    than half of the customers of a cluster had is not theirs.
    """
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - training alone needs it

    known = sorted({*earlier} - {""})
    shared = np.zeros((number, len(known)), dtype=np.int64)
    for place, label in enumerate(known):
        shared[:, place] = np.bincount(members[earlier == label], minlength=number)
    sizes = np.bincount(members, minlength=number)
    labels = [""] * number
    for cluster, place in zip(*(one.tolist() for one in linear_sum_assignment(-shared)), strict=True):
        if 2 * shared[cluster, place] >= sizes[cluster] > 0:
            labels[cluster] = known[place]
    for cluster in sorted(range(number), key=lambda one: -sizes[one]):
        if not labels[cluster]:
            last_number += 1
            labels[cluster] = f"cluster_{last_number}"
    return tuple(labels), last_number
