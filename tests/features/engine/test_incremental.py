"""A build computes what has changed, and leaves the same features as a build of everything."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.settings import Settings, StoreSettings
from core.stamps import read_stamp
from features.contract.arrow import arrow_schema
from features.contract.events.interactions import VISIT
from features.contract.tables import table_path
from features.engine import compute
from features.engine.build import build_features, features_directory
from features.ingest.pipeline import ingest
from features.settings import TimeSettings
from tests.features.ingest.exports import settings_of

START = datetime(2024, 1, 1, tzinfo=UTC)
NOW = datetime(2025, 6, 1, tzinfo=UTC)
DAYS, CUSTOMERS = 260, 12
#: A view and a snapshot.
Key = tuple[str, datetime]
_ORDERS = "customer_id,order_id,product_id,event_timestamp,quantity,amount,created_timestamp\n"
_PRODUCTS = "product_id,department,category,type,size\n"
#: The views that read what products are.
OF_PRODUCTS = {"customer_preference", "customer_history", "customer_types", "customer_cycle", "product_statistics"}


def line(number: int, moment: datetime, customer: int | None = None, written: datetime | None = None) -> str:
    buyer = number % CUSTOMERS if customer is None else customer
    return f"c{buyer},o{number},p{number % 7},{moment},1,{2 + number % 5},{written or moment}\n"


def product(number: int, category: str = "") -> str:
    return f"p{number},d{number % 2},{category or f'k{number % 3}'},t{number % 4},{number + 1} OZ\n"


class Shop:
    """A shop with an order every few hours, whose exports change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines = [line(n, START + timedelta(hours=9 * n)) for n in range(DAYS * 24 // 9)]
        self.products = [product(number) for number in range(7)]
        inputs: tuple[dict[str, Any], ...] = (
            {"columns": {}},
            {"table": "products", "columns": {}, "path": "products.csv"},
        )
        self.settings = settings_of(folder, *inputs).replaced(TimeSettings(snapshot_spacing_days=14))

    def build(self) -> set[Key]:
        """Bring the exports in and build; returns which partitions were computed."""
        (self.folder / "orders.csv").write_text(_ORDERS + "".join(self.lines))
        (self.folder / "products.csv").write_text(_PRODUCTS + "".join(self.products))
        ingest(self.settings, NOW)
        before = inodes(self.settings)
        build_features(self.settings, NOW)
        now = inodes(self.settings)
        return {key for key in now if now[key] != before.get(key)}

    def last(self) -> datetime:
        """The moment taken for now."""
        return datetime.fromisoformat(read_stamp(features_directory(self.settings[StoreSettings]))["as_of"])


def inodes(settings: Settings) -> dict[Key, int]:
    """The files of partitions; one that is kept has two names for a while, and stays the same file."""
    directory = features_directory(settings[StoreSettings])
    return {(file.parent.name, moment_of(file)): file.stat().st_ino for file in directory.glob("*/*.parquet")}


def moment_of(file: Path) -> datetime:
    return datetime.strptime(file.name[:24], "%Y-%m-%dT%H%M%S.%f").replace(tzinfo=UTC)


def features(settings: Settings) -> dict[str, pd.DataFrame]:
    """All rows of each view."""
    folders = sorted(one for one in features_directory(settings[StoreSettings]).iterdir() if one.is_dir())
    frames = {folder.name: pd.read_parquet(folder) for folder in folders}
    return {
        name: frame.sort_values([frame.columns[0], "event_timestamp"], ignore_index=True)
        for name, frame in frames.items()
    }


def check_whole(settings: Settings, folder: Path) -> None:
    """Compare with what is built of the same contract tables where there are no features yet."""
    stores = settings[StoreSettings]
    shutil.copytree(stores.data / "contract", folder / "contract")
    fresh = settings.replaced(stores.model_copy(update={"data": folder}))
    build_features(fresh, NOW)
    made, wanted = features(settings), features(fresh)
    assert made.keys() == wanted.keys()
    for name, frame in made.items():
        pd.testing.assert_frame_equal(frame, wanted[name], obj=name)


def without_vectors(keys: set[Key]) -> set[Key]:
    return {(view, moment) for view, moment in keys if not view.endswith("_vector")}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    made = Shop(tmp_path_factory.mktemp("shop"))
    made.build()
    return made


@pytest.fixture
def shop(built: Shop, tmp_path: Path) -> Shop:
    """The shop in a folder of its own."""
    shutil.copytree(built.folder, tmp_path / "shop")
    return Shop(tmp_path / "shop")


def test_a_new_day_computes_the_snapshot_of_now(shop: Shop, tmp_path: Path) -> None:
    for days in (1, 2):
        shop.lines.append(line(9000 + days, START + timedelta(days=DAYS + days - 1, hours=12)))
        computed = shop.build()
        assert {moment for _, moment in computed} == {shop.last()} == {START + timedelta(days=DAYS + days)}
    check_whole(shop.settings, tmp_path / "fresh")


def test_nothing_new_computes_nothing(shop: Shop) -> None:
    assert shop.build() == set()


def test_a_line_that_was_written_late_changes_what_could_know_of_it(shop: Shop, tmp_path: Path) -> None:
    happened, written = START + timedelta(days=100), START + timedelta(days=180)
    shop.lines.append(line(9001, happened, written=written))
    computed = without_vectors(shop.build())
    views = {"customer_activity", "customer_habit", "customer_value", "customer_preference"}
    assert {moment for view, moment in computed if view in views} == {
        moment for view, moment in inodes(shop.settings) if view in views and moment >= written
    }
    assert min(moment for _, moment in computed) > written - timedelta(days=14)
    check_whole(shop.settings, tmp_path / "fresh")


def test_a_correction_changes_what_had_seen_the_line(shop: Shop, tmp_path: Path) -> None:
    place = next(n for n, one in enumerate(shop.lines) if f"{START + timedelta(days=198)}" in one)
    shop.lines[place] = shop.lines[place].replace(",1,", ",3,", 1)
    computed = without_vectors(shop.build())
    assert computed
    assert all(START + timedelta(days=198) < moment for _, moment in computed)
    assert len(computed) < len(inodes(shop.settings)) / 2
    check_whole(shop.settings, tmp_path / "fresh")


def test_a_product_that_changes_changes_the_views_that_read_it(shop: Shop, tmp_path: Path) -> None:
    shop.products[3] = product(3, "another")
    views = {view for view, _ in without_vectors(shop.build())}
    assert views == OF_PRODUCTS
    # one that nobody bought changes nothing
    shop.products.append(product(99))
    assert without_vectors(shop.build()) == set()
    check_whole(shop.settings, tmp_path / "fresh")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            lambda settings: settings.replaced(TimeSettings(snapshot_spacing_days=14, history_days=200)), id="setting"
        ),
        pytest.param(lambda settings: settings, id="code"),
    ],
)
def test_another_computation_computes_all(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, change: Callable[[Settings], Settings]
) -> None:
    before = without_vectors(set(inodes(shop.settings)))
    shop.settings = change(shop.settings)
    monkeypatch.setattr("features.engine.build._running_code", lambda: "other code")
    assert without_vectors(shop.build()) == before


