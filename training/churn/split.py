"""Which rows are for training, validation and tests: by time, or by customers where there is no time to split by."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt

from features.given import group_of
from features.snapshots import Group, Split

#: What is shown beside each figure of a model whose test customers are of the same moment as those it learned from.
OPTIMISTIC = "no time split: optimistic"


def caveat_of(split: Split) -> str | None:
    """Return what to say beside figures that were measured by a split; None for a split by time."""
    return OPTIMISTIC if split.by_customers else None


def at_snapshots(moments: npt.NDArray[np.datetime64], snapshots: Sequence[datetime]) -> npt.NDArray[np.bool_]:
    """Return which rows are of some snapshots."""
    wanted = np.array([np.datetime64(t.replace(tzinfo=None)) for t in snapshots])
    return np.asarray(np.isin(moments, wanted), dtype=np.bool_)


def groups(
    split: Split, customers: npt.NDArray[np.object_], moments: npt.NDArray[np.datetime64]
) -> Mapping[Group, npt.NDArray[np.bool_]]:
    """Return which rows are of each group; `customers` and `moments` are aligned, one of each a row."""
    if not split.by_customers:
        parts: dict[Group, Sequence[datetime]] = {
            "train": split.train,
            "validation": split.validation,
            "test": split.test,
        }
        return {name: at_snapshots(moments, snapshots) for name, snapshots in parts.items()}
    of_rows = np.array([group_of(str(customer)) for customer in customers], dtype=object)
    names: tuple[Group, ...] = ("train", "validation", "test")
    return {name: np.asarray(of_rows == name) & at_snapshots(moments, split.test) for name in names}
