"""A fee-like product that is marked `active = false` is never offered, however many customers buy it."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from core.settings import StoreSettings
from features.contract.tables import table_path
from features.store.feature_store import Store
from tests.conftest import World, copied, inside
from tests.training.next_product.asking import offered
from training.lifecycle.runner import champion
from training.next_product.catalogue import Catalogue
from training.next_product.dataset import DatasetReader
from training.next_product.history import read_history
from training.next_product.offers.policy import Policy
from training.next_product.offers.rules import KINDS, Pinned, Rules
from training.next_product.offers.types import recommend_types
from training.next_product.pipeline import NEXT_PRODUCT, model_at


def most_bought(catalogue: Catalogue) -> list[str]:
    """A bottle deposit, a bag and postage: what everybody buys with everything."""
    order = np.argsort(-np.nan_to_num(catalogue.statistics["product_baskets"]))[:3]
    return [str(name) for name in catalogue.ids[order]]


def test_fees_are_in_no_list_of_any_kind(world: World, tmp_path: Path) -> None:
    snapshot = world.schedule.splits["next_product"].test[0]
    with inside(world.directory):
        learned = champion(NEXT_PRODUCT, world.settings).artifact.learned
    with copied(world, tmp_path) as settings:
        sold = DatasetReader(settings, Store(settings)).at(snapshot)
        fees = most_bought(sold.catalogue)
        before = model_at(sold, learned, settings)
        active = [sold.histories[place] for place in sold.active]
        bought = {str(before.catalogue.ids[code]) for history in active for code in history.codes}
        assert bought >= set(fees)
        shown_as_goods = (o.product_id for kind in KINDS for one in offered(before, active, kind, 20) for o in one)
        assert any(product in fees for product in shown_as_goods)

        path = table_path(settings[StoreSettings], "products")
        products = pd.read_parquet(path)
        products["active"] = ~products["product_id"].isin(fees)
        products.to_parquet(path)
        dataset = DatasetReader(settings, Store(settings)).at(snapshot)
        model = model_at(dataset, learned, settings)

    assert not set(model.catalogue.ids) & set(fees)
    assert not set(map(model.catalogue.label, model.catalogue.head)) & set(fees)
    nobody = read_history({}, model.catalogue, 0.0, 0.0)
    customers = [*(dataset.histories[place] for place in dataset.active), nobody]
    pins = tuple(
        Pinned.model_validate({"campaign": "c", "product": fee, "from": date(2000, 1, 1), "until": date(2100, 1, 1)})
        for fee in fees
    )
    for kind in KINDS:
        lists = offered(model, customers, kind, 20, Rules(pinned=pins))
        assert any(lists)
        shown = {offer.product_id for one in lists for offer in one}
        named = {str(offer.evidence) for one in lists for offer in one}
        assert not shown & set(fees), kind
        assert not any(fee in text for fee in fees for text in named), kind
    types = recommend_types(model, Policy(Rules(), model.catalogue), customers, 10)
    assert not {offer.product_id for one in types for offer in one} & set(fees)
