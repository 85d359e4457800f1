"""The layout of snapshots: no label of one group reaches into the next."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DataError
from core.settings import Settings
from features.snapshots import make_schedule, resolve_as_of

START = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@given(
    days=st.integers(200, 900),
    horizon=st.integers(7, 42),
    gap=st.integers(0, 14),
    spacing=st.integers(3, 14),
)
def test_labels_never_overlap_the_next_group(days: int, horizon: int, gap: int, spacing: int) -> None:
    settings = Settings(churn={"horizon_days": horizon, "gap_days": gap}, time={"snapshot_spacing_days": spacing})
    as_of = START + days * DAY
    try:
        schedule = make_schedule(settings, START, as_of)
    except DataError:
        return
    reach = (horizon + gap) * DAY
    assert max(schedule.churn_train) + reach <= min(schedule.churn_validation)
    assert max(schedule.churn_validation) + reach <= min(schedule.churn_test)
    assert max(schedule.churn_test) + reach <= as_of
    assert max(schedule.next_train) + settings.next_product.horizon_days * DAY <= min(schedule.next_test)
    assert min(schedule.customer_snapshots) >= START + settings.time.min_history_days * DAY
    assert schedule.as_of in schedule.customer_snapshots
    assert set(schedule.purchase_snapshots) <= set(schedule.customer_snapshots)


def test_a_single_snapshot_is_told() -> None:
    with pytest.raises(DataError, match=r"several snapshots.*found 1.*longer history"):
        make_schedule(Settings(), START, START + 88 * DAY)


def test_a_history_too_short_to_train_is_told() -> None:
    with pytest.raises(DataError, match=r"churn: expected training snapshots.*28-day"):
        make_schedule(Settings(), START, START + 140 * DAY)


def test_test_snapshots_outside_the_data_are_told() -> None:
    settings = Settings(churn={"test_snapshots": ["2030-01-01"]})
    with pytest.raises(DataError, match=r"churn\.test_snapshots.*2030-01-01"):
        make_schedule(settings, START, START + 600 * DAY)


def test_a_label_window_that_is_not_over_is_told() -> None:
    settings = Settings(churn={"test_snapshots": [(START + 590 * DAY).isoformat()]})
    with pytest.raises(DataError, match=r"churn\.test_snapshots.*label window"):
        make_schedule(settings, START, START + 600 * DAY)


def test_now_is_what_is_configured() -> None:
    last, now = START + 0.4 * DAY, START + 99 * DAY
    assert resolve_as_of(Settings(), last, now) == START + DAY
    assert resolve_as_of(Settings(time={"as_of": "now"}), last, now + 0.7 * DAY) == now
    assert resolve_as_of(Settings(time={"as_of": "2024-02-03"}), last, now) == datetime(2024, 2, 3, tzinfo=UTC)
