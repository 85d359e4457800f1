"""What the API answers and lists, and what `encore score` writes, is in the answer log."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from core.settings import Settings
from serving.cli.app import app
from tests.conftest import NOW, World, connected, copied
from training.monitoring.answers import AnswerLog, outcome_from

CUSTOMERS = ["6", "12", "18", "24"]


@pytest.fixture
def settings(world: World, tmp_path: Path) -> Iterator[Settings]:
    with copied(world, tmp_path) as settings:
        yield settings


def logged(client: TestClient) -> pd.DataFrame:
    log: AnswerLog = client.app.state.encore.service.answers  # type: ignore[attr-defined]
    log.flush()
    return log.read()


def test_answers_of_the_api_are_kept(settings: Settings) -> None:
    with connected(settings) as client:
        body = {"customer_ids": CUSTOMERS, "include": ["risk", "reasons", "offers"], "offer_limit": 3}
        scores = client.post("/v1/scores", json=body).json()["scores"]
        client.post("/v1/scores", json=body)  # from the score table; the same day
        client.get("/v1/customers/6/risk")
        client.post("/v1/guests/offers", json={})
        rows = logged(client)
    risks = {row.customer_id: row for row in rows[rows["risk"].notna()].itertuples()}
    offers = {row.customer_id: row for row in rows[rows["offers"].notna()].itertuples()}
    active = {one["customer_id"]: one for one in scores if one["risk"]["risk"] is not None}
    assert active
    assert len(rows) == len(risks) + len(offers)
    assert set(risks) == set(active)
    for customer, one in active.items():
        assert (risks[customer].risk, risks[customer].tier) == (one["risk"]["risk"], one["risk"]["tier"])
        assert risks[customer].model == one["risk"]["model"]
        assert risks[customer].as_of == pd.Timestamp(one["as_of"])
    assert set(offers) == {one["customer_id"] for one in scores if one["offers"]["offers"]}
    for one in scores:
        if one["offers"]["offers"]:
            shown = [[offer["product_id"], offer["kind"]] for offer in one["offers"]["offers"]]
            assert offers[one["customer_id"]].offers == shown


def test_a_listed_page_is_kept_with_the_version_of_each_row(settings: Settings) -> None:
    with connected(settings) as client:
        client.post("/v1/scores", json={"customer_ids": CUSTOMERS})
        log: AnswerLog = client.app.state.encore.service.answers  # type: ignore[attr-defined]
        for customer in CUSTOMERS:
            log.erase(customer)
        listed = client.get("/v1/scores", params={"limit": 2}).json()["scores"]
        rows = logged(client)
    assert [row["churn_model"] for row in listed] == ["encore-churn/1"] * 2
    expected = {row["customer_id"]: row["risk"] for row in listed if row["risk"] is not None}
    assert expected
    assert dict(zip(rows["customer_id"], rows["risk"], strict=True)) == expected
    assert set(rows["model"]) == {"encore-churn/1"}


def test_an_exported_list_is_kept(settings: Settings) -> None:
    result = CliRunner().invoke(app, ["score", "--output", "data/tonight.parquet"])
    assert result.exit_code == 0, result.output
    listed = pd.read_parquet("data/tonight.parquet")
    rows = AnswerLog(settings).read()
    risks = rows[rows["risk"].notna()]
    assert dict(zip(risks["customer_id"], risks["risk"], strict=True)) == dict(
        zip(listed["customer_id"], listed["risk"], strict=True)
    )
    assert set(rows["snapshot"]) == {pd.Timestamp(outcome_from(listed["as_of"].iloc[0]))}
    assert (rows["snapshot"] <= NOW + timedelta(days=1)).all()
    first = listed[listed["offer_product_1"].notna()].iloc[0]
    (row,) = rows[rows["offers"].notna() & (rows["customer_id"] == first["customer_id"])].itertuples()
    assert row.offers[0] == [first["offer_product_1"], first["offer_kind_1"]]
    assert len(row.offers) == first[[f"offer_product_{place}" for place in range(1, 6)]].notna().sum()
