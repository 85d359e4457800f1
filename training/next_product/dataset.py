"""The next-product problem at a snapshot: catalogue, histories, and the products bought afterwards."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from core.arrays import Ints
from core.errors import DataError
from core.settings import Settings, StoreSettings
from features.engine.duckdb import connect, read_sources
from features.engine.inputs import snapshot_table
from features.engine.portions import drawn, learning_share
from features.settings import CustomerSettings, TimeSettings
from features.spans.purchases import goods
from features.spans.visible import purchases, standing, visible
from features.store.feature_store import Store
from features.vectors import columns_from_frame
from features.views.profile import ATTRIBUTE
from training.next_product.catalogue import Catalogue, Codes, make_catalogue
from training.next_product.history import History, read_history
from training.next_product.settings import NextProductSettings


@dataclass(frozen=True)
class Dataset:
    """Everything known at a snapshot, and the purchases after it.

    Attributes
    ----------
    customers
        Ids of all customers who bought before.
    histories
        Theirs, aligned.
    active
        Places in `histories` of the active customers.
    bought
        For each of `active` the ids of the products bought in the label window.
    baskets
        Reads the baskets of all customers in `histories`, which only the evaluation needs. One row per customer, order
        and product: `customer` (place in `histories`), `product` (code), `place` (0 for the customer's first order)
        and `orders` (how many the customer has).
    types
        The type of each product that has one, by id.
    """

    snapshot: datetime
    catalogue: Catalogue
    customers: list[str]
    histories: list[History]
    active: list[int]
    bought: list[frozenset[str]]
    baskets: Callable[[], pd.DataFrame]
    types: dict[str, str]

    def types_bought(self, products: frozenset[str]) -> frozenset[str]:
        """Return the types of some products."""
        return frozenset(self.types[product] for product in products if product in self.types)


class DatasetReader:
    """Reads datasets from Feast, point in time."""

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

    def at(self, snapshot: datetime) -> Dataset:
        """Read the dataset of a snapshot.

        Raises
        ------
        DataError
            If no product has enough baskets before the snapshot.
        """
        settings = self._settings[NextProductSettings]
        snapshots = snapshot_table([snapshot])
        known = self._con.to_pandas(customers_known(self._transactions, snapshots, settings))
        known = known.sort_values("customer_id", ignore_index=True)
        bought = self._con.to_pandas(bought_next(standing(self._lines), snapshots, settings))
        bought_by = {row.customer_id: frozenset(row.products) for row in bought.itertuples()}
        catalogue = self._catalogue(snapshot)
        histories = self._histories(known["customer_id"].tolist(), catalogue, snapshot)
        customers = known["customer_id"].tolist()
        active = np.flatnonzero(known["active"].to_numpy(dtype=bool)).tolist()
        following = [bought_by.get(customers[place], frozenset()) for place in active]
        return Dataset(
            snapshot=snapshot,
            catalogue=catalogue,
            customers=customers,
            histories=histories,
            active=active,
            bought=following,
            baskets=partial(self._baskets, snapshots, customers, catalogue),
            types=self._types,
        )

    def _baskets(self, snapshots: ir.Table, customers: Sequence[str], catalogue: Catalogue) -> pd.DataFrame:
        seen = visible(self._lines, snapshots, self._settings[TimeSettings].history_days)
        baskets = seen.group_by("customer_id", "order_id", "product_id").agg(moment=seen.event_timestamp.min())
        frame: pd.DataFrame = self._con.to_pandas(baskets).sort_values(["customer_id", "moment", "order_id"])
        orders = frame.groupby(["customer_id", "order_id"], sort=False)["moment"].min().reset_index()
        orders["place"] = orders.groupby("customer_id").cumcount()
        orders["orders"] = orders.groupby("customer_id")["place"].transform("size")
        joined = frame.merge(orders.drop(columns="moment"), on=["customer_id", "order_id"])
        joined["customer"] = pd.Index(customers).get_indexer(pd.Index(joined["customer_id"]))
        joined["product"] = catalogue.codes(joined["product_id"].tolist())
        return joined[joined["product"] >= 0]

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


def customers_known(transactions: ir.Table, snapshots: ir.Table, settings: NextProductSettings) -> ir.Table:
    """Return all customers who bought before each snapshot.

    One row per customer and snapshot: `customer_id`, `snapshot`, `active` (bought in the activity window).
    """
    seen = visible(purchases(transactions), snapshots)
    recent = seen.event_timestamp >= seen.snapshot - ibis.interval(days=settings.activity_window_days)
    return seen.group_by("customer_id", "snapshot").agg(active=recent.any())


def bought_next(lines: ir.Table, snapshots: ir.Table, settings: NextProductSettings) -> ir.Table:
    """Return the distinct products of each customer in [t, t + horizon).

    One row per customer and snapshot with any: `customer_id`, `snapshot`, `products` (array of ids).

    Parameters
    ----------
    snapshots
        Column `snapshot`; with `customer_id` too, each is of that customer alone.
    """
    end = snapshots.snapshot + ibis.interval(days=settings.horizon_days)
    window = [lines.event_timestamp >= snapshots.snapshot, lines.event_timestamp < end]
    own = [lines.customer_id == snapshots.customer_id] if "customer_id" in snapshots.columns else []
    inside = lines.join(snapshots, [*window, *own])
    distinct = inside.select("customer_id", "snapshot", "product_id").distinct()
    return distinct.group_by("customer_id", "snapshot").agg(
        products=distinct.product_id.collect(order_by=distinct.product_id)
    )


def bought_after(settings: Settings, asked: pd.DataFrame) -> pd.DataFrame:
    """Return the products that customers bought after answers; see `training.model.Model.outcomes`."""
    con = connect(settings)
    sources = read_sources(con, settings[StoreSettings])
    lines = standing(goods(sources.transactions, sources.products))
    moments = asked[["customer_id", "as_of"]].drop_duplicates().rename(columns={"as_of": "snapshot"})
    found: pd.DataFrame = con.to_pandas(bought_next(lines, ibis.memtable(moments), settings[NextProductSettings]))
    found["snapshot"] = found["snapshot"].dt.as_unit("us")
    joined = asked.merge(found.rename(columns={"snapshot": "as_of"}), on=["customer_id", "as_of"], how="left")
    products = joined.pop("products")
    bought = [frozenset(one) if isinstance(one, list | np.ndarray) else frozenset() for one in products]
    return joined.assign(outcome=pd.Series(bought, index=joined.index, dtype=object))


def hits(dataset: Dataset, codes: Codes, bought: frozenset[str]) -> Ints:
    """Return which of the codes were bought, as 0 and 1."""
    return np.fromiter((dataset.catalogue.ids[code] in bought for code in codes), dtype="int64", count=len(codes))
