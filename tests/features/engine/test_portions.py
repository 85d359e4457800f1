"""Where there are more customers than models need: some are learned from, all are scored."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from core.settings import Settings, StoreSettings
from features.engine import compute
from features.engine.build import build_features
from features.ingest.pipeline import ingest
from features.settings import CustomerSettings, TimeSettings
from features.snapshots import Schedule
from features.store.feature_store import Store
from tests.features.ingest.exports import NOW, settings_of
from training.churn.dataset import churn_set
from training.next_product.dataset import DatasetReader

START = datetime(2024, 1, 1, tzinfo=UTC)
CUSTOMERS, LEARNED_FROM = 400, 100


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Schedule]:
    folder: Path = tmp_path_factory.mktemp("sample")
    rows = [
        f"c{c},c{c}-{day},p{(c + day) % 9},{START + timedelta(days=day + c % 11):%Y-%m-%d},1,5\n"
        for c in range(CUSTOMERS)
        for day in range(0, 120 + 80 * (c % 2), 11)
    ]
    header = "customer_id,order_id,product_id,event_timestamp,quantity,amount\n"
    (folder / "orders.csv").write_text(header + "".join(rows))
    settings = settings_of(folder, {"columns": {}})
    settings = settings.replaced(
        CustomerSettings(max_training_customers=LEARNED_FROM),
        TimeSettings(snapshot_spacing_days=14, min_history_days=40),
        settings[StoreSettings].model_copy(update={"registry": f"file://{folder}/registry.db"}),
    )
    ingest(settings, NOW)
    with pytest.MonkeyPatch.context() as patch:
        # all of them are got through in parts
        patch.setattr(compute, "PORTION", 4000)
        schedule = build_features(settings, NOW).schedule
    Store(settings).apply()
    return settings, schedule


def test_past_snapshots_are_of_some_customers_and_the_last_one_is_of_all(
    built: tuple[Settings, Schedule],
) -> None:
    settings, schedule = built
    for view in ("customer_activity", "customer_history"):
        files = settings[StoreSettings].data / "features" / view / "*.parquet"
        counts = dict(
            duckdb.sql(f"SELECT epoch(event_timestamp)::BIGINT, count(*) FROM '{files}' GROUP BY 1").fetchall()
        )
        last = counts.pop(int(schedule.as_of.timestamp()))
        assert last == CUSTOMERS
        assert 0.5 * LEARNED_FROM < max(counts.values()) < 1.6 * LEARNED_FROM


def test_rows_to_learn_from_are_of_the_same_customers_and_have_features(
    built: tuple[Settings, Schedule],
) -> None:
    settings, schedule = built
    store = Store(settings)
    rows = churn_set(settings, store, schedule.splits["churn"].train)
    learned = set(rows.customers)
    assert 0.5 * LEARNED_FROM < len(learned) < 1.6 * LEARNED_FROM
    assert (rows.columns["baskets_total"] >= 1).all()
    dataset = DatasetReader(settings, store).at(schedule.splits["next_product"].train[-1])
    assert len(dataset.histories) == len(learned)
    assert all(len(history) for history in dataset.histories)
    # product statistics count the baskets of all customers
    assert dataset.catalogue.statistics["product_baskets"].sum() > 2 * sum(
        history.baskets.sum() for history in dataset.histories
    )
