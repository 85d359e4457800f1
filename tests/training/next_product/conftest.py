"""The champion at a test snapshot, and who was active then."""

import pandas as pd
import pytest

from features.store.feature_store import Store
from tests.conftest import Scoring, World
from training.next_product.dataset import Moment, Moments
from training.next_product.history import History
from training.next_product.model import NextProductModel
from training.next_product.pipeline import model_at


@pytest.fixture(scope="session")
def moment(world: World, store: Store) -> Moment:
    return Moments(world.settings, store).at(world.schedule.splits["next_product"].test[0])


@pytest.fixture(scope="session")
def model(world: World, scoring: Scoring, moment: Moment) -> NextProductModel:
    """The champion with everything but what it learned from labels as of the test snapshot."""
    return model_at(moment, scoring.next_product.learned, world.settings)


@pytest.fixture(scope="session")
def histories(moment: Moment) -> list[History]:
    """Active customers at the test snapshot."""
    return [moment.histories[place] for place in moment.active]


@pytest.fixture(scope="session")
def raw(world: World, moment: Moment) -> pd.DataFrame:
    """Order lines before the test snapshot that are evidence of taste, with type and whether the product is listed."""
    lines = pd.read_parquet(world.directory / "data/contract/transactions.parquet")
    lines = lines[(lines["event_timestamp"] < moment.snapshot) & (lines["quantity"] > 0) & (lines["amount"] > 0)]
    products = pd.read_parquet(world.directory / "data/contract/products.parquet")
    joined = lines.merge(products[["product_id", "type", "active"]], on="product_id", how="left")
    joined["listed"] = joined["product_id"].isin(moment.catalogue.ids)
    return joined[joined["active"].astype("boolean").fillna(value=True)]
