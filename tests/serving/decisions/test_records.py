"""Decisions that are kept, replayed, and cleared of erased customers."""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import DataError
from core.settings import StoreSettings
from features.contract.erased import Erased
from serving.decisions import records as module
from serving.decisions.records import DecisionRecords
from serving.decisions.replay import replay
from serving.decisions.rows import table_of
from serving.decisions.within import Decided
from tests.serving.decisions.shops import NOW, many
from tests.serving.decisions.test_decide import CALL, MAIL, POLICY, Shop
from tests.serving.decisions.test_effects import measured
from tests.serving.decisions.worlds import ingested
from training.effects.measured import save_effects

LIMITS = "budget = 900\ncapacity = {phone = 60, email = 300}\n"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A shop whose limits bind; the effect of a mail was measured."""
    found = Shop(tmp_path)
    ingested(found.settings, [])
    found.defines(POLICY + LIMITS, CALL + "discount = 0.1\n", MAIL + 'rule = {column = "amount", at_least = 20}\n')
    save_effects(found.settings[StoreSettings], [measured(0.02, 0.01, action="mail")])
    return found


@pytest.fixture
def decided(shop: Shop) -> Decided:
    """A decision about many customers."""
    return shop.decides(many(1_500))


@pytest.fixture
def records(shop: Shop) -> DecisionRecords:
    """The records of the shop."""
    return DecisionRecords(shop.settings[StoreSettings])


def test_a_run_keeps_inputs_outputs_and_versions(decided: Decided, records: DecisionRecords) -> None:
    run, rows = records.read(records.write(decided))
    assert (run.now, run.as_of, run.prices, run.limits) == (NOW, NOW, decided.solution.prices, decided.limits)
    assert run.sources == decided.effects.sources
    assert run.decisions == decided.decisions
    assert run.body["versions"] == decided.versions
    assert run.body["totals"]["gain"] == decided.solution.total
    assert run.body["totals"]["actions"]["call"]["customers"] == (decided.choice == 0).sum() > 0
    assert rows.customer_id.tolist() == decided.population.customers
    names = [None if place < 0 else decided.actions[place].name for place in decided.choice]
    assert [one or None for one in rows.choice] == names
    np.testing.assert_array_equal(rows["gain:mail"], decided.worth.gain[:, 1])
    np.testing.assert_array_equal(rows["risk"], decided.stakes.risk)
    # an assumed effect has no interval
    assert "low:call" not in rows
    assert rows["low:mail"].notna().all()


def test_a_decision_comes_out_the_same_again(decided: Decided, records: DecisionRecords) -> None:
    found = replay(records, records.write(decided))
    assert (found.customers, found.erased, found.gains, found.choices, found.holds) == (1_500, 0, 0, 0, True)


def test_after_an_erasure_the_prices_explain_the_others(decided: Decided, records: DecisionRecords) -> None:
    run = records.write(decided)
    called = decided.population.chosen(decided.choice == 0)[:3]
    assert [records.erase(customer) for customer in called] == [1, 1, 1]
    assert not any(records.holds(customer) for customer in called)
    assert records.erase(called[0]) == 0
    _, rows = records.read(run)
    assert rows.customer_id.tolist() == [one for one in decided.population.customers if one not in called]
    found = replay(records, run)
    assert (found.customers, found.erased, found.holds) == (1_497, 3, True)
    text = (records.directory / run / "customers.parquet").read_bytes()
    assert not any(customer.encode() in text for customer in called)


def changed(records: DecisionRecords, run: str, column: str, values: pa.Array) -> None:
    """Write other values into what is kept."""
    path = records.directory / run / "customers.parquet"
    table = pq.read_table(path)
    pq.write_table(table.set_column(table.column_names.index(column), column, values), path)


@pytest.mark.parametrize("erase", [False, True])
def test_a_replay_finds_what_was_changed(decided: Decided, records: DecisionRecords, erase: bool) -> None:
    run = records.write(decided)
    rows = records.rows(run)
    if erase:
        records.erase("c007")
        rows = records.rows(run)
    names = rows["choice"].to_pylist()
    best = max(range(len(names)), key=lambda place: rows["gain:call"][place].as_py() if names[place] else -1)
    changed(records, run, "choice", pa.array([*names[:best], None, *names[best + 1 :]], pa.string()))
    found = replay(records, run)
    assert (found.gains, found.holds) == (0, False)
    assert found.choices >= 1
    changed(records, run, "kept", pa.array(np.array(rows["kept"]) + 1.0))
    assert replay(records, run).gains == len(names)


def test_the_latest_plan_gives_the_prices(shop: Shop, decided: Decided, records: DecisionRecords) -> None:
    assert (records.latest(), records.runs()) == (None, [])
    first, second = records.write(decided), records.write(decided)
    assert records.runs() == [second, first]
    later = replace(shop.decides(many(10), customers=["c001"]), now=NOW + timedelta(days=1))
    records.write(later)
    latest = records.latest()
    assert latest is not None
    assert (latest.name, latest.prices) == (second, decided.solution.prices)


def test_old_runs_are_removed(decided: Decided, records: DecisionRecords) -> None:
    old = records.write(replace(decided, now=NOW - module.KEPT - timedelta(seconds=1)))
    young = records.write(replace(decided, now=NOW - module.KEPT))
    assert records.runs() == [young, old]
    newest = records.write(decided)
    assert records.runs() == [newest, young]
    with pytest.raises(DataError, match=f"There is no run '{old}'; the last are {newest}, {young}."):
        records.read(old)


def test_customers_whose_erasure_has_begun_are_left_out(shop: Shop, decided: Decided, records: DecisionRecords) -> None:
    Erased(shop.settings[StoreSettings]).add("c003", NOW)
    run = records.write(decided)
    assert not records.holds("c003")
    assert (replay(records, run).erased, replay(records, run).holds) == (1, True)


def test_a_large_file_is_erased_from_group_by_group(
    decided: Decided, records: DecisionRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TOGETHER", 100)
    run = records.write(decided)
    assert pq.ParquetFile(records.directory / run / "customers.parquet").num_row_groups == 15
    assert records.erase("c755") == 1
    kept = table_of(decided).filter(pa.compute.not_equal(table_of(decided)["customer_id"], "c755"))
    assert records.rows(run).equals(kept)


def test_a_run_that_is_not_there(records: DecisionRecords, decided: Decided) -> None:
    with pytest.raises(DataError, match=r"There is no run '\.\./x'; there is none"):
        records.run("../x")
    run = records.write(decided)
    shutil.rmtree(records.directory / run)
    assert records.runs() == []
