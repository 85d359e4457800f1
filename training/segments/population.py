"""Customers as they are at a snapshot, whom clusters are found in and measured on."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from core.arrays import Columns, matrix
from core.errors import DataError
from core.settings import Settings
from features.categories import Attributes, model_columns
from features.store.feature_store import Store
from training.segments.settings import SegmentSettings


@dataclass(frozen=True)
class Population:
    """Customers with any value that clusters are found by. One row per customer, ordered by id.

    Attributes
    ----------
    columns
        Features by name, ages in days.
    """

    moment: datetime
    customers: npt.NDArray[np.object_]
    columns: Columns

    def __len__(self) -> int:
        return len(self.customers)


def population_at(settings: Settings, store: Store, moment: datetime) -> Population:
    """Read the customers of a moment that features were built for; a sample of them where there are very many.

    Raises
    ------
    StateError
        If no features have been built for the moment.
    DataError
        If no customer has any value of the columns that clusters are found by.
    """
    clusters = settings[SegmentSettings].clusters
    everyone = store.everyone(SegmentSettings.service, moment, clusters.sample)
    customers = np.array(list(everyone), dtype=object)
    seconds = np.full(len(customers), moment.timestamp())
    columns = model_columns(list(everyone.values()), seconds, Attributes()) if everyone else {}
    known = ~np.isnan(matrix(columns, clusters.columns, len(customers))).all(axis=1)
    if not known.any():
        raise DataError(
            f"Expected customers with a value of any of {', '.join(clusters.columns)} before {moment:%Y-%m-%d}, found "
            f"none among {len(customers):,} customers.",
            "Name columns that the data have in segments.clusters.columns.",
        )
    return Population(moment, customers[known], {name: values[known] for name, values in columns.items()})
