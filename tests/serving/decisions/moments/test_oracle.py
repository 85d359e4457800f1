"""Moments against a loop that walks the hours, and looks at each at what was known then."""

import itertools
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from math import floor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.decisions.moments import Moment, fired
from serving.decisions.moments.basket_left import BasketLeft
from serving.decisions.moments.birthday import Birthday
from serving.decisions.moments.contract_end import ContractEnd
from serving.decisions.moments.due_again import DueAgain
from serving.decisions.moments.first_purchase import FirstPurchase
from serving.decisions.moments.reported import Complained, LowRating
from serving.decisions.moments.silent import Silent
from tests.contract_tables import written
from tests.features.views.naive import Row

START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR, DAY, INSTANT = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)
HOURS = 50 * 24
END = START + HOURS * HOUR
CUSTOMERS = [f"c{number}" for number in range(6)]
#: The causes of which a moment is due at an instant, by what a customer's rows say at it.
Condition = Callable[[dict[str, list[Row]], datetime], set[Any]]


def made(seed: int) -> dict[str, list[Row]]:
    """Rows on whole hours: some written late, some replaced, ends of contracts that change."""
    rng = np.random.default_rng(seed)

    def moment(longest: int = HOURS) -> datetime:
        return START + int(rng.integers(longest)) * HOUR

    def late(happened: datetime) -> datetime:
        return happened + int(rng.integers(1, 200)) * HOUR * int(rng.random() < 0.25)

    tables: dict[str, list[Row]] = {"transactions": [], "interactions": [], "subscriptions": [], "customers": []}
    for customer in CUSTOMERS:
        for order in range(int(rng.integers(1, 14))):
            happened = moment()
            known = late(happened)
            line = {"customer_id": customer, "order_id": f"{customer}-{order}", "event_timestamp": happened}
            line |= {"product_id": f"p{rng.integers(2)}", "quantity": float(rng.integers(0, 3)), "amount": 1.0}
            line["created_timestamp"] = known
            if rng.random() < 0.2:
                gone = known + int(rng.integers(0, 300)) * HOUR
                tables["transactions"].append(line | {"replaced_timestamp": gone})
                line = line | {"product_id": "p1", "created_timestamp": gone}
            tables["transactions"].append(line)
        for _ in range(12):
            happened = moment()
            kind = str(rng.choice(["basket", "basket", "complaint", "nps", "visit"]))
            row = {"customer_id": customer, "event_timestamp": happened, "kind": kind, "value": float(rng.integers(11))}
            tables["interactions"].append(row | {"created_timestamp": late(happened)})
        for number in range(int(rng.integers(0, 4))):
            start = moment() - 10 * DAY
            ends = [start + int(days) * DAY for days in rng.choice(range(5, 60), 2, replace=False)]
            known = late(start)
            changed = known + int(rng.integers(1, 400)) * HOUR
            terms = (
                [{"until_timestamp": changed, "end_timestamp": ends[0], "price": 1.0}] if rng.random() < 0.5 else None
            )
            row = {"customer_id": customer, "contract_id": f"k{number}", "start_timestamp": start, "price": 1.0}
            row |= {"end_timestamp": ends[1] if rng.random() < 0.8 else None, "created_timestamp": known}
            tables["subscriptions"].append(row | {"earlier_terms": terms})
        born = date(1990, 1, 1) + int(rng.integers(0, 70)) * DAY
        people = {"customer_id": customer, "birth_date": born}
        people |= {"signup_timestamp": moment() if rng.random() < 0.5 else None}
        tables["customers"].append(people | {"known_since_timestamp": moment() if rng.random() < 0.5 else None})
    return tables


def heard(rows: list[Row], at: datetime) -> list[Row]:
    """The rows that are known at an instant, and not replaced by then."""
    return [
        row
        for row in rows
        if max(row["event_timestamp"], row["created_timestamp"]) <= at
        and (row.get("replaced_timestamp") is None or row["replaced_timestamp"] > at)
    ]


def bought(rows: dict[str, list[Row]], at: datetime) -> list[Row]:
    return [row for row in heard(rows["transactions"], at) if row["quantity"] > 0]


def due(moments: list[datetime], times: float = 1.0) -> datetime | None:
    days = sorted({moment.date() for moment in moments})
    if len(days) < 3:
        return None
    span = (days[-1] - days[0]) // INSTANT
    return max(moments) + floor(times * span / (len(days) - 1)) * INSTANT


def silent(rows: dict[str, list[Row]], at: datetime) -> set[Any]:
    moments = [row["event_timestamp"] for row in bought(rows, at)]
    overdue = due(moments, 1.7)
    return {max(moments)} if overdue is not None and overdue <= at else set()


def due_again(rows: dict[str, list[Row]], at: datetime) -> set[Any]:
    found = set()
    for product in ("p0", "p1"):
        moments = [row["event_timestamp"] for row in bought(rows, at) if row["product_id"] == product]
        again = due(moments)
        if again is not None and again <= at:
            found.add((product, max(moments)))
    return found


