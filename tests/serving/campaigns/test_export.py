"""Exports contact nobody twice and break no limit, whatever happens meanwhile and however many run at once."""

import csv
import io
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from core import webhook
from core.errors import ConfigError, StoreError
from core.spreadsheets import ENCODING
from serving.campaigns.kept import CampaignStateError, Export, UnknownCampaignError
from serving.privacy.lists import erase_campaign_files
from tests.serving.campaigns.shops import CALL, MAIL, Shop, later
from tests.serving.decisions.worlds import NOW, interaction, report


def contacted(shop: Shop, export: Export | None) -> list[str]:
    assert export is not None
    return [one.customer_id for one in shop.open().claims.contacts(export.id)]


def test_every_customer_of_the_arm_is_exported_once(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path)
    campaigns = shop.started()
    rows = campaigns.store.assignments("spring")
    calls = rows[rows["arm"] == "call"].sort_values(["gain", "customer_id"], ascending=[False, True])
    done = campaigns.export("spring", "phone", "csv", NOW)
    assert contacted(shop, done.export) == calls["customer_id"].tolist()
    again = campaigns.export("spring", "phone", "csv", later(days=1))
    assert (again.export, again.left, again.withheld) == (None, 0, {})


def test_two_exports_at_once_share_no_customer_and_keep_the_capacity_of_the_day(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path, 100, {"capacity": {"phone": 7}})
    for name in ("spring", "summer"):
        shop.started(name)

    def export(name: str) -> list[str]:
        done = shop.open().export(name, "phone", "csv", NOW)
        return contacted(shop, done.export) if done.export else []

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(export, ["spring", "summer", "spring", "summer"]))
    assert sum(map(len, found)) == 7
    assert len(set(found[0]) & set(found[2])) == len(set(found[1]) & set(found[3])) == 0
    # the day is over
    tomorrow = [shop.open().export(name, "phone", "csv", later(days=1)) for name in ("spring", "summer")]
    assert sum(len(contacted(shop, one.export)) for one in tomorrow if one.export) == 7


def test_what_was_acknowledged_before_the_export_counts(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path, 20, {"cool_down": {"complaint_days": 14}, "caps": [{"contacts": 2, "days": 7}]})
    campaigns = shop.started(holdout=0.01)
    events = [
        interaction("c001", "consent", 0, value=0),
        interaction("c002", "complaint", 0),
        *(interaction("c003", "contact", days, channel="post") for days in (1, 2)),
        interaction("c004", "contact", 1, channel="post"),
    ]
    report(shop.settings, events)
    done = campaigns.export("spring", "phone", "csv", NOW)
    waiting = set(campaigns.store.assignments("spring")["customer_id"]) - {"c001", "c002", "c003"}
    assert set(contacted(shop, done.export)) == waiting
    assert (done.withheld, done.left) == ({"consent_withdrawn": 1, "complaint": 1, "cap": 1}, 3)
    # consent is given again, and the week is over
    report(shop.settings, [interaction("c001", "consent", -1, value=1)], first=10)
    done = campaigns.export("spring", "phone", "csv", later(days=5.5))
    assert set(contacted(shop, done.export)) == {"c001", "c003"}


def test_contacts_that_another_campaign_has_exported_count_for_caps(tmp_path: Path) -> None:
    quiet = {"start": "11:00", "end": "08:00", "timezone": "Europe/Berlin"}
    shop = Shop.of(tmp_path, 20, {"caps": [{"contacts": 1, "days": 3}], "quiet": quiet})
    spring, summer = shop.started("spring"), shop.started("summer")
    first = contacted(shop, spring.export("spring", "phone", "csv", NOW).export)
    # both contacts would be made at the end of the quiet hours
    done = summer.export("summer", "phone", "csv", NOW)
    assert set(first).isdisjoint(contacted(shop, done.export) if done.export else ())
    assert done.withheld["cap"] > 10


def test_quiet_hours_say_when_a_contact_may_be_made(tmp_path: Path) -> None:
    quiet = {"start": "11:00", "end": "08:00", "timezone": "Europe/Berlin"}
    shop = Shop.of(tmp_path, 20, {"quiet": quiet, "capacity": {"phone": 3}})
    campaigns = shop.started()
    done = campaigns.export("spring", "phone", "csv", NOW)
    assert done.export is not None
    assert {one.not_before for one in campaigns.claims.contacts(done.export.id)} == {later(hours=19)}
    # the capacity is that of tomorrow, and used up tomorrow
    assert campaigns.export("spring", "phone", "csv", later(hours=20)).export is None
    shop.now = later(days=5, hours=23)
    with pytest.raises(CampaignStateError, match="ends at 2026-12-03 12:00 UTC; quiet hours end at"):
        campaigns.export("spring", "phone", "csv", later(days=5, hours=23))


def test_a_customer_of_the_holdout_and_one_who_is_put_there_are_not_exported(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path, 60)
    campaigns = shop.started()
    rows = campaigns.store.assignments("spring")
    shop.decide_by({"holdout": 0.5})
    campaigns = shop.open()
    done = campaigns.export("spring", "phone", "csv", NOW)
    assert set(contacted(shop, done.export)) <= set(rows.loc[rows["arm"] == "call", "customer_id"])
    assert done.withheld["holdout"] > 10


def test_an_action_that_is_gone_is_not_done(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path, actions={"call": CALL, "mail": MAIL})
    shop.started()
    shop.decide_by(actions={"mail": MAIL})
    done = shop.open().export("spring", "phone", "csv", NOW)
    assert done.export is None
    assert set(done.withheld) == {"not_valid"}


