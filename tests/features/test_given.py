"""Snapshots that labels name: split by time where there are enough, else by customers."""

from datetime import UTC, datetime, timedelta

import pytest

from core.errors import DataError
from features.given import assigned_snapshots, group_of, split_given, with_assigned, with_given
from features.settings import TimeSettings
from features.snapshots import Schedule, Windows, make_schedule
from training.churn.settings import ChurnSettings

START, DAY = datetime(2024, 1, 1, tzinfo=UTC), timedelta(days=1)
MONTHS = [datetime(2024, month, 1, tzinfo=UTC) for month in range(1, 13)]


@pytest.mark.parametrize("count", range(3, 13))
@pytest.mark.parametrize("reach", [1, 28])
def test_no_label_window_reaches_into_the_next_group(count: int, reach: int) -> None:
    split = split_given("churn", Windows(reach, validation=3, given=True), MONTHS[:count])
    assert not split.by_customers
    assert split.train
    assert 1 <= len(split.validation) <= 3
    assert split.test == tuple(MONTHS[:count][-len(split.test) :])
    for earlier, later in ((split.train, split.validation), (split.validation, split.test)):
        assert max(earlier) + timedelta(days=reach) <= min(later)
    assert len(set(split.every)) == len(split.every)


@pytest.mark.parametrize("count", [1, 2])
def test_with_fewer_snapshots_customers_are_split(count: int) -> None:
    split = split_given("churn", Windows(28, validation=3, given=True), MONTHS[:count])
    assert split.by_customers
    assert split.every == split.train == split.validation == split.test == tuple(MONTHS[:count])


def test_windows_that_reach_from_snapshot_to_snapshot_are_refused_with_the_remedy() -> None:
    weeks = [MONTHS[0] + timedelta(days=7 * week) for week in range(4)]
    with pytest.raises(DataError, match="28-day windows") as refused:
        split_given("churn", Windows(28, validation=3, given=True), weeks)
    assert "churn.horizon_days" in refused.value.remedy
    assert split_given("churn", Windows(7, validation=3, given=True), weeks).train == tuple(weeks[:2])


def test_tests_can_be_configured_among_the_snapshots_only() -> None:
    chosen = split_given("churn", Windows(28, tests=(MONTHS[5],), validation=1, given=True), MONTHS[:8])
    assert (chosen.test, chosen.validation) == ((MONTHS[5],), (MONTHS[4],))
    with pytest.raises(DataError, match="snapshots of the labels, found 2023-01-01"):
        split_given("churn", Windows(28, tests=(datetime(2023, 1, 1, tzinfo=UTC),), given=True), MONTHS)


def test_a_customer_is_always_in_the_same_group() -> None:
    ids = [f"c{number}" for number in range(20_000)]
    found = [group_of(customer) for customer in ids]
    assert found == [group_of(customer) for customer in ids]
    shares = {name: found.count(name) / len(found) for name in ("train", "validation", "test")}
    assert shares == pytest.approx({"train": 0.6, "validation": 0.2, "test": 0.2}, abs=0.02)
    # a group that moves would test a model on customers that it has learned from
    assert [group_of(customer) for customer in ("C10017", "a", "客户")] == ["validation", "train", "train"]


def test_features_are_needed_at_the_labels_and_at_now() -> None:
    now = datetime(2025, 1, 1, tzinfo=UTC)
    grid = Schedule(MONTHS[0], now, (), {}, {})
    added = with_given(grid, {"churn": Windows(28, validation=3, given=True)}, MONTHS[:4])
    assert added.needed["churn"] == (*MONTHS[:4], now)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_snapshots_of_assignments_are_split_by_customers_and_none_is_no_error(count: int) -> None:
    grid = make_schedule(TimeSettings(), {"churn": ChurnSettings().windows}, START, START + 400 * DAY)
    midnights = tuple(START + (100 + 9 * place) * DAY for place in range(count))
    added = with_assigned(grid, {"uplift": Windows(28, assigned=True)}, midnights)
    assert added.needed["uplift"] == tuple(sorted({*midnights, grid.as_of}))
    assert added.splits["uplift"].every == midnights
    assert added.splits["uplift"].by_customers == bool(count)
    # the other models see none of it
    assert (added.grid, added.splits["churn"], added.needed["churn"]) == (
        grid.grid,
        grid.splits["churn"],
        grid.needed["churn"],
    )


def test_of_assignments_the_last_sixty_that_something_is_known_at_are_taken() -> None:
    midnights = [START + place * DAY for place in range(-3, 200)]
    as_of = START + 150 * DAY
    assert assigned_snapshots(midnights, START, as_of) == tuple(START + day * DAY for day in range(91, 151))
    assert assigned_snapshots(midnights[:6], START, as_of) == (START + DAY, START + 2 * DAY)
    assert assigned_snapshots(midnights[:6], START + timedelta(hours=1), as_of) == (START + DAY, START + 2 * DAY)
    # attributes are known without events
    assert assigned_snapshots(midnights[:6], None, as_of) == tuple(midnights[:6])
    assert assigned_snapshots([as_of + DAY], None, as_of) == ()
