"""Feast as Encore uses it: point in time offline, the same numbers online."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.errors import StateError, StoreError
from core.settings import Settings, StoreSettings
from features.settings import TimeSettings
from features.store.feast_api import FeatureStore
from features.store.feature_store import Store
from features.vectors import columns_from_frame, with_ages
from tests.conftest import World
from tests.online import columns_of
from training.churn.settings import ChurnSettings
from training.next_product.settings import NextProductSettings


def moved_to(directory: Path, world: World) -> tuple[Path, Settings]:
    """Copy the world's state, with settings that point at the copy."""
    data = directory / "data"
    shutil.copytree(world.directory / "data", data)
    addresses = {"registry": f"file://{data}/registry.db", "online": f"sqlite://{data}/online.db", "data": data}
    stores = world.settings[StoreSettings].model_copy(update=addresses)
    return data, world.settings.replaced(stores)


def test_online_features_equal_offline_features(world: World, store: Store) -> None:
    as_of = world.schedule.as_of
    activity = pd.read_parquet(world.directory / "data/features/customer_activity")
    customers = sorted(activity.loc[activity["event_timestamp"] == as_of, "customer_id"])
    frame = store.point_in_time(
        ChurnSettings.service, pd.DataFrame({"customer_id": customers, "event_timestamp": as_of})
    )
    online = store.online.rows(ChurnSettings.service, "customer_id", customers)
    moment = np.full(len(customers), as_of.timestamp())
    offline_columns = with_ages(columns_from_frame(frame.drop(columns="event_timestamp")), moment)
    online_columns = with_ages(columns_of(online), moment)
    assert set(online.event_timestamps) == {as_of}
    assert len(customers) > 300
    for name, values in online_columns.items():
        np.testing.assert_array_equal(values, offline_columns[name], err_msg=name)
    assert offline_columns.keys() == online_columns.keys()


def test_online_histories_equal_offline_histories(world: World, store: Store) -> None:
    as_of = world.schedule.as_of
    customers = ["6", "12", "18"]
    frame = store.point_in_time(
        NextProductSettings.service, pd.DataFrame({"customer_id": customers, "event_timestamp": as_of})
    )
    online = store.online.rows(NextProductSettings.service, "customer_id", customers).values
    arrays = [name for name in online if name.startswith(("history_", "types_"))]
    assert len(arrays) == 9
    for name in arrays:
        for place in range(len(customers)):
            np.testing.assert_array_equal(frame[name][place], online[name][place], err_msg=name)


def test_point_in_time_equals_a_naive_loop(world: World, store: Store) -> None:
    rows = pd.read_parquet(world.directory / "data/features/customer_value")
    spacing = timedelta(days=world.settings[TimeSettings].snapshot_spacing_days)
    rng = np.random.default_rng(3)
    customers = rng.choice(rows["customer_id"].unique(), 40)
    moments = [world.schedule.grid[0] + timedelta(hours=int(h)) for h in rng.integers(-500, 7000, 40)]
    moments[:10] = list(world.schedule.grid[:10])
    entities = pd.DataFrame({"customer_id": customers, "event_timestamp": pd.to_datetime(moments, utc=True)})
    joined = store.point_in_time(ChurnSettings.service, entities)
    assert joined["customer_id"].tolist() == entities["customer_id"].tolist()
    for place, (customer, moment) in enumerate(zip(customers, moments, strict=True)):
        best: Any = None
        for row in rows[rows["customer_id"] == customer].itertuples():
            young = moment - spacing < row.event_timestamp <= moment
            if (
                young
                and row.created_timestamp <= moment
                and (best is None or row.event_timestamp > best.event_timestamp)
            ):
                best = row
        actual = joined["amount_total"][place]
        assert pd.isna(actual) if best is None else actual == best.amount_total


