"""What the online store holds, and the rows it was filled from."""

from pathlib import Path

import pytest
from feast.feature_view import FeatureViewState
from feast.infra.online_stores.sqlite import SqliteOnlineStore

from core.errors import StateError, StoreError
from core.settings import StoreSettings
from core.stamps import read_stamp, write_stamp
from features.store.feature_store import Store
from features.store.materialized import materialized_directory, read_online, rows_directory, write_rows
from tests.conftest import World, copied
from training.churn.settings import ChurnSettings


def test_without_an_online_store_the_error_names_the_commands(world: World, tmp_path: Path) -> None:
    stores = world.settings[StoreSettings].model_copy(update={"data": tmp_path})
    with pytest.raises(StateError, match=r"found none\..*encore features materialize"):
        read_online(stores)


def test_an_online_store_of_another_version_is_refused(world: World, tmp_path: Path) -> None:
    with copied(world, tmp_path) as settings:
        folder = materialized_directory(settings[StoreSettings])
        stamp = read_stamp(folder)
        write_stamp(folder, {name: value for name, value in stamp.items() if name != "kinds"})
        with pytest.raises(StateError, match=r"another version of Encore\..*encore features build"):
            read_online(settings[StoreSettings])


def test_rows_of_this_and_the_last_materialisation_are_kept(world: World, tmp_path: Path) -> None:
    with copied(world, tmp_path) as settings:
        stores = settings[StoreSettings]
        online = read_online(stores).fingerprint
        for name in ("next", "after"):
            write_rows(settings, name)
            assert {folder.name for folder in materialized_directory(stores).glob("rows-*")} == {
                rows_directory(stores, kept).name for kept in (online, name)
            }


def test_the_rows_before_answer_while_others_are_copied_and_where_that_was_killed(world: World, tmp_path: Path) -> None:
    with copied(world, tmp_path) as settings:
        feast = Store(settings)._repo.feast
        for view in feast.list_feature_views():
            view.state = FeatureViewState.MATERIALIZING
            feast.registry.apply_feature_view(view, feast.project, commit=True)
        store = Store(settings)
        assert store._repo.feast.get_feature_view("customer_activity").state == FeatureViewState.MATERIALIZING
        (vector,) = store.online.vectors(ChurnSettings.service, ["6"])
        assert vector is not None
        assert store.online.rows(ChurnSettings.service, "customer_id", ["6"]).event_timestamps != [None]


def test_a_copy_that_fails_after_a_killed_one_leaves_rows_that_answer(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with copied(world, tmp_path) as settings:
        feast = Store(settings)._repo.feast
        view = feast.get_feature_view("customer_activity")
        view.state = FeatureViewState.MATERIALIZING
        feast.registry.apply_feature_view(view, feast.project, commit=True)
        write_stamp(materialized_directory(settings[StoreSettings]), {})
        monkeypatch.setattr(SqliteOnlineStore, "online_write_batch", lambda *_, **__: 1 / 0)
        with pytest.raises(StoreError, match="The online store does not answer"):
            Store(settings).materialize()
        monkeypatch.undo()
        store = Store(settings)
        assert store._repo.feast.get_feature_view("customer_activity").state == FeatureViewState.AVAILABLE_ONLINE
        assert store.online.rows(ChurnSettings.service, "customer_id", ["6"]).event_timestamps != [None]