def test_kinds_that_the_data_had_not_before_compute_their_views(shop: Shop, tmp_path: Path) -> None:
    moment = START + timedelta(days=DAYS - 20)
    visit = {"customer_id": "c1", "event_timestamp": moment, "kind": VISIT.name, "created_timestamp": moment}
    path = table_path(shop.settings[StoreSettings], "interactions")
    pq.write_table(pa.Table.from_pylist([visit], schema=arrow_schema("interactions")), path)
    stamp = path.with_name("stamp.json")
    stamp.write_text(stamp.read_text().replace('"fingerprint": "', '"fingerprint": "visits'))
    before = inodes(shop.settings)
    build_features(shop.settings, NOW)
    computed = {key for key, inode in inodes(shop.settings).items() if inode != before.get(key)}
    # the view says of all customers that they have no visits, where before it had no rows
    assert {m for view, m in computed if view == "customer_usage"} == {m for v, m in before if v == "customer_usage"}
    check_whole(shop.settings, tmp_path / "fresh")


def test_portions_of_customers_leave_the_same_features(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compute, "PORTION", 400)
    check_whole(shop.settings, tmp_path / "fresh")
    assert not list((tmp_path / "fresh/spill").iterdir())


def test_files_are_copied_where_they_cannot_have_two_names(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError

    monkeypatch.setattr("os.link", refuse)
    shop.lines.append(line(9000, START + timedelta(days=DAYS, hours=12)))
    shop.build()
    check_whole(shop.settings, tmp_path / "fresh")
