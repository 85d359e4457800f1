"""All rules together: on features of generated histories, day by day, and on data that lack tables."""

import itertools
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.arrays import Columns, Floats
from features.vectors import columns_from_frame, with_ages
from features.views import activity, cycle, subscription, value
from features.views.view import FeatureView
from tests.features.events import SNAPSHOTS, make_products, make_subscriptions, make_transactions, records
from tests.features.views.computed import frame_of, inputs_of, tables
from training.segments.ladder import RUNGS
from training.segments.rfm import GROUPS
from training.segments.settings import FixedCuts, SegmentSettings, StageSettings
from training.segments.stages import RANKS, STAGES
from training.segments.standing import Cuts, stand

SETTINGS = SegmentSettings()
ROWS = ("customer_id", "event_timestamp", "created_timestamp")


def features(con: Any, views: tuple[FeatureView, ...], given: Any, moments: Any) -> pd.DataFrame:
    """The rows of some views beside each other."""
    inputs = inputs_of(con, given, moments)
    joined = pd.DataFrame(columns=list(ROWS[:2]))
    for view in views:
        frame = frame_of(con, view, inputs).drop(columns="created_timestamp")
        joined = joined.merge(frame, on=list(ROWS[:2]), how="outer") if len(joined) else frame
    return joined


def columns_at(frame: pd.DataFrame) -> Columns:
    """The columns that models read, of rows of one or more moments."""
    numbers = {str(name): frame[name] for name in frame.columns if name not in ROWS}
    # numbers of DuckDB that are whole and may be missing come as objects
    typed = pd.DataFrame({name: pd.to_numeric(one) if one.dtype == object else one for name, one in numbers.items()})
    seconds: Floats = np.array([moment.timestamp() for moment in frame["event_timestamp"]], dtype="float64")
    return with_ages(columns_from_frame(typed), seconds)


def test_no_stage_flickers_without_an_event(con: Any) -> None:
    lines = make_transactions(11, 300)
    lines = lines[lines["event_timestamp"] < SNAPSHOTS[0]]
    moments = [SNAPSHOTS[0] + timedelta(days=day) for day in range(-50, 110)]
    frame = features(con, (activity.VIEW, value.VIEW, cycle.VIEW), tables(transactions=lines), moments)
    columns = columns_at(frame)
    frame["stage"] = stand(columns, Cuts.learn(columns, SETTINGS), SETTINGS).stage
    quiet = moved = 0
    for customer, mine in frame.groupby("customer_id"):
        events = [row for row in records(lines) if row["customer_id"] == customer]
        times = [row[name] for row in events for name in ("event_timestamp", "created_timestamp", "replaced_timestamp")]
        rows = records(mine.sort_values("event_timestamp"))
        for before, after in itertools.pairwise(rows):
            if any(before["event_timestamp"] <= one <= after["event_timestamp"] for one in times if not pd.isna(one)):
                continue
            quiet += 1
            moved += before["stage"] != after["stage"]
            rank, following = RANKS[before["stage"]], RANKS[after["stage"]]
            assert following > rank or before["stage"] == after["stage"]
    assert quiet > 200
    assert moved >= 10
    assert set(frame["stage"]) > {"mature", "lapsed", "lost"}


def test_everybody_with_a_purchase_stands_somewhere(con: Any) -> None:
    given = tables(transactions=make_transactions(3), products=make_products())
    columns = columns_at(features(con, (activity.VIEW, value.VIEW, cycle.VIEW), given, SNAPSHOTS))
    found = stand(columns, Cuts.learn(columns, SETTINGS), SETTINGS)
    assert len(found.stage) == len(columns["recency_days"]) > 5
    assert set(found.stage) <= set(STAGES)
    assert set(found.rfm_group) <= set(GROUPS)
    assert set(found.ladder) <= set(RUNGS)
    assert "several_categories" in set(found.ladder)
    for scores in (found.recency_score, found.frequency_score, found.monetary_score):
        assert set(scores) <= {1, 2, 3, 4, 5}


def test_contracts_without_order_lines_have_a_stage_and_a_rung(con: Any) -> None:
    given = tables(subscriptions=make_subscriptions(2))
    columns = columns_at(features(con, (subscription.VIEW, cycle.VIEW), given, SNAPSHOTS))
    found = stand(columns, Cuts.learn(columns, SETTINGS), SETTINGS)
    assert len(found.stage) > 10
    assert set(found.stage) <= set(STAGES)
    assert {"mature", "declining"} <= set(found.stage)
    assert set(found.ladder) <= {"first_purchase", "repeated"}
    assert set(found.rfm_group) == {""}
    assert np.isnan(found.recency_score).all()


def test_one_customer_stands_where_all_of_them_together_do(con: Any) -> None:
    given = tables(transactions=make_transactions(3), products=make_products(), subscriptions=make_subscriptions(3))
    views = (activity.VIEW, value.VIEW, subscription.VIEW, cycle.VIEW)
    columns = columns_at(features(con, views, given, SNAPSHOTS[1:]))
    cuts = Cuts.learn(columns, SETTINGS)
    together = stand(columns, cuts, SETTINGS)
    assert len(together.stage) > 10
    for place in range(len(together.stage)):
        alone = stand({name: values[place : place + 1] for name, values in columns.items()}, cuts, SETTINGS)
        for name, values in vars(together).items():
            assert str(getattr(alone, name)[0]) == str(values[place]), name


def test_customers_without_purchases_and_contracts_stand_nowhere() -> None:
    columns = {"contacts_total": np.array([3.0, 0.0])}
    found = stand(columns, Cuts.learn(columns, SETTINGS), SETTINGS)
    for name in ("rfm_group", "stage", "ladder"):
        assert getattr(found, name).tolist() == ["", ""]
    assert np.isnan(found.frequency_score).all()
    assert len(stand({}, Cuts.learn({}, SETTINGS), SETTINGS).stage) == 0


def test_what_is_learned_is_the_median_gap_unless_there_is_none() -> None:
    columns = {"gap_mean": np.array([5.0, np.nan, 7.0, 90.0])}
    assert Cuts.learn(columns, SETTINGS).typical_gap == 7.0
    settings = SegmentSettings(stages=StageSettings(typical_gap_days=99))
    assert Cuts.learn({"gap_mean": np.array([np.nan])}, settings).typical_gap == 99.0


def test_fixed_limits_take_the_place_of_learned_ones() -> None:
    cuts = FixedCuts(recency_days=(7, 14, 28, 84), orders=(1, 2, 5, 10), amount=(10, 20, 50, 100))
    columns = {"recency_days": np.array([1.0]), "baskets_total": np.array([1.0]), "amount_total": np.array([1000.0])}
    settings = SegmentSettings(rfm_cuts=cuts)
    found = stand(columns, Cuts.learn(columns, settings), settings)
    scores = found.recency_score, found.frequency_score, found.monetary_score
    assert [one.tolist() for one in scores] == [[5.0], [1.0], [5.0]]
    assert found.rfm_group.tolist() == ["potential_loyalists"]


@pytest.mark.parametrize("name", ["recency_days", "cycle_purchase_days"])
def test_a_column_that_is_missing_leaves_the_stage_open(name: str) -> None:
    columns = {"recency_days": np.array([1.0]), "cycle_purchase_days": np.array([5.0]), "gap_mean": np.array([9.0])}
    assert stand(columns, Cuts.learn(columns, SETTINGS), SETTINGS).stage.tolist() == ["mature"]
    del columns[name]
    assert stand(columns, Cuts.learn(columns, SETTINGS), SETTINGS).stage.tolist() == [""]