def test_a_campaign_that_does_not_run_is_not_exported(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path)
    campaigns = shop.started()
    with pytest.raises(CampaignStateError, match="no action on the channel 'post'; it has phone"):
        campaigns.export("spring", "post", "csv", NOW)
    with pytest.raises(ConfigError, match=r"decisions\.webhook"):
        campaigns.export("spring", "phone", "webhook", NOW)
    with pytest.raises(CampaignStateError, match="ends at 2026-12-03"):
        campaigns.export("spring", "phone", "csv", later(days=6))
    assert campaigns.stop("spring", NOW).stopped == NOW
    assert campaigns.stop("spring", later(days=1)).stopped == NOW
    with pytest.raises(CampaignStateError, match="was stopped at 2026-11-27 12:00"):
        campaigns.export("spring", "phone", "csv", NOW)
    with pytest.raises(UnknownCampaignError):
        campaigns.export("autumn", "phone", "csv", NOW)


def test_a_file_is_the_same_when_it_is_written_again_and_runs_no_formula(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path, actions={"call": {**CALL, "offer": {"products": ["=1+1", "p2"]}}})
    shop.customers[3] = "=cmd|' /C calc'!A0"
    campaigns = shop.started(holdout=0.01)
    export = campaigns.export("spring", "phone", "csv", NOW).export
    assert export is not None
    path = campaigns.write_csv(export)
    first = path.read_bytes()
    assert path.parent == shop.stores.data / "exports"
    rows = list(csv.DictReader(io.StringIO(first.decode(ENCODING))))
    assert "'=cmd|' /C calc'!A0" in {row["customer_id"] for row in rows}
    assert {(row["products"], row["not_before"]) for row in rows} == {("'=1+1;p2", "2026-11-27T12:00:00Z")}
    path.unlink()
    assert shop.open().write_csv(shop.open().claims.export("spring", export.id)).read_bytes() == first


def test_an_erased_customer_is_in_no_file_that_is_still_here(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path)
    shop.customers[3] = "=3"
    campaigns = shop.started(holdout=0.01)
    export = campaigns.export("spring", "phone", "csv", NOW).export
    assert export is not None
    path = campaigns.write_csv(export)
    before = path.read_bytes().splitlines()
    assert erase_campaign_files(shop.stores, "=3") == 1
    assert erase_campaign_files(shop.stores, "c999") == 0
    assert path.read_bytes().splitlines() == [line for line in before if b"'=3" not in line]
    assert campaigns.store.erase("=3") == 2
    assert shop.open().write_csv(export).read_bytes().splitlines() == path.read_bytes().splitlines()
    assert b"=3" not in path.read_bytes()


class Receiver:
    """A server on loopback that keeps batches by their keys, and answers with statuses one after the other."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, Any]] = []
        self.statuses: list[int] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                owner.batches.append((self.headers["Idempotency-Key"], json.loads(body)))
                self.send_response(owner.statuses.pop(0) if owner.statuses else 200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/contacts"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setattr(webhook, "_PAUSES", (0.0, 0.0))
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_a_batch_that_was_not_acknowledged_is_sent_again_with_its_key(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.campaigns.claims.BATCH", 10)
    shop = Shop.of(tmp_path, 40, webhook=receiver.address)
    campaigns = shop.started()
    export = campaigns.export("spring", "phone", "webhook", NOW).export
    assert export is not None
    # the second batch arrives, and its answer is lost
    receiver.statuses = [200, 503, 503, 503]
    with pytest.raises(StoreError, match=r"1 of \d batches .* it answered 503"):
        campaigns.deliver(export, NOW, again=False)
    lost = receiver.batches[1]
    assert [key for key, _ in receiver.batches] == [f"{export.id}-{number}" for number in (0, 1, 1, 1)]
    assert receiver.batches[3] == lost
    receiver.batches.clear()
    done = shop.open().deliver(export, later(hours=1), again=True)
    assert (done.delivered, done.batches) == (export.batches, export.batches)
    assert receiver.batches[0] == lost
    assert f"{export.id}-0" not in {key for key, _ in receiver.batches}
    receiver.batches.clear()
    shop.open().deliver(export, later(hours=2), again=True)
    assert receiver.batches == []


def test_a_batch_that_is_sent_again_leaves_out_who_has_withdrawn_since(tmp_path: Path, receiver: Receiver) -> None:
    shop = Shop.of(tmp_path, 20, {"caps": [{"contacts": 1, "days": 7}]}, webhook=receiver.address)
    campaigns = shop.started()
    export = campaigns.export("spring", "phone", "webhook", NOW).export
    assert export is not None
    receiver.statuses = [404]
    with pytest.raises(StoreError, match="it answered 404"):
        campaigns.deliver(export, NOW, again=False)
    gone, *others = contacted(shop, export)
    report(shop.settings, [interaction(gone, "consent", 0, value=0)])
    campaigns.deliver(export, later(hours=1), again=True)
    assert [one["customer_id"] for one in receiver.batches[-1][1]["contacts"]] == others
    campaigns.stop("spring", later(hours=1))


def test_nothing_is_sent_again_of_a_campaign_that_was_stopped(tmp_path: Path, receiver: Receiver) -> None:
    shop = Shop.of(tmp_path, 20, webhook=receiver.address)
    campaigns = shop.started()
    export = campaigns.export("spring", "phone", "webhook", NOW).export
    assert export is not None
    campaigns.stop("spring", NOW)
    with pytest.raises(CampaignStateError, match="was stopped"):
        campaigns.deliver(export, NOW, again=True)
    assert receiver.batches == []
