"""Attributes that give the business's own label away: written when a customer leaves, or made of the label."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import ibis
import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from core.arrays import Ints
from core.errors import DataError
from core.settings import Settings, StoreSettings
from features.categories import attribute_texts, numeric
from features.engine.duckdb import Sources, connect, read_sources
from features.engine.inputs import snapshot_table, without_zones
from features.engine.portions import learners, learning_share
from features.engine.write import with_moments
from features.given import place_of
from features.settings import CustomerSettings
from features.spans.snapshots import Snapshots
from features.spans.spans import spans
from features.views.profile import ATTRIBUTE, profile
from training.churn.dataset import learn
from training.churn.labelled import given_labels
from training.evaluation.alone import separation

#: From this AUC on, an attribute alone is too good to have been known before.
SUSPICIOUS = 0.98
_FOLDS = 5
#: Numbers of no more different values may be codes, such as one for customers who have left.
_FEW_VALUES = 20
REMEDY = (
    "Move it from customers.model_attributes to customers.excluded_attributes. If its values were known before the "
    "customers left, give the moment since when (known_since_timestamp of customers) or a snapshot of the labels."
)


@dataclass(frozen=True)
class Giveaway:
    """An attribute that alone separates who churned from who stayed, and its AUC on customers held out."""

    attribute: str
    roc_auc: float

    @property
    def text(self) -> str:
        """The suspicion with its evidence, without a full stop."""
        return (
            f"customers.{self.attribute} alone separates who churned from who stayed, AUC {self.roc_auc:.3f} on "
            f"customers held out; from {SUSPICIOUS} on a column is taken to be written when a customer leaves"
        )


def check_giveaways(settings: Settings, snapshots: Sequence[datetime]) -> None:
    """Refuse attributes that give the label away.

    Raises
    ------
    DataError
        If one of `customers.model_attributes` alone has an AUC of 0.98 or more.
    """
    con = connect(settings)
    found = giveaways(settings, con, read_sources(con, settings[StoreSettings]), snapshots)
    if found:
        raise DataError(f"{'; '.join(one.text for one in found)}.", REMEDY)


def giveaways(
    settings: Settings, con: ibis.BaseBackend, sources: Sources, snapshots: Sequence[datetime]
) -> list[Giveaway]:
    """Return the model attributes that give the label away, as they are known at the snapshots; the strongest first."""
    customers = settings[CustomerSettings]
    drawn = learners(sources, learning_share(con, sources, customers.max_training_customers))
    labels = given_labels(drawn, snapshot_table(snapshots))
    numbered = Snapshots.of(snapshots)
    seen = spans(without_zones(drawn.interactions), numbered)
    on_file = profile(without_zones(drawn.customers), seen, numbered, customers.model_attributes)
    known = with_moments(on_file, numbered)
    joined = labels.inner_join(known, ["customer_id", "snapshot"]).drop("marketing_consent")
    rows = con.to_pandas(joined).sort_values(["customer_id", "snapshot"], ignore_index=True)
    churned = rows["churned"].to_numpy(dtype="int64")
    if not 0 < churned.sum() < len(churned):
        return []
    texts = attribute_texts(rows, customers.model_attributes)
    numbers = numeric({name: texts[name] for name in learn(rows, customers).numbers})
    folds = np.array([int(place_of(str(customer)) * _FOLDS) for customer in rows["customer_id"]])
    areas = {name: separation(churned, values) for name, values in numbers.items()}
    for name, values in texts.items():
        # the customers with one value of many different numbers are too few to say anything
        if name not in numbers or len(set(values)) <= _FEW_VALUES:
            areas[name] = max(areas.get(name, 0.0), _by_value(values, churned, folds))
    found = [Giveaway(name.removeprefix(ATTRIBUTE), area) for name, area in areas.items() if area >= SUSPICIOUS]
    return sorted(found, key=lambda one: -one.roc_auc)


def _by_value(values: npt.NDArray[np.object_], churned: Ints, folds: Ints) -> float:
    """Return the AUC of the share that churned with each value, learned on the other folds; no value is one, too."""
    scores = np.zeros(len(churned))
    for fold in range(_FOLDS):
        held_out = folds == fold
        overall = float(churned[~held_out].mean()) if (~held_out).any() else 0.5
        counts: dict[object, tuple[int, int]] = {}
        for value, outcome in zip(values[~held_out], churned[~held_out].tolist(), strict=True):
            rows, left = counts.get(value, (0, 0))
            counts[value] = rows + 1, left + outcome
        # a value that few have counts as much as if one more customer like all had it
        shares = {value: (left + overall) / (rows + 1) for value, (rows, left) in counts.items()}
        scores[held_out] = [shares.get(value, overall) for value in values[held_out]]
    return float(roc_auc_score(churned, scores))
