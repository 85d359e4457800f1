"""Quiet hours, the global holdout, and exclusive campaigns."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.decisions.policy import Policy, in_global_holdout, not_before

_BERLIN = ZoneInfo("Europe/Berlin")


def _quiet(start: str, end: str, zone: str = "Europe/Berlin") -> Policy:
    return Policy.model_validate({"quiet": {"start": start, "end": end, "timezone": zone}})


@pytest.mark.parametrize(
    ("start", "end", "now", "first"),
    [
        ("21:00", "08:00", "2026-07-01 20:59", "2026-07-01 20:59"),
        ("21:00", "08:00", "2026-07-01 21:00", "2026-07-02 08:00"),
        ("21:00", "08:00", "2026-07-02 07:59", "2026-07-02 08:00"),
        ("21:00", "08:00", "2026-07-02 08:00", "2026-07-02 08:00"),
        ("12:00", "14:00", "2026-07-01 11:59", "2026-07-01 11:59"),
        ("12:00", "14:00", "2026-07-01 13:00", "2026-07-01 14:00"),
        ("00:00", "06:00", "2026-07-01 00:00", "2026-07-01 06:00"),
        ("22:00", "00:00", "2026-07-01 23:00", "2026-07-02 00:00"),
        # summer time begins: the night has an hour less, and 02:30 is on no clock
        ("21:00", "08:00", "2026-03-28 22:00", "2026-03-29 08:00"),
        ("21:00", "02:30", "2026-03-29 01:30", "2026-03-29 03:00"),
        # it ends: the night has an hour more
        ("21:00", "08:00", "2026-10-24 22:00", "2026-10-25 08:00"),
    ],
)
def test_contacts_wait_for_the_end_of_the_quiet_hours(start: str, end: str, now: str, first: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=_BERLIN)
    expected = datetime.fromisoformat(first).replace(tzinfo=_BERLIN)
    assert not_before(_quiet(start, end), moment.astimezone(UTC)) == expected.astimezone(UTC)


def test_of_an_hour_that_is_shown_twice_each_half_is_looked_at() -> None:
    quiet = _quiet("21:00", "02:30")
    # 02:10 in summer time, and an hour later again in winter time
    summer, winter = (datetime(2026, 10, 25, hour, 10, tzinfo=UTC) for hour in (0, 1))
    assert not_before(quiet, summer) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert not_before(quiet, winter) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_without_quiet_hours_now_is_the_moment() -> None:
    now = datetime(2026, 1, 1, 3, 4, 5, 6, tzinfo=_BERLIN)
    assert not_before(Policy(), now) == now
    assert not_before(Policy(), now).tzinfo == UTC


@given(
    st.times().map(lambda one: one.replace(second=0, microsecond=0)),
    st.times().map(lambda one: one.replace(second=0, microsecond=0)),
    st.integers(1_577_836_800_000, 1_893_456_000_000).map(lambda milli: datetime.fromtimestamp(milli / 1e3, UTC)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_the_moment_is_never_quiet_nor_later_than_it_has_to_be(
    start: time, end: time, now: datetime, zone: str
) -> None:
    if start == end:
        return
    policy = _quiet(f"{start:%H:%M}", f"{end:%H:%M}", zone)
    assert policy.quiet is not None
    first = not_before(policy, now)
    assert first >= now
    assert not policy.quiet.covers(first)
    # everything before it is quiet, looked at in steps that do not start at whole minutes
    waited = (first - now) / 7
    assert all(policy.quiet.covers(now + waited * step) for step in range(7)) or waited == timedelta()


def test_the_holdout_is_the_same_for_ever_and_has_its_share() -> None:
    customers = [f"c{number}" for number in range(20_000)]
    small, large = Policy(holdout=0.05), Policy(holdout=0.1)
    chosen = [one for one in customers if in_global_holdout(small, one)]
    assert 0.045 < len(chosen) / len(customers) < 0.055
    assert all(in_global_holdout(large, one) for one in chosen)
    # a change of the hash would put customers into the holdout who were contacted before
    assert chosen[:3] == ["c27", "c90", "c92"]
    assert [one for one in customers[:200] if in_global_holdout(Policy(holdout_name="other"), one)] != chosen[:9]
    assert not any(in_global_holdout(Policy(holdout=0), one) for one in customers)


def test_rivals_are_the_other_campaigns_of_the_groups() -> None:
    policy = Policy.model_validate({"exclusive": [["spring", "easter"], ["spring", "vip", "club"]]})
    assert policy.rivals("spring") == {"easter", "vip", "club"}
    assert policy.rivals("club") == {"spring", "vip"}
    assert policy.rivals("summer") == frozenset()
