"""Online and offline features are compared, and what differs is named."""

import json

import pytest

from core.errors import StateError
from core.settings import StoreSettings
from core.stamps import read_stamp, write_stamp
from features.contract.erased import Erased
from features.engine.vectors import vector_view
from features.live.computation import CustomerFeatures
from features.live.parity import Difference, Parity, _drawn, verify_parity
from features.store.materialized import materialized_directory
from serving.cli.exits import DIFFERENT
from tests.features.live.place import AS_OF, Place, event, purchase
from tests.serving.cli.test_cli import run
from training.churn.settings import ChurnSettings

CHURN = vector_view(ChurnSettings.service)


def change(place: Place, customer: str, **values: object) -> None:
    """Write other values into a customer's vector, for the moment that it has."""
    (vector,) = place.store.online.vectors(ChurnSettings.service, [customer])
    assert vector is not None
    place.store.online.push({CHURN: {customer: json.dumps(vector.values | values)}}, vector.moment)


def of(found: Parity, way: str) -> list[Difference]:
    return [one for one in found.differences if one.way == way]


def test_a_wrong_value_in_the_online_store_is_named(place: Place) -> None:
    place.take(purchase("6", 1, "1029743"))
    before = place.vector("6") or {}
    # at one millionth two roundings of the same number can be; beyond that they are different
    change(place, "6", amount_total=before["amount_total"] + 3e-6, amount_84d=before["amount_84d"] + 1e-6)
    change(place, "12", top_department="TOYS", baskets_7d=None)
    everybody = verify_parity(place.settings, 10_000)
    assert of(everybody, "replayed") == []
    named = {(one.customer_id, one.view, one.column) for one in of(everybody, "served")}
    assert named == {
        ("6", "customer_value", "amount_total"),
        ("12", "customer_preference", "top_department"),
        ("12", "customer_activity", "baskets_7d"),
    }
    (wrong,) = [one for one in everybody.differences if one.column == "amount_total"]
    assert wrong.online == pytest.approx(before["amount_total"] + 3e-6)
    assert wrong.offline == before["amount_total"]
    assert wrong.moment > AS_OF
    assert {one.moment for one in everybody.differences if one.customer_id == "12"} == {AS_OF}


def test_a_customer_whose_row_is_gone_is_named(place: Place) -> None:
    rows = len(place.vector("6") or {})
    place.store.online.erase("6")
    found = verify_parity(place.settings, 10_000)
    assert {one.customer_id for one in found.differences} == {"6"}
    assert all(one.online is None and one.offline is not None for one in found.differences)
    assert rows / 2 < len([one for one in found.differences if one.view != "customer_history"]) <= 2 * rows


def test_a_wrong_computation_after_events_is_named(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stored rows are right as long as no event comes; the next one would put a wrong row there."""
    monkeypatch.setattr(CustomerFeatures, "_not_erased", lambda *_: [])  # so that no rows of before count
    found = verify_parity(place.settings, 20)
    assert of(found, "served") == []
    assert {one.column for one in of(found, "replayed")} >= {"amount_total", "history_products"}


def test_customers_that_wait_are_left_out(place: Place) -> None:
    place.take(purchase("6", 1, "1029743"))
    place.log.append([event(**purchase("6", 2, "1029743")), event(**purchase("12", 3, "1029743"))], AS_OF)
    Erased(place.settings[StoreSettings]).add("18", AS_OF)
    found = verify_parity(place.settings, 10_000)
    assert (found.left_out, found.with_events, found.differences) == (3, 0, ())


def test_the_sample_is_drawn_by_its_seed_and_half_of_it_has_events(place: Place) -> None:
    reported = {str(6 * number) for number in range(1, 41)} | {"new"}
    place.log.append([event(one, number, "contact") for number, one in enumerate(reported)], AS_OF)
    first, again, other = (_drawn(place.settings, place.online, place.log, 50, seed) for seed in (0, 0, 1))
    assert first == again != other
    for drawn in (first, other):
        assert len(drawn) == len(set(drawn)) == 50
        assert len(reported & set(drawn)) >= 25
    assert len(reported & set(first)) < 50


def test_other_code_is_refused(place: Place) -> None:
    folder = materialized_directory(place.settings[StoreSettings])
    write_stamp(folder, read_stamp(folder) | {"definition": "of other code"})
    with pytest.raises(StateError, match="encore features build"):
        verify_parity(place.settings, 1)


def test_the_command_names_differences_by_its_exit_code_and_as_json(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place.take(purchase("6", 1, "1029743"))
    assert run(monkeypatch, "verify", "parity", "--customers", "4", "--format", "json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["customers"], printed["with_events"], printed["differences"]) == (4, 1, [])
    change(place, "6", baskets_7d=77)
    assert run(monkeypatch, "verify", "parity", "--customers", "4") == DIFFERENT
    printed = capsys.readouterr().out
    row = next(line for line in printed.splitlines() if "baskets_7d" in line)
    assert all(word in row for word in ("6", "customer_activity", "served", "77"))
    assert "of 4 customers compared, 1 of them with events: 1 differ" in printed