def first_purchase(rows: dict[str, list[Row]], at: datetime) -> set[Any]:
    moments = [row["event_timestamp"] for row in bought(rows, at)]
    return {"first"} if moments and min(moments) + 3 * DAY <= at else set()


def basket_left(rows: dict[str, list[Row]], at: datetime) -> set[Any]:
    baskets = [row["event_timestamp"] for row in heard(rows["interactions"], at) if row["kind"] == "basket"]
    if not baskets or max(baskets) + 30 * HOUR > at:
        return set()
    return set() if any(row["event_timestamp"] >= max(baskets) for row in bought(rows, at)) else {max(baskets)}


def complained(rows: dict[str, list[Row]], at: datetime) -> set[Any]:
    return {row["event_timestamp"] for row in heard(rows["interactions"], at) if row["kind"] == "complaint"}


def low_rating(rows: dict[str, list[Row]], at: datetime) -> set[Any]:
    ratings = [row for row in heard(rows["interactions"], at) if row["kind"] == "nps"]
    return {row["event_timestamp"] for row in ratings if row["value"] <= 5}


def contract_end(rows: dict[str, list[Row]], at: datetime) -> set[Any]:
    ends = []
    for row in rows["subscriptions"]:
        if row["created_timestamp"] <= at:
            earlier = [term for term in row["earlier_terms"] or [] if term["until_timestamp"] > at]
            ends.append(earlier[0]["end_timestamp"] if earlier else row["end_timestamp"])
    if not ends or None in ends:
        return set()
    # the instants that are looked at are the last of their hours
    return {max(ends)} if max(ends) - 9 * DAY <= at < max(ends) + HOUR else set()


def birthday(rows: dict[str, list[Row]], at: datetime) -> set[Any]:
    (row,) = rows["customers"]
    comes = datetime(2026, row["birth_date"].month, row["birth_date"].day, tzinfo=UTC) - 2 * DAY
    known = [row[name] for name in ("signup_timestamp", "known_since_timestamp") if row[name] is not None]
    return {comes} if comes <= at < comes + HOUR and all(moment <= comes for moment in known) else set()


CASES: list[tuple[Moment, Condition]] = [
    (Silent(times=1.7), silent),
    (DueAgain(), due_again),
    (FirstPurchase(days_after=3), first_purchase),
    (BasketLeft(hours=30), basket_left),
    (Complained(), complained),
    (LowRating(rating=5), low_rating),
    (ContractEnd(days_before=9), contract_end),
    (Birthday(days_before=2), birthday),
]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("moment", "condition"), CASES, ids=[moment.kind for moment, _ in CASES])
def test_a_moment_fires_when_its_condition_first_holds(
    tmp_path: Path, seed: int, moment: Moment, condition: Condition
) -> None:
    tables = made(seed)
    found = fired(written(tmp_path, **tables), {"it": moment}, START, END)
    wanted = set()
    for customer in CUSTOMERS:
        own = {name: [row for row in rows if row["customer_id"] == customer] for name, rows in tables.items()}
        before: set[Any] = set()
        # what had fired before the time that is asked about fires no more
        for hour in range(-20 * 24, HOURS):
            causes = condition(own, START + (hour + 1) * HOUR - INSTANT)
            if causes - before and hour >= 0:
                wanted.add((customer, START + hour * HOUR))
            before |= causes
    hours = [at.floor("h").to_pydatetime() for at in found["at"]]
    assert set(zip(found["customer_id"], hours, strict=True)) == wanted
    assert wanted
    assert not found.duplicated().any()


@pytest.mark.parametrize("parts", [2, 7])
def test_the_parts_of_a_time_have_what_the_whole_has(tmp_path: Path, parts: int) -> None:
    settings = written(tmp_path, **made(4))
    moments = {moment.kind: moment for moment, _ in CASES}
    whole = fired(settings, moments, START, END)
    edges = [START + place * (END - START) / parts for place in range(parts + 1)]
    found = [fired(settings, moments, first, last) for first, last in itertools.pairwise(edges)]
    assert [row for part in found for row in part.itertuples(index=False)] == list(whole.itertuples(index=False))
    assert set(whole["moment"]) == set(moments)
    at = whole["at"].iloc[len(whole) // 2].to_pydatetime()
    # half-open: an instant is in the time that begins with it
    assert at in set(fired(settings, moments, at, at + INSTANT)["at"])
    assert at not in set(fired(settings, moments, at - HOUR, at)["at"])


def test_few_customers_have_the_moments_that_they_have_among_all(tmp_path: Path) -> None:
    settings = written(tmp_path, **made(4))
    moments = {moment.kind: moment for moment, _ in CASES}
    whole = fired(settings, moments, START, END)
    some = sorted(set(whole["customer_id"]))[::3]
    expected = whole[whole["customer_id"].isin(some)]
    assert 0 < len(expected) < len(whole)
    few = fired(settings, moments, START, END, [*some, "nobody"])
    assert list(few.itertuples(index=False)) == list(expected.itertuples(index=False))
