"""Stages against a plain if-else of one customer, and what holds for any customer: without an event only onward."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.arrays import Columns
from training.segments.settings import StageSettings
from training.segments.stages import RANKS, STAGES, spending_change, stages

SETTINGS = StageSettings()
TYPICAL = 20.0


def customer(amounts: list[float], gaps: list[int], recency: float) -> Columns:
    """The columns of one customer, as the views have them, from amounts of purchase days and the gaps between."""
    recent = min(len(gaps), max(3, min(12, len(gaps) // 3)))
    earlier = min(2 * recent, len(gaps) - recent)
    first = len(gaps) - recent - earlier

    def mean(values: list[float] | list[int]) -> float:
        return float(np.mean(values)) if values else math.nan

    found = {
        "cycle_purchase_days": float(len(amounts)),
        "recency_days": recency,
        "amount_total": float(sum(amounts)),
        "gap_mean": mean(gaps),
        "gap_std": float(np.std(gaps)) if gaps else math.nan,
        "cycle_longest_recent_gap": float(max(gaps[-3:], default=math.nan)),
        "cycle_recent_gap": mean(gaps[-recent:]) if gaps else math.nan,
        "cycle_earlier_gap": mean(gaps[first:-recent]) if earlier else math.nan,
        "cycle_recent_amount": mean(amounts[-recent:]) if gaps else math.nan,
        "cycle_earlier_amount": mean(amounts[1:][first:-recent]) if earlier else math.nan,
        "cycle_amount_std": float(np.std(amounts)),
    }
    return {name: np.array([value]) for name, value in found.items()}


def naive(amounts: list[float], gaps: list[int], recency: float) -> str:  # noqa: PLR0911 - one rule after the other
    usual = (sum(gaps) + 2 * TYPICAL) / (len(gaps) + 2)
    if recency >= max(6 * usual, 84):
        return "lost"
    if recency >= max(3 * usual, 28):
        return "lapsed"
    back = False
    if gaps:
        longest = max(gaps[-3:])
        without = (sum(gaps) - longest + 2 * TYPICAL) / (len(gaps) - 1 + 2)
        back = longest > max(3 * without, 28) - 1
    if len(amounts) < 3 and not back:
        return "new"
    if recency >= max(2 * usual, 14):
        return "declining"
    if back:
        return "won_back"
    columns = customer(amounts, gaps, recency)
    now, before = (
        float(columns[f"cycle_{group}_amount"][0] / columns[f"cycle_{group}_gap"][0]) for group in ("recent", "earlier")
    )
    if math.isnan(before) or (now <= 0 and before <= 0):
        return "mature"
    recent = max(3, min(12, len(gaps) // 3))
    errors = np.std(gaps) ** 2 / np.mean(gaps) ** 2 + np.std(amounts) ** 2 / np.mean(amounts) ** 2
    noise = math.sqrt(errors * (1 / recent + 1 / min(2 * recent, len(gaps) - recent)))
    clear = max(math.log(1.25), 2 * noise)
    change = (math.log(now) if now > 0 else -math.inf) - (math.log(before) if before > 0 else -math.inf)
    return "declining" if change < -clear else "growing" if change > clear else "mature"


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[float], list[int]]:
    """Amounts and gaps, steady or wild, some customers with a jump in the middle."""
    count = draw(st.integers(1, 40))
    pace = draw(st.integers(1, 90))
    spread = draw(st.integers(0, 3))
    gaps = [max(1, pace + draw(st.integers(-spread, spread))) for _ in range(count - 1)]
    amounts = [draw(st.floats(5, 6)) for _ in range(count)]
    factor, place = draw(st.sampled_from((1, 1, 2, 4, 9))), draw(st.integers(0, count))
    amounts = amounts[:place] + [one * factor for one in amounts[place:]]
    if draw(st.booleans()) and gaps:
        gaps[draw(st.integers(0, len(gaps) - 1))] = draw(st.integers(1, 700))
    return amounts, gaps


@given(histories(), st.floats(0, 900))
def test_stages_equal_a_plain_reading_of_the_rules(history: tuple[list[float], list[int]], recency: float) -> None:
    amounts, gaps = history
    found = stages(customer(amounts, gaps, recency), TYPICAL, SETTINGS, 1)
    assert found.tolist() == [naive(amounts, gaps, recency)]


@given(histories())
def test_without_an_event_a_customer_only_moves_on(history: tuple[list[float], list[int]]) -> None:
    amounts, gaps = history
    days = np.arange(0, 800.0)
    one = customer(amounts, gaps, 0)
    columns = {name: np.repeat(values, len(days)) for name, values in one.items()} | {"recency_days": days}
    found = stages(columns, TYPICAL, SETTINGS, len(days)).tolist()
    ranks = [RANKS[stage] for stage in found]
    assert ranks == sorted(ranks)
    assert len(set(found)) == len(set(ranks))  # nor does one stage follow another of its rank
    assert found[-1] == "lost" or (sum(gaps) + 2 * TYPICAL) / (len(gaps) + 2) * 6 > 799


@given(histories(), st.integers(0, 900))
def test_a_lapsed_customer_who_buys_is_won_back(history: tuple[list[float], list[int]], recency: int) -> None:
    amounts, gaps = history
    before = stages(customer(amounts, gaps, recency), TYPICAL, SETTINGS, 1)[0]
    # dates may be a day less apart than moments
    for gap in (max(1, recency - 1), recency + 1):
        after = stages(customer([*amounts, 5.0], [*gaps, gap], 0.1), TYPICAL, SETTINGS, 1)[0]
        if before in {"lapsed", "lost"} and gap > recency - 1:
            assert after == "won_back"
        if gaps and before not in {"lapsed", "lost"} and max(gaps[-2:]) < 28 and gap < 28:
            assert after != "won_back"


@pytest.mark.parametrize(
    ("amounts", "gaps", "recency", "stage"),
    [
        ([10], [], 1, "new"),
        ([10, 10], [7], 1, "new"),
        ([10] * 30, [7] * 29, 3, "mature"),
        ([10] * 30, [7] * 29, 17, "declining"),
        ([10] * 30, [7] * 29, 30, "lapsed"),
        ([10] * 30, [7] * 29, 90, "lost"),
        ([10] * 20 + [20] * 10, [7] * 29, 3, "growing"),
        ([20] * 20 + [10] * 10, [7] * 29, 3, "declining"),
        ([10] * 30, [7] * 20 + [14] * 9, 3, "declining"),  # as much a visit, half as often
        ([10] * 30, [90] * 29, 100, "mature"),  # a slow customer is in no hurry
        ([10] * 30, [90] * 29, 300, "lapsed"),
        ([10] * 30, [7] * 28 + [120], 3, "won_back"),
        ([10] * 32, [7] * 28 + [120, 7, 7], 3, "won_back"),
        ([10] * 33, [7] * 28 + [120, 7, 7, 7], 3, "mature"),
        ([10] * 2, [300], 20, "won_back"),  # beside a typical gap of 20 days
        ([10] * 5, [300] * 4, 20, "mature"),  # which does not count for one with a rhythm of their own
        ([10] * 31 + [0], [7] * 31, 3, "mature"),  # goods of one day came back: could be chance
        ([10] * 28 + [0] * 4, [7] * 31, 3, "declining"),
    ],
)
def test_examples(amounts: list[float], gaps: list[int], recency: float, stage: str) -> None:
    assert stages(customer(amounts, gaps, recency), TYPICAL, SETTINGS, 1).tolist() == [stage]
    assert naive(amounts, gaps, recency) == stage


def test_every_stage_is_one_of_the_seven() -> None:
    assert set(STAGES) == {"new", "growing", "mature", "declining", "lapsed", "lost", "won_back"}


def test_the_error_of_a_change_is_that_of_a_simulation() -> None:
    """The standard error is about the spread of changes among steady customers, who differ by chance alone."""
    rng = np.random.default_rng(5)
    changes, errors = [], []
    for _ in range(600):
        gaps = (1 + rng.poisson(6, 36)).tolist()
        amounts = rng.gamma(9, 2.0, 37).tolist()
        change, noise = spending_change(customer(amounts, gaps, 1), 1)
        changes.append(change[0])
        errors.append(noise[0])
    assert abs(np.mean(errors) / np.std(changes) - 1) < 0.1


@given(
    st.floats(0, 2000),
    st.floats(0, 900),
    st.sampled_from((0, 1)),
    st.sampled_from((math.nan, 0.0, 27.0, 28.0, 400.0)),
    st.integers(1, 4),
    st.booleans(),
)
def test_contracts_only_move_on_without_an_event(
    age: float, ahead: float, cancelled: int, paused: float, total: int, runs_on: bool
) -> None:
    days = np.arange(0, 1200.0)
    ages = age + days
    over = np.full(len(days), np.nan) if runs_on else days - ahead
    columns = {
        "contracts_total": np.full(len(days), float(total)),
        "contracts_tenure_days": ages + (300 if total > 1 else 0),
        "contract_age_days": np.where(over > 0, np.nan, ages),
        "contract_cancelled": np.where(over > 0, np.nan, float(cancelled)),
        "contract_over_days": over,
        "cycle_contract_break": np.full(len(days), paused if total > 1 else math.nan),
    }
    found = stages(columns, TYPICAL, SETTINGS, len(days))
    ranks = [RANKS[stage] for stage in found]
    assert ranks == sorted(ranks)
    assert (found[-1] == "lost") == (not runs_on and ahead <= 1199 - 84)
    assert "growing" not in set(found)


@pytest.mark.parametrize(
    ("total", "tenure", "age", "cancelled", "over", "paused", "stage"),
    [
        (1, 30, 30, 0, -300, math.nan, "new"),
        (1, 30, 30, 0, math.nan, math.nan, "new"),
        (1, 200, 200, 0, -10, math.nan, "mature"),
        (3, 800, 30, 0, -300, 0, "mature"),
        (3, 800, 30, 0, -300, 28, "won_back"),
        (3, 800, 100, 0, -300, 28, "mature"),
        (3, 800, 30, 1, -300, 28, "declining"),
        (1, 400, math.nan, math.nan, 5, math.nan, "declining"),
        (1, 400, math.nan, math.nan, 28, math.nan, "lapsed"),
        (1, 400, math.nan, math.nan, 84, math.nan, "lost"),
        (math.nan, math.nan, math.nan, math.nan, math.nan, math.nan, ""),
    ],
)
def test_contracts_without_order_lines_have_a_stage(
    total: float, tenure: float, age: float, cancelled: float, over: float, paused: float, stage: str
) -> None:
    names = ("contracts_total", "contracts_tenure_days", "contract_age_days", "contract_cancelled")
    values = (total, tenure, age, cancelled)
    columns = {name: np.array([float(value)]) for name, value in zip(names, values, strict=True)}
    columns |= {"contract_over_days": np.array([float(over)]), "cycle_contract_break": np.array([float(paused)])}
    assert stages(columns, TYPICAL, SETTINGS, 1).tolist() == [stage]


def test_of_two_stages_the_one_farther_from_the_end_counts() -> None:
    contract = {
        "contracts_total": np.array([1.0]),
        "contracts_tenure_days": np.array([400.0]),
        "contract_age_days": np.array([np.nan]),
        "contract_over_days": np.array([200.0]),
    }
    buys = customer([10] * 30, [7] * 29, 3)
    assert stages(contract, TYPICAL, SETTINGS, 1).tolist() == ["lost"]
    assert stages(contract | buys, TYPICAL, SETTINGS, 1).tolist() == ["mature"]
    running = contract | {"contract_age_days": np.array([400.0]), "contract_over_days": np.array([-5.0])}
    assert stages(running | customer([10], [], 500), TYPICAL, SETTINGS, 1).tolist() == ["mature"]


def test_limits_that_cross_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"lapsed_days <= lost_days, found 14, 90, 84"):
        StageSettings(lapsed_days=90)
    with pytest.raises(ValidationError, match=r"lapsed_cycles <= lost_cycles, found 4"):
        StageSettings(declining_cycles=4)
