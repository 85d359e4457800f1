"""From files of somebody else's mailing to a version that the gate lets pass, or refuses."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.errors import DataError
from core.progress import silent
from core.settings import Settings, StoreSettings
from features.contract.assigned import HOLDOUT
from features.engine.build import build_features
from features.ingest.pipeline import ingest
from features.ingest.settings import DataSettings, InputSettings
from features.settings import CustomerSettings
from features.store.feature_store import Store
from serving.settings import default_settings
from tests import simulate_effects
from training.effects.outcomes import Assigned, Outcomes, read_outcomes
from training.lifecycle.due import training_due
from training.lifecycle.runner import context_of, definition_of, evaluate, train
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import Tracking
from training.model import Objecting, WaitingModel
from training.readiness.check import check_data
from training.uplift.dataset import unusable, uplift_set
from training.uplift.model import UpliftModel
from training.uplift.pipeline import UPLIFT
from training.uplift.settings import UpliftSettings

LATER = datetime(2026, 11, 27, tzinfo=UTC)
KNOWN = ("recency_days", "orders_84d", "spend_per_order", "discount_share", "complaints_84d", "online")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a mailing that somebody else ran, with features."""
    folder = tmp_path_factory.mktemp("mailing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["simulate_effects", str(folder), "--customers", "4000", "--seed", "601"])
        simulate_effects.main()
    inputs = (
        InputSettings(table="customers", path="customers.csv"),
        InputSettings(table="assignments", path="assignments.csv"),
        InputSettings(table="outcomes", path="outcomes.csv", columns={"retained": "stayed"}),
    )
    settings = default_settings(
        StoreSettings(
            data=folder / "data", online=f"sqlite://{folder}/online.db", registry=f"file://{folder}/registry.db"
        ),
        DataSettings(source="files", root=folder, inputs=inputs),
        CustomerSettings(model_attributes=KNOWN),
        TrackingSettings(uri=f"sqlite:///{folder}/mlflow.db", artifacts=str(folder / "artifacts")),
        threads=1,
    )
    ingest(settings, LATER)
    build_features(settings, LATER)
    Store(settings).apply()
    return settings


def test_a_mailing_of_somebody_else_gives_a_champion(settings: Settings) -> None:
    trained = train(UPLIFT, settings)
    assert trained.decision is not None
    assert trained.decision.passes, trained.decision.reason
    tracking = Tracking(settings[TrackingSettings])
    model: UpliftModel = tracking.load(trained.version, UpliftModel)
    assert model.actions == ("call",)
    assert set(model.inputs) == {f"attribute_{name}" for name in KNOWN}
    assert isinstance(model, Objecting)
    found = evaluate(UPLIFT, settings)
    one = found["actions"]["call"]
    assert one["orders"]["lift"]["qini"]["low"] > 0
    assert set(one["orders"]) == {"lift", "risk", "outcome", "risk_x_value"}
    assert one["diagnostic"]["verdict"] in {"wrong", "not_known"}
    assert found["objection"] is None
    assert trained.version.metrics["call.lift.qini"] == pytest.approx(one["orders"]["lift"]["qini"]["value"])
    titles = [sheet.title for sheet in UPLIFT.sheets(found)]
    assert titles == ["call: 4,000 customers", "call by tenth of predicted lift"]
    assert [one.label for one in UPLIFT.headlines(trained.version.metrics)] == ["call Qini", "call effect, best fifth"]


def test_a_version_compared_with_itself_is_no_better(settings: Settings) -> None:
    context = context_of(UPLIFT, settings)
    tracking = Tracking(settings[TrackingSettings])
    model = tracking.load(tracking.champion("encore-uplift"), UpliftModel)
    found = UPLIFT.compare(context, model, model, silent)
    assert found.gain.difference.value == found.gain.difference.low == found.gain.difference.high == 0
    assert found.customers == 4000


def test_the_card_and_the_pictures_are_of_the_version(settings: Settings) -> None:
    fitted = UPLIFT.fit(context_of(UPLIFT, settings), silent)
    assert fitted.card.startswith("# Uplift model, grade ")
    assert "ranking for call" in fitted.card
    assert set(fitted.pictures) == {"qini_call", "tenths_call", "is_risk_right_call"}
    for draw in fitted.pictures.values():
        assert draw().axes[0].get_xlabel()
    assert list(fitted.output.columns) == ["row", "action", "base", "lift", "low", "high", "revenue"]
    (fitness,) = check_data(settings, LATER, [UPLIFT]).fitness
    assert fitness.verdict == "fit"
    assert "4,000 assignments of 1 campaigns; arms: call, holdout" in fitness.findings[0].what


def test_without_an_effect_the_gate_refuses_even_the_first_version(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_lot(*given: Any) -> Outcomes:
        found = read_outcomes(*given)
        retained = np.random.default_rng(1).permutation(found.values["retained"])
        return replace(found, values={**found.values, "retained": retained})

    monkeypatch.setattr("training.uplift.dataset.read_outcomes", by_lot)
    alone = settings.replaced(
        TrackingSettings(uri=f"sqlite:///{tmp_path}/mlflow.db", artifacts=str(tmp_path / "files"))
    )
    trained = train(UPLIFT, alone)
    assert trained.decision is not None
    assert not trained.decision.passes
    assert "gains no more than drawing lots" in trained.decision.reason
    assert trained.version.grade == "D"
    tracking = Tracking(alone[TrackingSettings])
    assert tracking.find("encore-uplift") is None
    # a refusal does not train every night
    due = training_due(UPLIFT, context_of(UPLIFT, alone), tracking, definition_of(UPLIFT, alone))
    assert not due.is_due


def test_the_night_waits_for_outcomes(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*given: Any) -> Outcomes:
        found = read_outcomes(*given)
        return replace(found, known=np.zeros(len(found.known), dtype=bool))

    monkeypatch.setattr("training.uplift.dataset.read_outcomes", unknown)
    context = context_of(UPLIFT, settings)
    assert isinstance(UPLIFT, WaitingModel)
    due = training_due(UPLIFT, context, Tracking(settings[TrackingSettings]), definition_of(UPLIFT, settings))
    assert not due.is_due
    assert "found 0 usable outcomes of 4,000 assignments" in due.why
    with pytest.raises(DataError, match="found 0 usable outcomes"):
        uplift_set(settings, context.store, context.split)


def assigned(arms: Sequence[str], propensity: Sequence[float]) -> Assigned:
    names = np.array(["c"] * len(arms), dtype=object)
    numbers = np.array(propensity, dtype="float64")
    moments = np.full(len(arms), np.datetime64("2026-03-02", "us"))
    return Assigned(names, names, np.array(arms, dtype=object), names, names, moments, numbers, numbers)


def test_a_campaign_is_left_out_with_the_reason() -> None:
    known = np.ones(3, dtype=bool)
    drawn = assigned(["call", HOLDOUT, "call"], [0.5, 0.5, np.nan])
    assert "1 of 3 assignments have no propensity" in unusable(drawn, known, "given")["c"]
    assert unusable(drawn, known, "equal") == {}
    assert "nothing to compare it with" in unusable(assigned(["call"] * 3, [0.5] * 3), known, "equal")["c"]


def test_a_holdout_is_one_of_the_action_that_was_intended(settings: Settings) -> None:
    context = context_of(UPLIFT, settings)
    rows = uplift_set(settings, context.store, context.split)
    # a policy chose: half of the customers were meant for a mail, and some of both groups were held out
    half = np.arange(len(rows)) % 2 == 0
    arms = np.where(half & (rows.assigned.arms == "call"), "mail", rows.assigned.arms).astype(object)
    intended = np.where(half, "mail", "call").astype(object)
    chosen = type(rows)(
        **{**vars(rows), "assigned": Assigned(**{**vars(rows.assigned), "arms": arms, "intended": intended})}
    )
    for one in chosen.experiments:
        assert set(intended[one.places]) == {one.action}
    assert sum(len(one) for one in chosen.experiments) == len(rows)
    assert [one.action for one in chosen.experiments] == ["call", "mail"]
    assert pd.Series(chosen.experiments[0].customers).is_unique


def test_the_windows_are_those_of_assignments() -> None:
    windows = UpliftSettings(horizon_days=14).windows
    assert (windows.reach_days, windows.assigned) == (14, True)
