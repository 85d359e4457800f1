"""Two versions of a model on the same rows: differences that are paired by customer, overall and by slice."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from core.arrays import Floats, Ints, Rows
from training.evaluation.amounts import DECILE_ERROR
from training.evaluation.bootstrap import Draws, Estimate, draws, estimate
from training.evaluation.grade import Sizes
from training.evaluation.sheet import Sheet

#: The metric of calibration of probabilities, which is better where it is lower.
CALIBRATION = "ece"
_LOWER_IS_BETTER = {CALIBRATION, "brier", "mae", DECILE_ERROR}


@dataclass(frozen=True)
class Difference:
    """A metric of two versions.

    Attributes
    ----------
    difference
        That of the challenger less that of the champion, with a bootstrap 95 % interval paired by customer.
    """

    challenger: float
    champion: float
    difference: Estimate


@dataclass(frozen=True)
class Slice:
    """The deciding metric in a group of rows, which holds `rows` rows."""

    rows: int
    deciding: Difference


@dataclass(frozen=True)
class Comparison:
    """A challenger beside the champion, on test snapshots that neither learned from.

    Attributes
    ----------
    deciding
        Name of the metric that decides, which is better where it is higher.
    snapshots
        Dates of the test snapshots.
    metrics
        By name; `ece` is the calibration error of probabilities, `decile_error` that of amounts.
    slices
        By slice and group; a group whose rows all have one outcome is left out.
    sizes
        What the versions answer beside an order: probabilities, or amounts; None where they answer neither.
    objection
        Why the challenger must not replace the champion whatever its metrics are; None where nothing is against it.
    """

    deciding: str
    snapshots: tuple[str, ...]
    rows: int
    customers: int
    metrics: Mapping[str, Difference]
    slices: Mapping[str, Mapping[str, Slice]] = field(default_factory=dict)
    sizes: Sizes | None = "percentages"
    objection: str | None = None

    @property
    def gain(self) -> Difference:
        """The deciding metric."""
        return self.metrics[self.deciding]

    @property
    def calibration(self) -> Difference:
        """The calibration error, of probabilities or amounts; a `KeyError` where the versions answer neither."""
        return self.metrics[CALIBRATION if self.sizes == "percentages" else DECILE_ERROR]

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return asdict(self)

    def sheets(self, challenger: str, champion: str) -> list[Sheet]:
        """Return metrics and slices as tables.

        Parameters
        ----------
        challenger, champion
            Names and versions.
        """
        title = f"{challenger} against {champion}, tests {', '.join(self.snapshots)}"
        rows = [(name, *_cells(one)) for name, one in self.metrics.items()]
        columns = (challenger, champion, "difference (95 %)")
        lower = " and ".join(sorted(_LOWER_IS_BETTER & set(self.metrics)))
        note = f"{self.rows:,} rows of {self.customers:,} customers; paired by customer. Lower is better for {lower}."
        sheets = [Sheet(title, ("metric", *columns), rows, (note,))]
        groups = [
            (name, group, f"{one.rows:,}", *_cells(one.deciding))
            for name, of_slice in self.slices.items()
            for group, one in of_slice.items()
        ]
        if groups:
            sheets.append(Sheet(f"{self.deciding} by slice", ("slice", "group", "rows", *columns), groups))
        return sheets


def _cells(one: Difference) -> tuple[str, str, str]:
    change = one.difference
    return (
        f"{one.challenger:.3f}",
        f"{one.champion:.3f}",
        f"{change.value:+.3f} ({change.low:+.3f} to {change.high:+.3f})",
    )


def differences(measured: Draws, challenger: str, champion: str) -> dict[str, Difference]:
    """Return every metric that both methods were measured by on the same draws of customers."""
    ours, theirs = measured.points[challenger], measured.points[champion]
    return {
        metric: Difference(ours[metric], theirs[metric], measured.gain(metric, challenger, champion))
        for metric in ours
        if metric in theirs
    }


def mean_difference(ours: Floats, theirs: Floats, owners: Ints) -> Difference:
    """Compare means of two aligned arrays whose customers are drawn with all of their rows.

    Parameters
    ----------
    owners
        The place of the customer whose each row is.
    """
    count = np.bincount(owners).astype("float64")
    apart = np.bincount(owners, weights=ours - theirs)
    drawn = [apart[places].sum() / max(count[places].sum(), 1.0) for places in draws(len(count))]
    means = float(ours.mean()), float(theirs.mean())
    return Difference(*means, estimate(means[0] - means[1], np.array(drawn)))


def calibration_difference(ours: "Probabilities", theirs: "Probabilities", customers: int) -> Difference:
    """Compare calibration errors where a customer has several probabilities; customers are drawn with all of theirs.

    The bins of each draw are those of all rows, so that a draw is a sum.
    """
    both = [one.by_customer_and_bin(customers) for one in (ours, theirs)]
    points = [_error(distances.sum(axis=0), counts.sum()) for distances, counts in both]
    drawn = []
    for places in draws(customers):
        errors = [_error(distances[places].sum(axis=0), counts[places].sum()) for distances, counts in both]
        drawn.append(errors[0] - errors[1])
    return Difference(points[0], points[1], estimate(points[0] - points[1], np.array(drawn)))


@dataclass(frozen=True)
class Probabilities:
    """Probabilities with what came out, and the place of the customer whose each is; aligned."""

    values: Floats
    outcomes: Ints
    owners: Ints

    def by_customer_and_bin(self, customers: int, bins: int = 15) -> tuple[Floats, Floats]:
        """Return the sums of probability less outcome, customers x bins of equal mass, and rows by customer."""
        order = np.argsort(self.values, kind="stable")
        sums = np.zeros((customers, bins))
        for place, part in enumerate(np.array_split(order, bins)):
            np.add.at(sums[:, place], self.owners[part], self.values[part] - self.outcomes[part])
        return sums, np.bincount(self.owners, minlength=customers).astype("float64")


def _error(distances: Floats, count: float) -> float:
    return float(np.abs(distances).sum() / max(count, 1.0))


def groups_of(values: Floats, names: tuple[str, ...]) -> dict[str, Rows]:
    """Split rows into groups of about equal size by a value, from the lowest to the highest."""
    edges = np.quantile(values, np.arange(1, len(names)) / len(names))
    places = np.digitize(values, edges)
    return {name: np.asarray(places == place, dtype=np.bool_) for place, name in enumerate(names)}
