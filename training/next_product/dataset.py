"""One moment of the next-product problem: catalogue, histories, and what was bought afterwards."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from features.build import connect, read_sources, snapshot_table
from features.config import Settings
from features.definitions import NEXT_PRODUCT_SERVICE
from features.errors import DataError
from features.expressions.purchases import goods
from features.store import Store
from features.vectors import columns_from_frame
from training.next_product.catalogue import Catalogue, make_catalogue
from training.next_product.history import History, read_history
from training.next_product.labels import bought_next, customers_known


@dataclass(frozen=True)
class Moment:
    """Everything known at a snapshot, and what came after it.

    Attributes
    ----------
    histories
        Everybody who bought before.
    asked
        Places in `histories` of the active customers who bought something in the label window.
    truth
        For each of `asked` the ids of the products bought in the label window.
    """

    snapshot: datetime
    catalogue: Catalogue
    histories: list[History]
    asked: list[int]
    truth: list[frozenset[str]]

    def questions(self) -> Iterator[tuple[History, frozenset[str]]]:
        """Yield each asked customer's history with what they bought next."""
        for place, bought in zip(self.asked, self.truth, strict=True):
            yield self.histories[place], bought


class Moments:
    """Reads moments from Feast, point in time."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._con = connect(settings)
        self._sources = read_sources(self._con, settings.stores)
        self._lines = goods(self._sources.transactions, self._sources.products)
        self._products: pd.DataFrame = self._con.to_pandas(self._sources.products)
        bought: pd.DataFrame = self._con.to_pandas(self._lines.select("product_id").distinct())
        self._bought = bought["product_id"].sort_values(ignore_index=True)

    def at(self, snapshot: datetime) -> Moment:
        """Read one moment.

        Raises
        ------
        DataError
            If no product has enough baskets before the snapshot.
        """
        settings = self._settings.next_product
        snapshots = snapshot_table([snapshot])
        known = self._con.to_pandas(customers_known(self._sources.transactions, snapshots, settings))
        known = known.sort_values("customer_id", ignore_index=True)
        bought = self._con.to_pandas(bought_next(self._lines, snapshots, settings))
        truth = {row.customer_id: frozenset(row.products) for row in bought.itertuples()}
        catalogue = self._catalogue(snapshot)
        histories = self._histories(known["customer_id"].tolist(), catalogue, snapshot)
        customers = known["customer_id"].tolist()
        asked = [i for i, active in enumerate(known["active"]) if active and customers[i] in truth]
        return Moment(snapshot, catalogue, histories, asked, [truth[customers[i]] for i in asked])

    def _catalogue(self, snapshot: datetime) -> Catalogue:
        entities = pd.DataFrame({"product_id": self._bought, "event_timestamp": snapshot})
        statistics = self._store.point_in_time(NEXT_PRODUCT_SERVICE, entities)
        needed = self._settings.next_product.min_baskets
        catalogue = make_catalogue(self._products, statistics, needed)
        if len(catalogue) < 2:
            raise DataError(
                f"Expected products in at least {needed} baskets before {snapshot:%Y-%m-%d}, found {len(catalogue)}.",
                "Lower next_product.min_baskets, supply more history, or map the products table.",
            )
        return catalogue

    def _histories(self, customers: Sequence[str], catalogue: Catalogue, snapshot: datetime) -> list[History]:
        entities = pd.DataFrame({"customer_id": customers, "event_timestamp": snapshot})
        frame = self._store.point_in_time(NEXT_PRODUCT_SERVICE, entities)
        # moments as seconds, as the online store gives them
        numbers = pd.DataFrame(columns_from_frame(frame))
        arrays = frame[[c for c in frame.columns if c.startswith(("history_", "types_"))]]
        moment = snapshot.timestamp()
        records = pd.concat([numbers, arrays], axis=1).to_dict("records")
        return [read_history({str(k): v for k, v in record.items()}, catalogue, moment, moment) for record in records]


def hits(moment: Moment, codes: np.ndarray, bought: frozenset[str]) -> np.ndarray:
    """Tell which of the codes were bought."""
    return np.fromiter((moment.catalogue.ids[code] in bought for code in codes), dtype="int64", count=len(codes))
