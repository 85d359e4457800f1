"""Data with years in which nobody bought: no features are computed for them, and the age of the data is known."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from core.settings import Settings, StoreSettings
from features.engine.build import build_features, built_schedule
from features.engine.completeness import find_gaps
from features.ingest.pipeline import ingest
from features.settings import TimeSettings
from features.store.feature_store import Store
from features.store.materialized import read_online
from tests.features.ingest.exports import settings_of
from training.churn.settings import ChurnSettings

START, NOW = datetime(2017, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, 5, tzinfo=UTC)
LAST, FOLLOWING = datetime(2017, 12, 26, 9, tzinfo=UTC), datetime(2026, 6, 30, 10, tzinfo=UTC)


def shop(folder: Path) -> Settings:
    """A year of orders, and one order nine years later."""
    moments = [START + timedelta(days=day, hours=9) for day in range(360)] + [FOLLOWING]
    rows = [
        f"c{place % 40},o{place},p{place % 7},{moment:%Y-%m-%d %H:%M:%S},1,5" for place, moment in enumerate(moments)
    ]
    header = "customer_id,order_id,product_id,event_timestamp,quantity,amount\n"
    (folder / "orders.csv").write_text(header + "\n".join(rows) + "\n")
    settings = settings_of(folder, {"columns": {}}).replaced(TimeSettings(as_of="now", snapshot_spacing_days=14))
    ingest(settings, NOW)
    return settings


def test_no_features_are_computed_for_years_without_orders(tmp_path: Path) -> None:
    settings = shop(tmp_path)
    assert find_gaps(settings, NOW) == [(LAST, FOLLOWING)]
    assert find_gaps(settings, FOLLOWING) == []  # what is after the last line is no gap
    schedule = build_features(settings, NOW).schedule
    years = {moment.year for moment in (*schedule.grid, *schedule.needed["churn"], *schedule.needed["next_product"])}
    assert years == {2017, 2018, 2026}
    assert max(moment for moment in schedule.grid if moment.year < 2026) <= LAST + timedelta(days=56)
    assert len(schedule.grid) < 30
    assert built_schedule(settings)[0] == schedule
    features = settings[StoreSettings].data / "features/customer_activity"
    found = duckdb.sql(f"SELECT count(DISTINCT event_timestamp) FROM '{features}/*.parquet'").fetchall()[0][0]
    assert found == len(schedule.needed["churn"])


def test_contracts_have_no_gaps(tmp_path: Path) -> None:
    settings = shop(tmp_path)
    churn = ChurnSettings(kind="contractual")
    assert churn.windows.sees(datetime(2022, 1, 1, tzinfo=UTC), find_gaps(settings, NOW))
    assert not ChurnSettings().windows.sees(datetime(2022, 1, 1, tzinfo=UTC), find_gaps(settings, NOW))


def test_the_online_store_says_how_old_its_data_are(tmp_path: Path) -> None:
    settings = shop(tmp_path)
    stores = settings[StoreSettings].model_copy(
        update={"online": f"sqlite://{tmp_path}/online.db", "registry": f"file://{tmp_path}/registry.db"}
    )
    settings = settings.replaced(stores)
    build_features(settings, NOW)
    store = Store(settings)
    store.apply()
    store.materialize()
    online = read_online(stores)
    assert online.last_event == FOLLOWING
    assert online.data_age(NOW) == NOW - FOLLOWING
    assert online.data_age(START) == timedelta()
