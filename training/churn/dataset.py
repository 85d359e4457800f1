"""The point-in-time training set of churn: labels joined with `churn_v1` as it was known at each snapshot."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.arrays import Columns, Ints, Rows
from core.errors import DataError
from core.settings import Settings, StoreSettings
from features.categories import Attributes, Categories, attribute_texts, learn_attributes, model_columns
from features.engine.duckdb import connect, read_sources
from features.engine.inputs import snapshot_table
from features.engine.portions import learners, learning_share
from features.settings import CustomerSettings
from features.snapshots import Split
from features.store.feature_store import Store
from features.views.profile import ATTRIBUTE
from training.churn.labels import labels
from training.churn.settings import ChurnSettings
from training.churn.split import at_snapshots, groups
from training.readiness.fitness import MIN_CUSTOMERS


@dataclass(frozen=True)
class ChurnSet:
    """One row per active customer and snapshot, ordered by snapshot and customer.

    Attributes
    ----------
    columns
        Features by name, ages in days, attributes as codes.
    categories
        The values of attributes that are no numbers, in the order of their codes.
    numbers
        The attributes that are numbers.
    churned
        1 where the customer churned, by the current definition.
    """

    customers: npt.NDArray[np.object_]
    snapshots: npt.NDArray[np.datetime64]
    columns: Columns
    churned: Ints
    categories: Categories = field(default_factory=dict)
    numbers: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.churned)

    @property
    def customers_at_last(self) -> int:
        """How many customers have a row at the newest snapshot."""
        return int((self.snapshots == self.snapshots.max()).sum()) if len(self) else 0

    def mask(self, snapshots: Sequence[datetime]) -> npt.NDArray[np.bool_]:
        """Return which rows are of some snapshots."""
        return at_snapshots(self.snapshots, snapshots)

    def check(self, name: str, *, labelled: bool = False, renewal: bool = False) -> None:
        """Refuse rows that are too few, or of one outcome, to learn from or to measure on.

        Parameters
        ----------
        labelled
            Whether the business's own label says who churned, so that no definition can be changed.
        renewal
            Whether only customers who are up for renewal are asked about.

        Raises
        ------
        DataError
            If they are of fewer than 100 customers, or all or none of them churned.
        """
        customers = len(set(self.customers))
        if customers < MIN_CUSTOMERS and labelled:
            raise DataError(
                f"Expected labels of at least {MIN_CUSTOMERS} known customers for {name}, found {customers}: a "
                "model of fewer could not be trusted.",
                "Supply more labels, and map customers, or events of them, by the same ids. `encore check-data` counts "
                "both.",
            )
        if customers < MIN_CUSTOMERS and renewal:
            raise DataError(
                f"Expected at least {MIN_CUSTOMERS} customers whose contract ends within the horizon of the {name} "
                f"snapshots, for all that was known at them, found {customers}: a model of fewer could not be trusted.",
                'Choose a longer churn.horizon_days, or churn.population = "all". Where contracts run on until they '
                "are cancelled, nobody is up for renewal.",
            )
        if customers < MIN_CUSTOMERS:
            raise DataError(
                f"Expected at least {MIN_CUSTOMERS} active customers at the {name} snapshots, found {customers}: "
                "a model of fewer could not be trusted.",
                "Supply more customers; until then look at each of them. `encore check-data` lists what is missing.",
            )
        rate = self.churned.mean() if len(self) else 0.0
        if not 0 < rate < 1:
            raise DataError(
                f"Expected some customers to churn and some to stay, found a churn rate of {rate:.0%} among "
                f"{len(self)} {'labels for ' + name if labelled else f'active customers at the {name} snapshots'}.",
                "Correct the mapping of labels.churned, or supply more labels."
                if labelled
                else "Choose another churn.activity_window_days or churn.horizon_days, or supply more data.",
            )

    def at(self, snapshots: Sequence[datetime]) -> "ChurnSet":
        """Return the rows of some snapshots."""
        return self.rows(self.mask(snapshots))

    def rows(self, mask: Rows) -> "ChurnSet":
        """Return some rows."""
        return ChurnSet(
            customers=self.customers[mask],
            snapshots=self.snapshots[mask],
            columns={name: values[mask] for name, values in self.columns.items()},
            churned=self.churned[mask],
            categories=self.categories,
            numbers=self.numbers,
        )


def churn_set(
    settings: Settings,
    store: Store,
    snapshots: Sequence[datetime],
    attributes: Attributes | None = None,
    split: Split | None = None,
) -> ChurnSet:
    """Label the active customers of each snapshot and join their features point in time.

    Parameters
    ----------
    attributes
        How a model reads attributes that is to read the rows; None learns it from the rows.
    split
        Learn it from the training rows of this one; None takes all rows.
    """
    con = connect(settings)
    whole = read_sources(con, settings[StoreSettings])
    sources = learners(whole, learning_share(con, whole, settings[CustomerSettings].max_training_customers))
    labelled = con.to_pandas(labels(sources, snapshot_table(snapshots), settings[ChurnSettings]))
    labelled = labelled.sort_values(["snapshot", "customer_id"], ignore_index=True)
    entities = labelled.rename(columns={"snapshot": "event_timestamp"})[["customer_id", "event_timestamp"]]
    frame = store.point_in_time(ChurnSettings.service, entities)
    moments = labelled["snapshot"].dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
    seconds = moments.astype("datetime64[s]").astype("float64")
    # consent decides who gets offers, and is no reason to stay or leave
    rows = frame.drop(columns=["customer_id", "event_timestamp", "marketing_consent"])
    customers = labelled["customer_id"].to_numpy(dtype=object)
    if attributes is None:
        learned_from = np.ones(len(rows), dtype=bool) if split is None else groups(split, customers, moments)["train"]
        attributes = learn(rows[learned_from], settings[CustomerSettings])
    return ChurnSet(
        customers=customers,
        snapshots=moments,
        columns=model_columns(rows, seconds, attributes),
        churned=labelled["churned"].to_numpy(dtype="int64"),
        categories=attributes.categories,
        numbers=attributes.numbers,
    )


def learn(rows: pd.DataFrame, settings: CustomerSettings) -> Attributes:
    """Decide how a model reads attributes, from their texts in some rows and the configuration."""
    numbers = [ATTRIBUTE + name for name in settings.numeric_attributes]
    categories = [ATTRIBUTE + name for name in settings.categorical_attributes]
    return learn_attributes(attribute_texts(rows, settings.model_attributes), numbers, categories)


def usable_features(train: ChurnSet) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns that a model can learn from, and those that it cannot.

    A column that is missing in every row, or that has one value only, cannot exist for this data. The season
    cannot be distinguished from the passing of time by less than a year of snapshots.
    """
    short = train.snapshots.max() - train.snapshots.min() < np.timedelta64(365, "D") if len(train) else True
    usable: list[str] = []
    left_out: list[str] = []
    for name in sorted(train.columns):
        known = train.columns[name][~np.isnan(train.columns[name])]
        learnable = len(known) and known.min() < known.max() and not (short and name.startswith("season_"))
        (usable if learnable else left_out).append(name)
    return tuple(usable), tuple(left_out)
