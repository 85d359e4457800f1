"""The champion at a test snapshot, and who was active then."""

import pandas as pd
import pytest

from features.store.feature_store import Store
from tests.conftest import World, inside
from training.lifecycle.runner import champion
from training.next_product.dataset import Dataset, DatasetReader
from training.next_product.history import History
from training.next_product.model import NextProductModel
from training.next_product.pipeline import NEXT_PRODUCT, model_at


@pytest.fixture(scope="session")
def dataset(world: World, store: Store) -> Dataset:
    return DatasetReader(world.settings, store).at(world.schedule.splits["next_product"].test[0])


@pytest.fixture(scope="session")
def model(world: World, dataset: Dataset) -> NextProductModel:
    """The champion with everything but what it learned from labels as of the test snapshot."""
    with inside(world.directory):
        learned = champion(NEXT_PRODUCT, world.settings).artifact.learned
    return model_at(dataset, learned, world.settings)


@pytest.fixture(scope="session")
def histories(dataset: Dataset) -> list[History]:
    """Active customers at the test snapshot."""
    return [dataset.histories[place] for place in dataset.active]


@pytest.fixture(scope="session")
def raw(world: World, dataset: Dataset) -> pd.DataFrame:
    """Order lines before the test snapshot that are evidence of taste, with type and whether the product is listed."""
    lines = pd.read_parquet(world.directory / "data/contract/transactions.parquet")
    lines = lines[(lines["event_timestamp"] < dataset.snapshot) & (lines["quantity"] > 0) & (lines["amount"] > 0)]
    products = pd.read_parquet(world.directory / "data/contract/products.parquet")
    joined = lines.merge(products[["product_id", "type", "active"]], on="product_id", how="left")
    joined["listed"] = joined["product_id"].isin(dataset.catalogue.ids)
    return joined[joined["active"].astype("boolean").fillna(value=True)]
