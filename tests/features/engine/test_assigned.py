"""Features at the assignments: of data that have nothing else, and beside those that are there already."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pandas as pd
import pytest

from core.errors import DataError
from core.settings import Settings, StoreSettings
from features.contract.assigned import write_assignments
from features.engine.build import build_features, built_schedule, outdated
from features.ingest.pipeline import ingest
from features.ingest.settings import DataSettings, InputSettings
from features.services import FeatureService, ModelSettings
from features.settings import CustomerSettings, TimeSettings
from features.snapshots import Split, Windows
from features.store.feature_store import Store
from features.store.materialized import read_online
from features.views import VIEWS
from serving.settings import default_settings
from tests import simulate_effects
from tests.features.engine.test_incremental import DAYS, NOW, START, Shop, inodes
from training.churn.pipeline import CHURN
from training.churn.settings import ChurnSettings
from training.effects.outcomes import read_assigned, read_outcomes
from training.lifecycle.runner import context_of
from training.readiness.check import check_data
from training.registry import MODELS

#: When the simulated campaign was assigned.
ASSIGNED = datetime(2026, 3, 2, tzinfo=UTC)
LATER = datetime(2026, 11, 27, tzinfo=UTC)
DAY = timedelta(days=1)


class Learner(ModelSettings):
    """A model that learns from assignments."""

    section: ClassVar[str] = "learner"
    service: ClassVar[FeatureService] = ChurnSettings.service

    @property
    def windows(self) -> Windows:
        return Windows(28, assigned=True)


@pytest.fixture(scope="module")
def mailing(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a mailing that somebody else ran, ingested."""
    folder = tmp_path_factory.mktemp("mailing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["simulate_effects", str(folder), "--customers", "600", "--seed", "3"])
        simulate_effects.main()
    inputs = (
        InputSettings(table="customers", path="customers.csv"),
        InputSettings(table="assignments", path="assignments.csv"),
        InputSettings(table="outcomes", path="outcomes.csv", columns={"retained": "stayed"}),
    )
    stores = StoreSettings(
        data=folder / "data", online=f"sqlite://{folder}/online.db", registry=f"file://{folder}/registry.db"
    )
    settings = default_settings(
        stores,
        DataSettings(source="files", root=folder, inputs=inputs),
        CustomerSettings(model_attributes=("recency_days", "complaints_84d", "online")),
        threads=1,
    ).replaced(Learner())
    ingest(settings, LATER)
    return settings


def test_customers_assignments_and_outcomes_are_enough_for_features_and_answers(mailing: Settings) -> None:
    schedule = build_features(mailing, LATER).schedule
    assert schedule.as_of == ASSIGNED + DAY
    assert schedule.splits["learner"] == Split((ASSIGNED,), (ASSIGNED,), (ASSIGNED,), by_customers=True)
    assert all(
        split == Split() for name, split in schedule.splits.items() if not name.startswith(("learner", "uplift"))
    )
    assert built_schedule(mailing)[0] == schedule
    assert outdated(mailing, LATER) is None
    store = Store(mailing)
    store.apply()
    store.materialize()
    assert read_online(mailing[StoreSettings]).as_of == ASSIGNED + DAY
    customers = pd.read_csv(mailing[DataSettings].root / "customers.csv").set_index("customer_id")
    asked = pd.DataFrame({"customer_id": customers.index[:50], "event_timestamp": pd.Timestamp(ASSIGNED)})
    rows = store.point_in_time(Learner.service, asked).set_index("customer_id").loc[asked["customer_id"]]
    for name in ("recency_days", "complaints_84d", "online"):
        assert rows[f"attribute_{name}"].astype(float).tolist() == customers[name].iloc[:50].tolist()
    assert rows["baskets_total"].isna().all()


def test_outcomes_are_those_of_the_file(mailing: Settings) -> None:
    assigned = read_assigned(mailing)
    found = read_outcomes(mailing, assigned, 28, margin=0.3)
    stated = (
        pd.read_csv(mailing[DataSettings].root / "outcomes.csv")
        .set_index("customer_id")
        .loc[assigned.customers.tolist()]
    )
    assert len(assigned) == 600
    assert set(assigned.arms) == {"call", "holdout"}
    assert found.known.all()
    assert found.values["retained"].tolist() == stated["stayed"].tolist()
    assert found.values["margin"].tolist() == pytest.approx((stated["revenue"] * 0.3).tolist())
    assert not found.before


def test_models_of_order_lines_have_nothing_to_learn_from_and_judge_nothing(mailing: Settings) -> None:
    build_features(mailing, LATER)
    with pytest.raises(DataError, match="order lines"):
        context_of(CHURN, mailing)
    checked = check_data(mailing, LATER, [one.load() for one in MODELS if one.name != "uplift"])
    assert checked.fitness == ()
    assert {one.name: one.rows for one in checked.tables if one.rows} == {
        "customers": 600,
        "assignments": 600,
        "outcomes": 600,
    }
    times = {one.name: one.last for one in checked.tables}
    assert times["assignments"] == ASSIGNED


def test_a_configured_moment_is_now(mailing: Settings) -> None:
    settings = mailing.replaced(TimeSettings(as_of=ASSIGNED + 40 * DAY))
    assert build_features(settings, LATER).schedule.as_of == ASSIGNED + 40 * DAY
    early = build_features(mailing.replaced(TimeSettings(as_of=ASSIGNED - DAY)), LATER).schedule
    assert early.splits["learner"] == Split()
    assert early.needed["learner"] == (ASSIGNED - DAY,)


def test_assignments_add_snapshots_and_leave_the_others_as_they_are(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.settings = shop.settings.replaced(Learner())
    shop.build()
    before, without = inodes(shop.settings), built_schedule(shop.settings)[0]
    assert without.splits["learner"] == Split()
    model: Any = SimpleNamespace(settings=Learner)
    with pytest.raises(DataError, match="Expected assignments to campaigns"):
        context_of(model, shop.settings)
    moments = [START + timedelta(days=130, hours=7), START + timedelta(days=130, hours=23), START + 201 * DAY]
    moments += [START - DAY, START + (DAYS + 90) * DAY]  # nothing is known then, or not yet
    rows = pd.DataFrame({"customer_id": [f"c{n}" for n in range(5)], "assigned_timestamp": moments, "arm": "call"})
    write_assignments(shop.settings[StoreSettings], "spring", rows)
    computed = shop.build()
    schedule = built_schedule(shop.settings)[0]
    assert schedule.splits["learner"].every == (START + 130 * DAY, START + 201 * DAY)
    assert schedule.as_of == without.as_of
    assert schedule.splits["churn"] == without.splits["churn"]
    # vectors of now are built again each time, from the files of the views
    views, now = {view.name for view in VIEWS}, inodes(shop.settings)
    assert {moment for view, moment in computed if view in views} == {START + 130 * DAY, START + 201 * DAY}
    kept = {key: file for key, file in before.items() if key[0] in views}
    assert {key: now[key] for key in kept} == kept
    assert ingest(shop.settings, NOW).skipped
