"""The figures that alerts are about, against figures that are known."""

from datetime import UTC, datetime, timedelta
from math import isnan
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from core.settings import Settings, StoreSettings
from features.contract.tables import CONTRACT
from tests.conftest import World
from training.churn.pipeline import CHURN
from training.churn.settings import ChurnSettings
from training.monitoring.drift import observe_champion
from training.monitoring.figures import Figure, from_risks, from_weeks
from training.monitoring.volume import weekly

AS_OF = datetime(2024, 6, 3, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Ten weeks with 40 ratings each; promoters become detractors in the last four, and returns double."""
    lines: list[dict[str, Any]] = []
    interactions: list[dict[str, Any]] = []
    for week in range(10):
        moment = AS_OF - timedelta(days=7 * (9 - week), hours=1)
        late = week >= 6
        for number in range(50):
            row = {"customer_id": "a", "order_id": f"{week}-{number // 2}", "product_id": "p", "amount": 2.0}
            lines.append({**row, "event_timestamp": moment, "quantity": 1.0, "created_timestamp": moment})
        for number in range(40):
            value = (3.0 if late else 10.0) if number < 20 else 8.0
            interactions.append({"customer_id": "a", "kind": "nps", "value": value, "event_timestamp": moment})
        back = {"customer_id": "a", "kind": "return", "value": 2.0, "event_timestamp": moment}
        interactions += [back] * (10 if late else 5)
    rows = {"transactions": lines, "interactions": interactions}
    folder = tmp_path / "contract"
    folder.mkdir()
    for name, table in CONTRACT.items():
        frame = pd.DataFrame(rows.get(name, []), columns=[column.name for column in table.columns])
        casts = ", ".join(f"CAST({column.name} AS {column.type}) AS {column.name}" for column in table.columns)
        duckdb.from_df(frame).project(casts).write_parquet(str(folder / f"{name}.parquet"))
    return Settings(StoreSettings(data=tmp_path))


def by_name(figures: list[Figure]) -> dict[str, Figure]:
    return {figure.measure: figure for figure in figures}


def test_weeks_count_lines_orders_returns_and_ratings(settings: Settings) -> None:
    counted = weekly(settings, AS_OF)
    assert counted["order_lines"] == [50.0] * 9  # the first week of the data is a part of one
    assert counted["orders"] == [25.0] * 9
    assert counted["returns"] == [5.0] * 5 + [10.0] * 4
    assert counted["ratings"] == [40.0] * 9
    assert counted["promoters"] == [20.0] * 5 + [0.0] * 4
    assert counted["detractors"] == [0.0] * 5 + [20.0] * 4


def test_the_promoter_score_and_its_fall_are_over_four_weeks(settings: Settings) -> None:
    found = by_name(from_weeks(settings, AS_OF))
    assert found["nps"].value == -50
    assert found["nps"].history == (50, 50, 25, 0, -25)
    assert found["nps_fall"] == Figure("nps_fall", 100, (75,))
    assert found["returns_share"].value == pytest.approx(10 / 25)
    assert found["returns_share"].history[0] == pytest.approx(5 / 25)
    assert found["order_lines"].value == 50


def test_figures_of_what_the_data_do_not_have_are_not_known(world: World) -> None:
    found = by_name(
        from_weeks(world.settings.replaced(StoreSettings(data=world.directory / "data")), world.schedule.as_of)
    )
    assert isnan(found["nps"].value)
    assert isnan(found["nps_fall"].value)
    assert found["order_lines"].value > 0


def test_the_value_at_risk_is_risk_times_spending(at_home: World) -> None:
    observation = observe_champion(CHURN, at_home.settings)
    assert observation is not None
    found = by_name(from_risks(at_home.settings, observation.rows, observation.now))
    lines = pd.read_parquet("data/contract/transactions.parquet")
    bought = lines[(lines["quantity"] > 0) & (lines["event_timestamp"] >= observation.now - timedelta(days=91))]
    spent = bought.groupby("customer_id")["amount"].sum()
    now = observation.rows.snapshots == observation.rows.snapshots.max()
    risks = dict(zip(observation.rows.customers[now], observation.rows.scores[now], strict=True))
    expected = sum(risk * spent.get(customer, 0.0) for customer, risk in risks.items())
    assert found["value_at_risk"].value == pytest.approx(expected)
    high = at_home.settings[ChurnSettings].high_risk
    assert found["high_risk_share"].value == sum(risk >= high for risk in risks.values()) / len(risks)
    assert len(found["high_risk_share"].history) == len(set(observation.rows.snapshots)) - 1
