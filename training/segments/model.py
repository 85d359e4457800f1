"""The fitted segments model: clusters of similar customers with what describes them, and the typical rhythm."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.arrays import Columns, Floats
from core.files import write_file
from features.store.feature_store import Store
from training.segments.clusters import Clusters
from training.segments.names import Names, absent


@dataclass(frozen=True)
class Trait:
    """A column in which the customers of a cluster differ from all others.

    Attributes
    ----------
    ratio
        Their mean over the mean of the others.
    mean
        Their mean, in the unit of the column.
    """

    column: str
    ratio: float
    mean: float


@dataclass(frozen=True)
class Kind:
    """The customers of a cluster when it was found.

    Attributes
    ----------
    label
        Such as `cluster_3`.
    share
        Of the customers.
    traits
        In descending order of the difference in standard deviations.
    """

    label: str
    customers: int
    share: float
    traits: tuple[Trait, ...]


@dataclass(frozen=True)
class SegmentsModel:
    """Assigns customers to clusters, and keeps the rhythm that lifecycle stages are judged by.

    Attributes
    ----------
    clusters
        None where no number of clusters is stable: customers differ by degree, and not by kind.
    stability
        By number of clusters that was tried: the mean adjusted Rand index over the draws.
    typical_gap
        The median of the customers' mean gaps between days with a purchase, in days.
    learned_at
        The snapshot of the customers.
    customers
        How many there were.
    kinds
        One per cluster.
    earlier
        The last clusters that there were, where there are none now: labels are taken over from them when there are
        clusters again.
    """

    clusters: Clusters | None
    stability: Mapping[int, float]
    typical_gap: float
    learned_at: datetime
    customers: int
    kinds: tuple[Kind, ...] = ()
    earlier: Clusters | None = None

    @property
    def labels_end(self) -> datetime:
        """The snapshot of the customers: nothing later was seen, as nothing is predicted."""
        return self.learned_at

    @property
    def labels(self) -> tuple[str, ...]:
        """Of the clusters; none where there are none."""
        return self.clusters.labels if self.clusters is not None else ()

    @property
    def last(self) -> Clusters | None:
        """The clusters that labels are taken over from: its own, or the last that there were."""
        return self.clusters or self.earlier

    def assign(self, columns: Columns, rows: int) -> Names:
        """Return the label of each customer; empty without clusters, and for a customer without any known value."""
        return self.clusters.assign(columns, rows) if self.clusters is not None else absent(rows)

    def prepared(self, store: Store, as_of: datetime) -> "SegmentsModel":
        """Assign a customer without any known value: it fails where a file is broken."""
        del store, as_of
        self.assign({}, 1)
        return self

    def save(self, directory: Path) -> None:
        """Write the model as a JSON file."""
        meta = {
            "clusters": self.clusters.as_dict() if self.clusters else None,
            "stability": {str(number): index for number, index in self.stability.items()},
            "typical_gap": self.typical_gap,
            "learned_at": self.learned_at.isoformat(),
            "customers": self.customers,
            "kinds": [asdict(kind) for kind in self.kinds],
            "earlier": self.earlier.as_dict() if self.earlier else None,
        }
        write_file(directory / "model.json", json.dumps(meta, indent=2).encode())

    @classmethod
    def load(cls, directory: Path) -> "SegmentsModel":
        """Read what `save` wrote."""
        meta = json.loads((directory / "model.json").read_text())
        return cls(
            clusters=Clusters.from_dict(meta["clusters"]) if meta["clusters"] else None,
            stability={int(number): index for number, index in meta["stability"].items()},
            typical_gap=meta["typical_gap"],
            learned_at=datetime.fromisoformat(meta["learned_at"]),
            customers=meta["customers"],
            kinds=tuple(_read_kind(kind) for kind in meta["kinds"]),
            earlier=Clusters.from_dict(meta["earlier"]) if meta["earlier"] else None,
        )


def _read_kind(meta: dict[str, Any]) -> Kind:
    return Kind(meta["label"], meta["customers"], meta["share"], tuple(Trait(**trait) for trait in meta["traits"]))


class _PyFunc:
    """What `mlflow models serve` and `mlflow.pyfunc.load_model` call."""

    def __init__(self, model: SegmentsModel) -> None:
        self._model = model

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Assign customers.

        Parameters
        ----------
        model_input
            One row per customer: the columns that clusters are found by, by name.

        Returns
        -------
        One row per customer: `cluster`, empty for none.
        """
        del params
        columns: dict[str, Floats] = {
            str(name): np.asarray(values, dtype=np.float64) for name, values in model_input.items()
        }
        return pd.DataFrame({"cluster": self._model.assign(columns, len(model_input))})


def _load_pyfunc(path: str) -> _PyFunc:
    """MLflow's entry point; the name is MLflow's."""
    return _PyFunc(SegmentsModel.load(Path(path)))
