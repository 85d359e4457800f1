"""One moment of the next-product problem: catalogue, histories, and what was bought afterwards."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy import sparse

from core.errors import DataError
from core.settings import Settings, StoreSettings
from features.engine.duckdb import connect, read_sources
from features.engine.inputs import snapshot_table
from features.engine.sample import drawn, learning_share
from features.settings import CustomerSettings, TimeSettings
from features.store.feature_store import Store
from features.vectors import columns_from_frame
from features.views.profile import ATTRIBUTE
from features.views.purchases import goods
from features.views.visible import visible
from training.next_product.catalogue import Catalogue, make_catalogue
from training.next_product.evaluation.baselines import customer_vectors
from training.next_product.history import History, read_history
from training.next_product.labels import bought_next, customers_known
from training.next_product.settings import NextProductSettings


@dataclass(frozen=True)
class Moment:
    """Everything known at a snapshot, and what came after it.

    Attributes
    ----------
    histories
        Everybody who bought before.
    active
        Places in `histories` of the active customers.
    bought
        For each of `active` the ids of the products bought in the label window.
    vectors
        Reads TIFU-KNN's vectors of everybody in `histories`, which only its evaluation needs.
    types
        The type of each product that has one, by id.
    """

    snapshot: datetime
    catalogue: Catalogue
    histories: list[History]
    active: list[int]
    bought: list[frozenset[str]]
    vectors: Callable[[], sparse.csr_matrix]
    types: dict[str, str]

    def types_bought(self, products: frozenset[str]) -> frozenset[str]:
        """Return the types of some products."""
        return frozenset(self.types[product] for product in products if product in self.types)


class Moments:
    """Reads moments from Feast, point in time."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._con = connect(settings)
        sources = read_sources(self._con, settings[StoreSettings])
        lines = goods(sources.transactions, sources.products)
        share = learning_share(self._con, sources, settings[CustomerSettings].max_training_customers)
        self._transactions, self._lines = drawn(sources.transactions, share), drawn(lines, share)
        self._products: pd.DataFrame = self._con.to_pandas(sources.products)
        bought: pd.DataFrame = self._con.to_pandas(lines.select("product_id").distinct())
        typed = self._products[self._products["type"].notna()]
        self._types = dict(zip(typed["product_id"], typed["type"], strict=True))
        self._bought = bought["product_id"].sort_values(ignore_index=True)

    def at(self, snapshot: datetime) -> Moment:
        """Read one moment.

        Raises
        ------
        DataError
            If no product has enough baskets before the snapshot.
        """
        settings = self._settings[NextProductSettings]
        snapshots = snapshot_table([snapshot])
        known = self._con.to_pandas(customers_known(self._transactions, snapshots, settings))
        known = known.sort_values("customer_id", ignore_index=True)
        bought = self._con.to_pandas(bought_next(self._lines, snapshots, settings))
        truth = {row.customer_id: frozenset(row.products) for row in bought.itertuples()}
        catalogue = self._catalogue(snapshot)
        histories = self._histories(known["customer_id"].tolist(), catalogue, snapshot)
        customers = known["customer_id"].tolist()
        active = np.flatnonzero(known["active"].to_numpy(dtype=bool)).tolist()
        following = [truth.get(customers[place], frozenset()) for place in active]
        vectors = partial(self._vectors, snapshots, customers, catalogue)
        return Moment(snapshot, catalogue, histories, active, following, vectors, self._types)

    def _vectors(self, snapshots: ir.Table, customers: Sequence[str], catalogue: Catalogue) -> sparse.csr_matrix:
        seen = visible(self._lines, snapshots, self._settings[TimeSettings].history_days)
        baskets = seen.group_by("customer_id", "order_id", "product_id").agg(moment=seen.event_timestamp.min())
        frame: pd.DataFrame = self._con.to_pandas(baskets).sort_values(["customer_id", "moment", "order_id"])
        orders = frame.groupby(["customer_id", "order_id"], sort=False)["moment"].min().reset_index()
        orders["place"] = orders.groupby("customer_id").cumcount()
        orders["orders"] = orders.groupby("customer_id")["place"].transform("size")
        joined = frame.merge(orders.drop(columns="moment"), on=["customer_id", "order_id"])
        joined["customer"] = pd.Index(customers).get_indexer(pd.Index(joined["customer_id"]))
        joined["product"] = catalogue.codes(joined["product_id"].tolist())
        return customer_vectors(joined[joined["product"] >= 0], len(customers), len(catalogue))

    def _catalogue(self, snapshot: datetime) -> Catalogue:
        entities = pd.DataFrame({"product_id": self._bought, "event_timestamp": snapshot})
        statistics = self._store.point_in_time(NextProductSettings.service, entities)
        settings = self._settings[NextProductSettings]
        catalogue = make_catalogue(self._products, statistics, snapshot, settings)
        if len(catalogue) < 2:
            raise DataError(
                f"Expected products in at least {settings.min_baskets} baskets before {snapshot:%Y-%m-%d}, "
                f"found {len(catalogue)}.",
                "Lower next_product.min_baskets, supply more history, or map the products table.",
            )
        return catalogue

    def _histories(self, customers: Sequence[str], catalogue: Catalogue, snapshot: datetime) -> list[History]:
        entities = pd.DataFrame({"customer_id": customers, "event_timestamp": snapshot})
        frame = self._store.point_in_time(NextProductSettings.service, entities)
        # moments as seconds, as the online store gives them
        numbers = pd.DataFrame(columns_from_frame(frame))
        arrays = frame[[c for c in frame.columns if c.startswith(("history_", "types_", ATTRIBUTE))]]
        moment = snapshot.timestamp()
        records = pd.concat([numbers, arrays], axis=1).to_dict("records")
        return [read_history({str(k): v for k, v in record.items()}, catalogue, moment, moment) for record in records]


def hits(moment: Moment, codes: np.ndarray, bought: frozenset[str]) -> np.ndarray:
    """Tell which of the codes were bought."""
    return np.fromiter((moment.catalogue.ids[code] in bought for code in codes), dtype="int64", count=len(codes))
