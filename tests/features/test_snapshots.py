"""The layout of snapshots: no label of one group reaches into the next."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DataError
from features.settings import TimeSettings
from features.snapshots import Split, make_schedule, resolve_as_of
from training.churn.settings import ChurnSettings
from training.customer_value.settings import ValueSettings
from training.next_product.settings import NextProductSettings
from training.segments.settings import SegmentSettings

START = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
CHURN = {"churn": ChurnSettings().windows}


@given(
    days=st.integers(200, 900),
    horizon=st.integers(7, 42),
    gap=st.integers(0, 14),
    spacing=st.integers(3, 14),
)
def test_labels_never_overlap_the_next_group(days: int, horizon: int, gap: int, spacing: int) -> None:
    time = TimeSettings(snapshot_spacing_days=spacing)
    churn, following = ChurnSettings(horizon_days=horizon, gap_days=gap), NextProductSettings()
    as_of = START + days * DAY
    try:
        schedule = make_schedule(time, {"churn": churn.windows, "next_product": following.windows}, START, as_of)
    except DataError:
        return
    splits, following_reach = schedule.splits, following.horizon_days * DAY
    reach = (horizon + gap) * DAY
    assert max(splits["churn"].train) + reach <= min(splits["churn"].validation)
    assert max(splits["churn"].validation) + reach <= min(splits["churn"].test)
    assert max(splits["churn"].test) + reach <= as_of
    assert max(splits["next_product"].train) + following_reach <= min(splits["next_product"].test)
    for needed in schedule.needed.values():
        assert needed[0] >= START + time.min_history_days * DAY
        assert needed[-1] == schedule.as_of
        assert list(needed) == sorted(needed)
    assert set(splits["next_product"].every) < set(schedule.needed["next_product"])
    assert set(schedule.grid) <= set(schedule.needed["churn"])


def test_a_model_of_sales_needs_nothing_where_nothing_is_sold() -> None:
    models = {"churn": ChurnSettings().windows, "next_product": NextProductSettings().windows}
    schedule = make_schedule(TimeSettings(), models, START, START + 600 * DAY, sells=False)
    assert schedule.splits["churn"].test
    assert schedule.splits["next_product"].every == ()


def test_without_validation_every_snapshot_before_the_tests_is_trained_on() -> None:
    value = ValueSettings(horizon_days=91)
    split = make_schedule(TimeSettings(), {"value": value.windows}, START, START + 600 * DAY).splits["value"]
    assert split.validation == ()
    assert max(split.train) + 91 * DAY <= min(split.test)
    assert min(split.test) - 91 * DAY - max(split.train) < TimeSettings().snapshot_spacing_days * DAY
    assert len(split.train) > 30


def test_a_history_too_short_for_an_optional_model_leaves_the_others_alone() -> None:
    models = CHURN | {"value": ValueSettings().windows}
    schedule = make_schedule(TimeSettings(), models, START, START + 240 * DAY)
    assert schedule.splits["churn"].train
    assert schedule.splits["value"] == Split()
    assert schedule.needed["value"] == (schedule.as_of,)
    configured = ValueSettings(test_snapshots=(START + 120 * DAY,))
    with pytest.raises(DataError, match="value: expected training snapshots"):
        make_schedule(TimeSettings(), CHURN | {"value": configured.windows}, START, START + 240 * DAY)


def test_without_labels_the_customers_of_now_are_the_only_snapshot() -> None:
    segments = {"segments": SegmentSettings().windows}
    schedule = make_schedule(TimeSettings(), CHURN | segments, START, START + 400 * DAY)
    alone = make_schedule(TimeSettings(), CHURN, START, START + 400 * DAY)
    now = (schedule.as_of,)
    assert schedule.splits["segments"] == Split(train=now, test=now, by_customers=True)
    assert schedule.splits["segments"].every == schedule.needed["segments"] == now
    assert (schedule.grid, schedule.splits["churn"]) == (alone.grid, alone.splits["churn"])
    unsold = make_schedule(TimeSettings(), CHURN | segments, START, START + 400 * DAY, sells=False)
    assert unsold.splits["segments"] == Split()


def test_a_single_snapshot_is_an_error() -> None:
    with pytest.raises(DataError, match=r"several snapshots.*found 1.*longer history"):
        make_schedule(TimeSettings(), CHURN, START, START + 88 * DAY)


def test_a_history_too_short_to_train_is_an_error() -> None:
    with pytest.raises(DataError, match=r"churn: expected training snapshots.*28-day"):
        make_schedule(TimeSettings(), CHURN, START, START + 140 * DAY)


def test_test_snapshots_outside_the_data_are_an_error() -> None:
    churn = ChurnSettings(test_snapshots=(datetime(2030, 1, 1, tzinfo=UTC),))
    with pytest.raises(DataError, match=r"churn\.test_snapshots.*2030-01-01"):
        make_schedule(TimeSettings(), {"churn": churn.windows}, START, START + 600 * DAY)


def test_a_label_window_that_is_not_over_is_an_error() -> None:
    churn = ChurnSettings(test_snapshots=(START + 590 * DAY,))
    with pytest.raises(DataError, match=r"churn\.test_snapshots.*label window"):
        make_schedule(TimeSettings(), {"churn": churn.windows}, START, START + 600 * DAY)


def test_now_is_what_is_configured() -> None:
    last, now = START + 0.4 * DAY, START + 99 * DAY
    assert resolve_as_of(TimeSettings(), last, now) == START + DAY
    assert resolve_as_of(TimeSettings(as_of="now"), last, now + 0.7 * DAY) == now
    assert resolve_as_of(TimeSettings(as_of=START), last, now) == START


@pytest.mark.parametrize("behind", [1, 12, 58])
def test_labels_end_where_the_data_do_whatever_is_taken_for_now(behind: int) -> None:
    end = START + 400 * DAY
    models = CHURN | {"next_product": NextProductSettings().windows}
    stale = make_schedule(TimeSettings(), models, START, end + behind * DAY, complete={"transactions": end})
    fresh = make_schedule(TimeSettings(), models, START, end, complete={"transactions": end})
    assert (stale.grid, stale.splits) == (fresh.grid, fresh.splits)
    assert {*stale.needed["churn"], end} == {*fresh.needed["churn"], end + behind * DAY}
    assert max(stale.splits["churn"].test) + 28 * DAY <= end


def test_the_past_does_not_move_when_the_data_grow() -> None:
    grids = [make_schedule(TimeSettings(), CHURN, START, START + days * DAY).grid for days in range(400, 415)]
    for before, after in pairwise(grids):
        assert after[: len(before)] == before
        assert len(after) - len(before) <= 1
    assert {later - earlier for earlier, later in pairwise(grids[-1])} == {7 * DAY}
    # the next moments are those of any other data, too
    other = make_schedule(TimeSettings(), CHURN, START + 3.3 * DAY, START + 414 * DAY).grid
    assert set(other) <= set(grids[-1])


def test_each_model_asks_for_the_table_that_its_labels_come_from() -> None:
    contracts = ChurnSettings(kind="contractual", horizon_days=14, grace_days=7)
    models = {"churn": contracts.windows, "next_product": NextProductSettings().windows}
    as_of = START + 400 * DAY
    splits = make_schedule(
        TimeSettings(), models, START, as_of, complete={"transactions": as_of, "subscriptions": as_of - 40 * DAY}
    ).splits
    assert max(splits["churn"].test) + 21 * DAY <= as_of - 40 * DAY
    assert max(splits["next_product"].test) + 14 * DAY > as_of - 40 * DAY


def test_a_test_snapshot_after_the_data_is_refused_with_the_cause() -> None:
    end = START + 400 * DAY
    churn = ChurnSettings(test_snapshots=(end - 20 * DAY,))
    with pytest.raises(DataError, match="the data are complete until 2025-02-04, 30 days before now"):
        make_schedule(TimeSettings(), {"churn": churn.windows}, START, end + 30 * DAY, complete={"transactions": end})


def test_snapshots_before_which_nobody_bought_are_left_out() -> None:
    last, following = START + 400 * DAY, START + 900 * DAY
    models = CHURN | {"next_product": NextProductSettings(training_snapshots=12).windows}
    schedule = make_schedule(TimeSettings(), models, START, following + 60 * DAY, gaps=[(last, following)])
    for name in models:
        moments = schedule.needed[name]
        assert not [t for t in moments if last + 56 * DAY < t <= following]
        assert [t for t in moments if t <= last + 56 * DAY]
        assert [t for t in moments if t > following]
    # as many as without a gap, reached by going further back
    assert len(schedule.splits["next_product"].train) == 12
    contracts = {"churn": ChurnSettings(kind="contractual").windows}
    kept = make_schedule(TimeSettings(), contracts, START, following + 60 * DAY, gaps=[(last, following)])
    assert kept == make_schedule(TimeSettings(), contracts, START, following + 60 * DAY)
