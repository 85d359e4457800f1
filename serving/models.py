"""The champions, loaded once from the registry."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from features.definitions import NEXT_PRODUCT_SERVICE
from features.store import Store
from training.churn.model import ChurnModel
from training.churn.pipeline import CHURN_MODEL, load_churn
from training.next_product.catalogue import STATISTICS
from training.next_product.model import NextProductModel
from training.next_product.pipeline import NEXT_PRODUCT_MODEL
from training.tracking import Tracking, Version


@dataclass(frozen=True)
class Models:
    """Both champions with the versions they were registered as."""

    churn: ChurnModel
    churn_version: Version
    next_product: NextProductModel
    next_product_version: Version


def champions(tracking: Tracking) -> tuple[Version, Version]:
    """Return the champions of churn and of the next product.

    Raises
    ------
    StateError
        If a model has none.
    """
    return tracking.champion(CHURN_MODEL), tracking.champion(NEXT_PRODUCT_MODEL)


def load_models(tracking: Tracking, churn_version: Version, next_version: Version, store: Store) -> Models:
    """Load two versions, and give the catalogue the product statistics that the online store holds.

    Raises
    ------
    StoreError
        If the registry or the online store does not answer.
    """
    churn = load_churn(tracking, churn_version)
    with tempfile.TemporaryDirectory() as directory:
        following = NextProductModel.load(tracking.download(next_version, Path(directory)))
    rows = store.online(NEXT_PRODUCT_SERVICE, "product_id", [str(i) for i in following.catalogue.ids])
    statistics = {
        name: np.array([np.nan if value is None else value for value in rows.values[name]], dtype="float64")
        for name in STATISTICS
    }
    return Models(churn, churn_version, following.with_statistics(statistics), next_version)