def replace_rows(view: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Put other rows of a view in the place of all of its files."""
    rows = change(pd.read_parquet(view))
    for file in view.iterdir():
        file.unlink()
    rows.to_parquet(view / "rows.parquet", index=False)


def changed(world: World, directory: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Store:
    """Register the world's features in a folder of its own, with other rows of the value of customers."""
    shutil.copytree(world.directory / "data/features", directory / "features")
    replace_rows(directory / "features/customer_value", change)
    addresses = {
        "data": directory,
        "registry": f"file://{directory}/registry.db",
        "online": f"sqlite://{directory}/online.db",
    }
    made = Store(world.settings.replaced(world.settings[StoreSettings].model_copy(update=addresses)))
    made.apply()
    return made


def test_a_row_written_later_is_not_used(world: World, tmp_path: Path) -> None:
    """A corrected row of an old snapshot, written today, must not reach a training set of that time."""
    snapshot = world.schedule.grid[5]

    def corrected(rows: pd.DataFrame) -> pd.DataFrame:
        late = rows[rows["event_timestamp"] == snapshot].assign(
            amount_total=-1.0, created_timestamp=snapshot + timedelta(days=1)
        )
        return pd.concat([rows, late])

    store = changed(world, tmp_path, corrected)
    at = pd.DataFrame({"customer_id": ["6"], "event_timestamp": [snapshot]})
    assert store.point_in_time(ChurnSettings.service, at)["amount_total"][0] >= 0
    later = at.assign(event_timestamp=snapshot + timedelta(days=2))
    assert store.point_in_time(ChurnSettings.service, later)["amount_total"][0] == -1.0


def test_a_row_answers_until_the_next_snapshot_and_not_at_it(world: World, tmp_path: Path) -> None:
    """Programs that know Feast alone find features at every moment; a customer without a new row has none at it."""
    before, snapshot = world.schedule.grid[5:7]

    def without_new_row(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[(rows["customer_id"] != "6") | (rows["event_timestamp"] != snapshot)]

    store = changed(world, tmp_path, without_new_row)
    ages = [timedelta(0), timedelta(days=1), timedelta(days=6, hours=1), timedelta(days=7, microseconds=-1)]
    moments = pd.DataFrame({"customer_id": "6", "event_timestamp": [before + age for age in ages]})
    known = store.point_in_time(ChurnSettings.service, moments)["amount_total"]
    assert known.nunique(dropna=False) == 1
    assert known[0] > 0
    plain = FeatureStore(repo_path=str(tmp_path / "feast")).get_historical_features(
        entity_df=moments, features=["customer_value:amount_total"]
    )
    assert plain.to_df()["amount_total"].tolist() == known.tolist()
    at = pd.DataFrame({"customer_id": ["6", "12"], "event_timestamp": [snapshot, snapshot]})
    none, one = store.point_in_time(ChurnSettings.service, at)["amount_total"]
    assert pd.isna(none)
    assert one > 0


def test_an_unknown_customer_has_no_moment(store: Store) -> None:
    rows = store.online.rows(ChurnSettings.service, "customer_id", ["6", "nobody"])
    assert rows.event_timestamps[0] is not None
    assert rows.event_timestamps[1] is None


def test_nothing_applied_says_what_to_run(world: World, tmp_path: Path) -> None:
    stores = world.settings[StoreSettings].model_copy(update={"data": tmp_path, "registry": f"file://{tmp_path}/r.db"})
    empty = Store(world.settings.replaced(stores))
    with pytest.raises(StateError, match="encore features apply"):
        empty.check()
    with pytest.raises(StateError, match="encore features build"):
        empty.apply()
    with pytest.raises(StateError, match="encore features build"):
        empty.materialize()


def test_an_unavailable_online_store_is_named(at_home: World) -> None:
    stores = at_home.settings[StoreSettings].model_copy(update={"online": "redis://127.0.0.1:1/0"})
    away = Store(at_home.settings.replaced(stores))
    with pytest.raises(StoreError, match=r"online store.*stores\.online"):
        away.check()


def test_an_unavailable_registry_is_named(at_home: World) -> None:
    stores = at_home.settings[StoreSettings].model_copy(update={"registry": "postgresql://u:p@127.0.0.1:1/none"})
    with pytest.raises(StoreError, match=r"registry.*stores\.registry"):
        Store(at_home.settings.replaced(stores)).check()


def test_applying_and_materialising_again_changes_nothing(at_home: World) -> None:
    again = Store(at_home.settings)
    assert not again.apply()
    assert not again.materialize()


def test_features_of_other_settings_are_not_taken_for_these(at_home: World) -> None:
    time = at_home.settings[TimeSettings].model_copy(update={"snapshot_spacing_days": 14})
    with pytest.raises(StateError, match=r"other data, settings or code.*encore features build"):
        Store(at_home.settings.replaced(time)).materialize()


def test_stores_emptied_behind_our_back_are_filled_again(at_home: World, tmp_path: Path) -> None:
    data, settings = moved_to(tmp_path, at_home)
    moved = Store(settings)
    moved.apply()
    assert moved.materialize()
    assert not Store(settings).materialize()
    (data / "registry.db").unlink()
    (data / "online.db").write_bytes(b"")
    assert Store(settings).apply()
    assert Store(settings).materialize()
    assert Store(settings).online.rows(ChurnSettings.service, "customer_id", ["6"]).event_timestamps == [
        at_home.schedule.as_of
    ]


def test_a_copy_reads_its_own_rows_once_it_is_registered(at_home: World, tmp_path: Path) -> None:
    """Feast's registry keeps whole paths: in a copy, those of the original."""
    data, settings = moved_to(tmp_path, at_home)
    replace_rows(data / "features/customer_value", lambda rows: rows.assign(amount_total=-1.0))
    at = pd.DataFrame({"customer_id": ["6"], "event_timestamp": [at_home.schedule.as_of]})
    refused = r"found those of another one.*encore features apply"
    with pytest.raises(StateError, match=refused):
        Store(settings).point_in_time(ChurnSettings.service, at)
    with pytest.raises(StateError, match=refused):
        Store(settings).materialize()
    with pytest.raises(StateError, match=refused):
        Store(settings).check()
    assert Store(settings).apply()
    assert not Store(settings).apply()
    assert Store(settings).point_in_time(ChurnSettings.service, at)["amount_total"].tolist() == [-1.0]
    assert Store(at_home.settings).point_in_time(ChurnSettings.service, at)["amount_total"][0] > 0


def test_feasts_own_push_reaches_the_online_store(at_home: World, tmp_path: Path) -> None:
    """Programs that know Feast alone find a repository with push sources."""
    data, settings = moved_to(tmp_path, at_home)
    moved = Store(settings)
    moved.apply()
    rows = pd.read_parquet(data / "features/customer_value")
    (latest,) = rows[(rows["customer_id"] == "6") & (rows["event_timestamp"] == at_home.schedule.as_of)].index
    pushed = rows.loc[[latest]].assign(amount_total=1234.5, event_timestamp=at_home.schedule.as_of + timedelta(hours=1))
    FeatureStore(repo_path=str(data / "feast")).push("customer_value_push", pushed)
    assert moved.online.rows(ChurnSettings.service, "customer_id", ["6"]).values["amount_total"] == [1234.5]


def test_a_customer_who_left_the_data_leaves_the_online_store(at_home: World, tmp_path: Path) -> None:
    data, settings = moved_to(tmp_path, at_home)
    for view in (data / "features").glob("customer_*"):
        replace_rows(view, lambda rows: rows[rows["customer_id"] != "6"])
    Store(settings).apply()
    Store(settings).materialize()
    assert Store(settings).online.rows(ChurnSettings.service, "customer_id", ["6", "12"]).event_timestamps[0] is None
