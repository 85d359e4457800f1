"""What came of answers: every figure equals a recount from the raw tables in a naive loop."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.settings import StoreSettings
from features.contract.tables import table_path
from tests.conftest import World
from training.churn.pipeline import CHURN
from training.monitoring.answers import Answer, outcome_from
from training.monitoring.realised import (
    BANDS,
    OfferWeek,
    RiskWeek,
    Shown,
    inside,
    offer_weeks,
    risk_weeks,
    with_outcomes,
)
from training.next_product.pipeline import NEXT_PRODUCT

END = datetime(2018, 1, 1, tzinfo=UTC)
ACTIVE, CHURN_DAYS, OFFER_DAYS = timedelta(days=56), timedelta(days=28), timedelta(days=14)


def as_log(answers: list[Answer]) -> pd.DataFrame:
    """Return answers as the log returns them."""
    rows = [
        (a.customer_id, a.model, a.risk, a.tier, a.offers, pd.Timestamp(a.as_of), pd.Timestamp(outcome_from(a.as_of)))
        for a in answers
    ]
    columns = ["customer_id", "model", "risk", "tier", "offers", "as_of", "snapshot"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(**{name: frame[name].dt.as_unit("us") for name in ("as_of", "snapshot")})


def monday(moment: datetime) -> datetime:
    return moment - timedelta(days=moment.weekday())


def last_of_week(answers: list[Answer]) -> dict[tuple[datetime, str], dict[str, Answer]]:
    weeks: dict[tuple[datetime, str], dict[str, Answer]] = {}
    for one in sorted(answers, key=lambda answer: answer.as_of):
        weeks.setdefault((monday(outcome_from(one.as_of)), one.model), {})[one.customer_id] = one
    return weeks


@pytest.fixture(scope="module")
def lines(world: World) -> pd.DataFrame:
    return pd.read_parquet(table_path(StoreSettings(data=world.directory / "data"), "transactions"))


@pytest.fixture(scope="module")
def moments_of(lines: pd.DataFrame) -> dict[str, list[datetime]]:
    bought = lines[lines["quantity"] > 0]
    return {str(customer): list(rows) for customer, rows in bought.groupby("customer_id")["event_timestamp"]}


def asked(moments_of: dict[str, list[datetime]], **more: Any) -> list[Answer]:
    """Answers about random customers at random moments of ten weeks, some at midnight, some on several days."""
    rng = np.random.default_rng(5)
    answers = []
    for number in range(3_000):
        as_of = datetime(2017, 10, 16, tzinfo=UTC) + timedelta(days=int(rng.integers(70)))
        as_of += timedelta(seconds=int(rng.integers(86_400))) if number % 3 else timedelta()
        customer = str(rng.choice(sorted(moments_of)))
        answers.append(
            Answer(
                customer, f"{more['name']}/{1 + number % 2}", as_of, **{k: v(rng) for k, v in more["values"].items()}
            )
        )
    return answers


def test_risks_equal_a_recount(world: World, moments_of: dict[str, list[datetime]]) -> None:
    values = {"risk": lambda rng: round(float(rng.random()), 2), "tier": lambda _: "low"}
    answers = asked(moments_of, name="encore-churn", values=values)
    weeks = risk_weeks(with_outcomes(CHURN, world.settings, as_log(answers), END))
    recounted = last_of_week(answers)
    assert {(one.week, one.model) for one in weeks} == set(recounted)
    assert len(weeks) == 22  # of eleven Mondays, as the last Sunday's answers count from the Monday after
    ended = [one for one in weeks if one.realised is not None]
    assert 8 <= len(ended) < len(weeks)
    for one in weeks:
        week = recounted[one.week, one.model]
        if max(outcome_from(answer.as_of) for answer in week.values()) + CHURN_DAYS > END:
            assert one.realised is None
            assert one.bands == ()
            assert one.customers == len(week)
            continue
        outcomes = []
        for customer, answer in week.items():
            t = outcome_from(answer.as_of)
            if any(t - ACTIVE <= moment < t for moment in moments_of[customer]):
                left = not any(t <= moment < t + CHURN_DAYS for moment in moments_of[customer])
                outcomes.append((answer.risk or 0.0, int(left), customer))
        check_week(one, outcomes)
    counts = inside(weeks)
    assert counts["churn_rate"][1] == len(ended)
    assert counts["churn_rate"][0] < len(ended) / 2  # random risks are not calibrated, and that is seen


def check_week(one: RiskWeek, outcomes: list[tuple[float, int, str]]) -> None:
    assert one.realised is not None
    assert one.customers == len(outcomes)
    rate = sum(left for _, left, _ in outcomes) / len(outcomes)
    assert one.realised["churn_rate"].value == pytest.approx(rate)
    right = pairs = 0.0
    for risk, left, _ in outcomes:
        for other, stays, _ in outcomes:
            if left and not stays:
                pairs += 1
                right += 1.0 if risk > other else 0.5 if risk == other else 0.0
    assert one.realised["roc_auc"].value == pytest.approx(right / pairs)
    assert one.realised["roc_auc"].low < right / pairs < one.realised["roc_auc"].high
    ordered = sorted(outcomes, key=lambda row: (-row[0], row[2]))
    top = ordered[: max(1, round(0.1 * len(ordered)))]
    assert one.realised["lift_at_10"].value == pytest.approx(sum(left for _, left, _ in top) / len(top) / rate)
    by_risk = sorted(outcomes, key=lambda row: (row[0], row[2]))
    error = sum(
        abs(sum(by_risk[i][0] - by_risk[i][1] for i in part)) for part in np.array_split(range(len(by_risk)), 15)
    )
    assert one.realised["ece"].value == pytest.approx(error / len(by_risk))
    for band in one.bands:
        last = band.high == BANDS[-1]
        held = [(r, left) for r, left, _ in outcomes if band.low <= r < band.high or (last and r == band.high)]
        assert band.customers == len(held)
        assert band.churned == pytest.approx(sum(left for _, left in held) / len(held))
        assert band.risk == pytest.approx(sum(risk for risk, _ in held) / len(held))
    assert sum(band.customers for band in one.bands) == len(outcomes)


def test_offers_equal_a_recount(world: World, lines: pd.DataFrame, moments_of: dict[str, list[datetime]]) -> None:
    popular = lines["product_id"].value_counts().index[:40].tolist()
    kinds = ("repeat", "cross_sell")

    def offers(rng: np.random.Generator) -> tuple[tuple[str, str], ...]:
        return tuple(
            (product, kinds[int(rng.integers(2))]) for product in rng.choice(popular, 3, replace=False).tolist()
        )

    answers = asked(moments_of, name="encore-next-product", values={"offers": offers})
    weeks = {
        (one.week, one.model): one
        for one in offer_weeks(with_outcomes(NEXT_PRODUCT, world.settings, as_log(answers), END))
    }
    products = pd.read_parquet(table_path(StoreSettings(data=world.directory / "data"), "products"))
    inactive = set(products[products["active"].eq(False)]["product_id"])  # such as fuel, which is never offered
    goods = lines[(lines["quantity"] > 0) & (lines["amount"] > 0) & ~lines["product_id"].isin(inactive)]
    bought: dict[tuple[str, str], list[datetime]] = {}
    for row in goods.itertuples():
        bought.setdefault((str(row.customer_id), str(row.product_id)), []).append(row.event_timestamp)  # type: ignore[arg-type]
    ended = 0
    for key, week in last_of_week(answers).items():
        if max(outcome_from(answer.as_of) for answer in week.values()) + OFFER_DAYS > END:
            assert key not in weeks
            continue
        ended += 1
        check_offers(weeks[key], week, bought)
    assert len(weeks) == ended > 10
    assert sum(one.all.bought for one in weeks.values()) > 50


def check_offers(one: OfferWeek, week: dict[str, Answer], bought: dict[tuple[str, str], list[datetime]]) -> None:
    counts: dict[str | int, list[int]] = {}
    for customer, answer in week.items():
        for place, (product, kind) in enumerate(answer.offers or (), start=1):
            moments = bought.get((customer, product), [])
            hit = any(answer.as_of <= moment < answer.as_of + OFFER_DAYS for moment in moments)
            for group in ("all", kind, place):
                counts.setdefault(group, [0, 0])
                counts[group][0] += 1
                counts[group][1] += hit
    assert one.customers == len(week)
    assert [one.all.shown, one.all.bought] == counts.pop("all")
    found: dict[str | int, Shown] = {}
    for groups in (one.by_kind, one.by_place):
        found.update(groups)  # type: ignore[arg-type]
    assert {name: [shown.shown, shown.bought] for name, shown in found.items()} == counts
