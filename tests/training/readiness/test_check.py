"""The data report: what it counts, recommends and judges."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from core.settings import Section, Settings
from features.engine.completeness import complete_until, last_rows
from features.ingest.pipeline import ingest
from features.settings import TimeSettings
from tests.features.ingest.exports import NOW, settings_of
from training.churn.settings import ChurnSettings
from training.model import Model
from training.readiness.check import Checked, check_data
from training.readiness.page import page
from training.readiness.silence import Silence, measure_silence
from training.registry import MODELS

HEADER = "customer_id,order_id,product_id,event_timestamp,quantity,amount\n"
START = datetime(2024, 1, 1, tzinfo=UTC)


def checked(folder: Path, lines: list[str], products: str = "", *sections: Section) -> tuple[Checked, Settings]:
    (folder / "orders.csv").write_text(HEADER + "".join(lines))
    items: list[dict[str, Any]] = [{"columns": {}}]
    if products:
        (folder / "products.csv").write_text(products)
        items.append({"table": "products", "path": "products.csv", "columns": {}})
    settings = settings_of(folder, *items).replaced(*sections)
    ingest(settings, NOW)
    return check_data(settings, NOW, models()), settings


def models() -> list[Model[Any]]:
    return [registered.load() for registered in MODELS]


def orders(customers: int, days: int, pace: int, leave: int | None = None) -> list[str]:
    """Customers who come every `pace` days, half of them only until day `leave`."""
    return [
        f"c{c},c{c}-{day},p{day % 12},{START + timedelta(days=day + c % pace):%Y-%m-%d},1,5\n"
        for c in range(customers)
        for day in range(0, days, pace)
        if leave is None or c % 2 or day < leave
    ]


def test_silence_is_kaplan_and_meiers_estimate() -> None:
    """Gaps 2, 2, 5 that a purchase ended and 3, 9 that continue: S(2) = 1 - 2/5, S(5) = 3/5 x 1/2."""
    rows = "('a', 0), ('a', 2), ('b', 5), ('b', 7), ('c', 3), ('c', 8), ('a', 2), ('d', 6), ('e', 0)"
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute(
            f"CREATE TABLE t AS SELECT k AS customer_id, TIMESTAMPTZ '2024-01-01' + d * INTERVAL 1 DAY AS "
            f"event_timestamp, 1 AS quantity FROM (VALUES {rows}) v(k, d)"
        )
        silence = measure_silence(con, "t", datetime(2024, 1, 10, tzinfo=UTC))
    assert silence.ended[:6].tolist() == [0, 0, 2, 0, 0, 1]
    assert silence.covered == 9
    # too few for a curve: one point
    assert silence.lasting.tolist() == [1.0]


def test_the_share_that_comes_back_follows_from_the_curve() -> None:
    silence = Silence(np.array([1.0, 0.8, 0.5, 0.2, 0.2]), np.array([0.0, 20, 30, 30, 0]), 400)
    assert silence.come_back(0) == pytest.approx(0.8)
    assert silence.come_back(2) == pytest.approx(1 - 0.2 / 0.5)
    assert silence.come_back(99) == 0.0


def test_a_steady_pace_recommends_its_own_horizon_and_window(tmp_path: Path) -> None:
    """Who comes every ten days and is silent for two weeks has left."""
    readiness, _ = checked(tmp_path, orders(300, 360, 10, leave=200))
    assert readiness.silence is not None
    assert readiness.silence.horizon == 14
    assert readiness.silence.gone_after == 14
    assert readiness.silence.come_back(28) == 0.0
    trials = readiness.fitness[0].values["trials"]
    assert [trial["name"] for trial in trials] == ["current", "recommended"]
    assert trials[0]["churn_rate"] == pytest.approx(0.0, abs=0.01)
    come_back, definitions = readiness.fitness[0].sheets
    assert ("28 days", "0%") in come_back.rows
    assert [row[:3] for row in definitions.rows] == [
        ("current", "56 days", "28 days"),
        ("recommended", "14 days", "14 days"),
    ]


@pytest.mark.parametrize(("days", "pace", "spacing"), [(360, 10, 14), (720, 10, 28), (200, 10, 7)])
def test_settings_are_recommended_that_the_history_is_long_enough_for(
    tmp_path: Path, days: int, pace: int, spacing: int
) -> None:
    lines = orders(150, min(days, 366), pace)
    if days > 366:
        lines += [line.replace("2024-", "2023-").replace("02-29", "02-28") for line in lines]
    readiness, settings = checked(tmp_path, lines)
    recommended = dict(readiness.fitness[0].recommended)
    assert recommended["churn.horizon_days"] == 14
    assert recommended["churn.activity_window_days"] >= 14
    assert recommended["time.snapshot_spacing_days"] == spacing
    churn = ChurnSettings(horizon_days=14, activity_window_days=recommended["churn.activity_window_days"])
    time = TimeSettings(snapshot_spacing_days=spacing)
    again = check_data(settings.replaced(churn, time), NOW, models())
    assert not [finding for finding in again.fitness[0].findings if "label windows" in finding.what]


def test_verdicts_and_what_to_do(tmp_path: Path) -> None:
    readiness, _ = checked(tmp_path, orders(40, 200, 10), "product_id,type\np1,Tea\n")
    churn, following, value, segments = readiness.fitness
    assert (churn.model, churn.verdict, following.verdict) == ("churn", "unfit", "unfit")
    assert (value.model, value.verdict) == ("value", "unfit")
    assert (segments.model, segments.verdict) == ("segments", "unfit")
    assert "40 customers bought; expected at least 80" in {finding.what for finding in segments.findings}
    short = next(finding for finding in value.findings if "days of history for a horizon of 91" in finding.what)
    assert (short.verdict, short.remedy) == (
        "unfit",
        "Ingest a longer history, or choose a shorter value.horizon_days.",
    )
    by_text = {finding.what: finding for finding in churn.findings}
    assert by_text["40 customers are active at a time; expected at least 100"].verdict == "unfit"
    assert any("churn; expected 0.5% to 99.5%" in text for text in by_text)
    assert all(
        finding.remedy
        for finding in (*churn.findings, *following.findings, *value.findings, *segments.findings)
        if finding.verdict != "fit"
    )
    html = page(readiness)
    assert html.count("<svg") == 3
    assert "40 customers are active at a time" in html
    for title in ("When customers come back", "Churn definitions", "Days between purchases"):
        assert f"<h2>{title}</h2>" in html
    assert "the current activity window" in html
    assert "http" not in html.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    ).replace("https://matplotlib.org", "")


def test_what_is_odd_is_counted(tmp_path: Path) -> None:
    lines = orders(150, 300, 15)
    lines += [f"till,t{n},p1,2024-03-01,1,5\n" for n in range(400)]
    lines += [" C1,x1,p1,2024-03-01,1,5\n", "c 2,x2,p1,2024-03-02,1,9999\n", lines[0]]
    readiness, _ = checked(tmp_path, lines, "product_id,name,type\np1,A,Tea\np2,B,\n")
    assert readiness.sales is not None
    assert list(readiness.sales.dominant) == ["till"]
    assert readiness.sales.spellings[0] == 2
    assert readiness.sales.outliers == {}
    transactions, products, *_ = readiness.tables
    assert transactions.duplicates == 1
    assert "discount" in transactions.absent
    assert products.missing["type"] == 0.5
    assert 0.5 < readiness.sales.untyped < 1


def test_contracts_alone_are_judged_as_contracts(tmp_path: Path) -> None:
    rows = [
        f"s{n},{START + timedelta(days=30 * k):%Y-%m-%d},{START + timedelta(days=30 * k + 30):%Y-%m-%d}\n"
        for n in range(600)
        for k in range(3 + n % 9)
    ]
    (tmp_path / "contracts.csv").write_text("customer_id,start_timestamp,end_timestamp\n" + "".join(rows))
    settings = settings_of(tmp_path, {"table": "subscriptions", "path": "contracts.csv", "columns": {}})
    ingest(settings, NOW)
    (refused,) = check_data(settings, NOW, models()).fitness
    assert refused.verdict == "unfit"
    assert any('churn.kind = "contractual"' in str(finding.remedy) for finding in refused.findings)
    contractual = settings.replaced(ChurnSettings(kind="contractual", population="all", horizon_days=30))
    readiness = check_data(contractual, NOW, models())
    (fitness,) = readiness.fitness
    (trial,) = fitness.values["trials"]
    assert (trial["name"], trial["window_days"], trial["horizon_days"]) == ("current", None, 30)
    ends = [START + timedelta(days=90 + 30 * (n % 9)) for n in range(600)]
    moments = [readiness.as_of - timedelta(days=30 + 14 + 30 * step) for step in range(3)]
    active = sum(end >= moment for moment in moments for end in ends)
    gone = sum(moment <= end < moment + timedelta(days=30) for moment in moments for end in ends)
    assert trial["active"] == pytest.approx(active / 3)
    assert trial["churn_rate"] == pytest.approx(gone / active)
    assert fitness.findings[0].what == "4,191 contract periods of 600 customers"
    assert page(readiness).count("<svg") == 1
    renewals = settings.replaced(ChurnSettings(kind="contractual", horizon_days=30))
    (fitness,) = check_data(renewals, NOW, models()).fitness
    (trial,) = fitness.values["trials"]
    # every contract is of 30 days, so that all are up for renewal but those that ended at the snapshot's other side
    assert trial["active"] <= active / 3
    assert any("have a contract that ends within the horizon at a time" in one.what for one in fitness.findings)
    assert any("of them do not renew" in one.what for one in fitness.findings)


def test_contracts_that_run_on_are_never_up_for_renewal(tmp_path: Path) -> None:
    rows = "".join(f"s{n},{START + timedelta(days=n):%Y-%m-%d},\n" for n in range(300))
    (tmp_path / "contracts.csv").write_text("customer_id,start_timestamp,end_timestamp\n" + rows)
    settings = settings_of(tmp_path, {"table": "subscriptions", "path": "contracts.csv", "columns": {}})
    ingest(settings, NOW)
    (fitness,) = check_data(settings.replaced(ChurnSettings(kind="contractual")), NOW, models()).fitness
    assert fitness.verdict == "unfit"
    (nobody,) = (one for one in fitness.findings if one.what.startswith("No contract ends within the horizon"))
    assert 'churn.population = "all"' in str(nobody.remedy)


@pytest.mark.parametrize("behind", [12, 58])
def test_exports_that_stopped_are_reported_first_and_change_no_rate(tmp_path: Path, behind: int) -> None:
    lines = orders(150, 300, 12, leave=200)
    fresh, settings = checked(tmp_path, lines, "", ChurnSettings(horizon_days=28))
    last = fresh.last.date()
    now = datetime(last.year, last.month, last.day, 9, tzinfo=UTC) + timedelta(days=behind)
    stale = check_data(settings.replaced(TimeSettings(as_of="now")), now, models())
    sentence = f"Last order {behind} days before now ({last}, now is {now:%Y-%m-%d}): labels are complete until"
    assert fresh.freshness == (f"Last order on {last}: labels are complete until {last + timedelta(days=1)}.",)
    assert stale.freshness == (f"{sentence} {last + timedelta(days=1)}.",)
    assert stale.fitness[0].values["trials"] == fresh.fitness[0].values["trials"]
    assert stale.silence is not None
    assert fresh.silence is not None
    assert (stale.silence.window, stale.silence.horizon) == (fresh.silence.window, fresh.silence.horizon)
    for fitness in stale.fitness:
        first = fitness.findings[0]
        assert first.verdict == "weak"
        assert first.what.startswith(sentence)
        assert "newer exports" in str(first.remedy)
    assert sentence in page(stale)


def test_contracts_are_complete_until_the_last_change_that_is_known(tmp_path: Path) -> None:
    """Starts, notices and ends of contracts that ran on show it; a planned end and a booked renewal show nothing."""
    rows = {
        "open": ("2024-01-01,,", "2024-01-02"),
        "left": ("2024-01-01,2024-05-05,", "2024-05-06"),
        "notice": ("2024-01-01,2024-12-31,2024-06-07", "2024-06-08"),
        "booked": ("2026-01-01,,", "2024-06-08"),
    }
    text = ""
    for name, (row, until) in rows.items():
        text += f"{name},{row}\n"
        (tmp_path / "contracts.csv").write_text(
            f"customer_id,start_timestamp,end_timestamp,cancelled_timestamp\n{text}"
        )
        settings = settings_of(tmp_path, {"table": "subscriptions", "path": "contracts.csv", "columns": {}})
        ingest(settings, NOW)
        last = last_rows(settings, NOW)
        assert f"{complete_until(last, NOW)['subscriptions']:%Y-%m-%d}" == until
    (tmp_path / "contracts.csv").write_text("customer_id,start_timestamp,end_timestamp\na,2024-01-01,2024-12-01\n")
    ingest(settings, NOW)
    assert f"{complete_until(last_rows(settings, NOW), NOW)['subscriptions']:%Y-%m-%d}" == "2024-01-02"
