"""Outcomes of assigned customers against naive loops, and when they count as known."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.settings import Settings
from features.settings import TimeSettings
from tests.contract_tables import INGESTED, written
from tests.features.events import SNAPSHOTS, make_products, make_returns, make_transactions
from tests.features.views.naive import SEEDS, Row, known, returned_at, rows_of
from training.effects.outcomes import MEASURES, Outcomes, read_assigned, read_outcomes

DAYS = 28
ASSIGNED = datetime(2026, 3, 2, 10, tzinfo=UTC)
DAY = timedelta(days=1)


def assignment(customer: str, moment: datetime = ASSIGNED, campaign: str = "spring", **more: Any) -> Row:
    return {"customer_id": customer, "campaign_id": campaign, "assigned_timestamp": moment, "arm": "call"} | more


def line(customer: str, order: str, moment: datetime, amount: float = 10.0, **more: Any) -> Row:
    row = {"customer_id": customer, "order_id": order, "product_id": "p", "event_timestamp": moment, "quantity": 1.0}
    return row | {"amount": amount, "created_timestamp": moment} | more


def measured(settings: Settings, **options: Any) -> Outcomes:
    return read_outcomes(settings, read_assigned(settings), DAYS, **options)


def by_hand(lines: list[Row], back: list[Row], costs: dict[str, float | None], share: float) -> list[float]:
    """Orders, money and margin of the lines of a window, once more and by hand."""
    orders: dict[str, list[Row]] = {}
    for one in lines:
        if one["quantity"] > 0:
            orders.setdefault(one["order_id"], []).append(one)
    revenue = margin = 0.0
    for order, own in orders.items():
        paid = sum(one["amount"] for one in own)
        left = max(0.0, paid - sum(one["value"] for one in back if one["order_id"] == order))
        earned = 0.0
        for one in own:
            unit = costs[one["product_id"]]
            cost = one["cost"] if one["cost"] is not None else None if unit is None else unit * one["quantity"]
            earned += one["amount"] * share if cost is None else one["amount"] - cost
        revenue += left
        margin += earned * left / paid if paid > 0 else earned
    return [float(bool(orders)), float(len(orders)), revenue, margin]


@pytest.mark.parametrize("seed", SEEDS)
def test_outcomes_equal_a_naive_loop(tmp_path: Path, seed: int) -> None:
    bought, products = make_transactions(seed, 400), make_products()
    returns = make_returns(seed, bought[bought["amount"] > 0])
    moments = [*SNAPSHOTS, SNAPSHOTS[0] + timedelta(days=9, hours=7)]
    rows = [assignment(f"c{n}", moment, f"k{k}") for n in range(7) for k, moment in enumerate(moments)]
    lines, back = rows_of(bought), rows_of(returns)
    # the data are complete until the last line
    sold = [*lines, line("z", "9", SNAPSHOTS[1] + 90 * DAY)]
    settings = written(tmp_path, transactions=sold, interactions=returns, products=products, assignments=rows)
    found = measured(settings, margin=0.4)
    costs = {one["product_id"]: one["unit_cost"] for one in rows_of(products)}
    assert found.known.all()
    for place, one in enumerate(sorted(rows, key=lambda row: (row["campaign_id"], row["customer_id"]))):
        moment, customer = one["assigned_timestamp"], one["customer_id"]
        own = [row for row in lines if row["customer_id"] == customer]
        given = [row for row in back if row["customer_id"] == customer]
        after = [row for row in own if moment <= row["event_timestamp"] < moment + DAYS * DAY]
        after = [row for row in after if row["replaced_timestamp"] is None]
        wanted = by_hand(after, returned_at(given, own, INGESTED), costs, 0.4)
        assert [found.values[name][place] for name in MEASURES] == pytest.approx(wanted)
        wanted = by_hand(known(own, moment, DAYS), returned_at(given, own, moment), costs, 0.4)
        assert [found.before[name][place] for name in MEASURES] == pytest.approx(wanted)
    assert found.values["orders"].max() > 1
    assert (found.values["revenue"] > 0).sum() > 5


def test_a_window_is_known_when_order_lines_reach_past_its_end_whatever_the_clock_says(tmp_path: Path) -> None:
    # the day of the last line counts as complete: that is the day on which the window of `late` ends, or the one before
    last = line("z", "9", ASSIGNED + 29 * DAY)
    rows = [assignment("a"), assignment("late", ASSIGNED + 1 * DAY), assignment("later", ASSIGNED + 2 * DAY)]
    settings = written(tmp_path, transactions=[last], assignments=rows)
    found = measured(settings)
    assert found.known.tolist() == [True, True, False]
    assert found.values["retained"].tolist()[:2] == [0.0, 0.0]
    assert all(np.isnan(found.values[name][2]) for name in MEASURES)
    now = written(tmp_path, TimeSettings(as_of="now"), transactions=[last], assignments=rows)
    assert measured(now).known.tolist() == [True, True, False]
    before = written(tmp_path, TimeSettings(as_of=ASSIGNED + 28 * DAY), transactions=[last], assignments=rows)
    assert measured(before).known.tolist() == [True, False, False]


def test_the_margin_is_unknown_for_everybody_where_a_cost_is_and_no_share_is_given(tmp_path: Path) -> None:
    lines = [line("a", "1", ASSIGNED), line("b", "2", ASSIGNED, cost=4.0), line("z", "9", ASSIGNED + 90 * DAY)]
    settings = written(tmp_path, transactions=lines, assignments=[assignment(name) for name in "abc"])
    assert np.isnan(measured(settings).values["margin"]).all()
    assert measured(settings, margin=0.3).values["margin"].tolist() == [3.0, 6.0, 0.0]
    costed = written(tmp_path, transactions=lines[1:], assignments=[assignment(name) for name in "abc"])
    assert measured(costed).values["margin"].tolist() == [0.0, 6.0, 0.0]


def test_without_order_lines_a_contract_says_who_stayed(tmp_path: Path) -> None:
    end = ASSIGNED + DAYS * DAY
    periods = {
        "ends in the window": (ASSIGNED - 90 * DAY, end - timedelta(microseconds=1)),
        "ends with the window": (ASSIGNED - 90 * DAY, end),
        "runs on": (ASSIGNED - 90 * DAY, None),
        "starts after it": (end, None),
        "renewed": (ASSIGNED - 90 * DAY, ASSIGNED + DAY),
    }
    contracts = [
        {"customer_id": name, "start_timestamp": start, "end_timestamp": stop, "created_timestamp": start}
        for name, (start, stop) in periods.items()
    ]
    contracts.append(contracts[-1] | {"start_timestamp": ASSIGNED + DAY, "end_timestamp": end + DAY})
    rows = [assignment(name) for name in [*periods, "none"]]
    # the last start of a contract proves that they are complete until then
    contracts.append(contracts[0] | {"customer_id": "z", "start_timestamp": end})
    settings = written(tmp_path, TimeSettings(as_of=end + DAY), assignments=rows, subscriptions=contracts)
    found = measured(settings)
    stayed = dict(zip(read_assigned(settings).customers, found.values["retained"], strict=True))
    assert stayed == {
        "ends in the window": 0.0,
        "ends with the window": 1.0,
        "runs on": 1.0,
        "starts after it": 0.0,
        "renewed": 1.0,
        "none": 0.0,
    }
    assert found.known.all()
    assert not found.before
    assert np.isnan(found.values["revenue"]).all()


def test_given_outcomes_win_measure_by_measure(tmp_path: Path) -> None:
    lines = [line("a", "1", ASSIGNED, 10.0), line("z", "9", ASSIGNED + 90 * DAY)]
    rows = [assignment("a"), assignment("b"), assignment("a", ASSIGNED + 80 * DAY, "summer")]
    rows.append(assignment("b", ASSIGNED + 80 * DAY, "summer"))
    stated = [
        {"customer_id": "a", "retained": False},
        {"customer_id": "b", "campaign_id": "summer", "revenue": 7.0},
        {"customer_id": "b", "revenue": 99.0},
        {"customer_id": "b", "campaign_id": "spring", "revenue": 3.0},
    ]
    settings = written(tmp_path, transactions=lines, assignments=rows, outcomes=stated)
    found = measured(settings, margin=0.5)
    # in the order of campaigns and customers: spring a, spring b, summer a, summer b
    assert found.known.tolist() == [True, True, False, True]
    assert found.values["retained"].tolist()[:2] == [0.0, 1.0]
    assert found.values["retained"][3] == 1.0
    assert found.values["revenue"].tolist()[:2] == [10.0, 3.0]
    assert found.values["margin"].tolist()[:2] == [5.0, 1.5]
    assert np.isnan(found.values["orders"][3])


def test_assignments_are_in_order_and_can_be_chosen(tmp_path: Path) -> None:
    rows = [
        assignment("b", campaign="y", propensity=0.25, cost=4.0, intended="mail", channel="phone"),
        assignment("b", campaign="x", arm="holdout"),
        assignment("a", campaign="y", moment=ASSIGNED + DAY),
    ]
    settings = written(tmp_path, assignments=rows)
    every = read_assigned(settings)
    assert list(zip(every.campaigns, every.customers, every.arms, strict=True)) == [
        ("x", "b", "holdout"),
        ("y", "a", "call"),
        ("y", "b", "call"),
    ]
    assert every.moments[0] == np.datetime64("2026-03-02T10:00:00", "us")
    assert every.propensity[2] == 0.25
    assert every.cost[2] == 4.0
    assert np.isnan(every.propensity[0])
    assert (every.intended[2], every.channels[2], every.intended[0]) == ("mail", "phone", "")
    assert list(read_assigned(settings, ["x"]).customers) == ["b"]
    assert len(read_assigned(settings, [])) == 0
    assert list(every.rows(every.arms == "call").campaigns) == ["y", "y"]
    assert not measured(settings).known.any()
