"""Recalibration: percentages follow a base rate that has moved, ranks stay, and the result passes the gate."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from core.progress import silent
from core.settings import Settings
from serving.explain.fidelity import inspect_reasons
from serving.settings import load_settings
from tests.conftest import World, copied
from training.churn.dataset import ChurnSet, churn_set
from training.churn.model import ChurnModel
from training.churn.pipeline import CHURN
from training.churn.recalibration import newest_labels, recalibrated
from training.churn.settings import ChurnSettings
from training.churn.trees import Trees
from training.evaluation.bootstrap import Estimate
from training.evaluation.calibration import Calibration
from training.evaluation.grade import Grading
from training.evaluation.metrics import expected_calibration_error
from training.lifecycle.champions import Champions
from training.lifecycle.gate import Decision
from training.lifecycle.judge import Judge
from training.lifecycle.promotions import Who
from training.lifecycle.recalibrate import recalibrate
from training.lifecycle.registration import register
from training.lifecycle.runner import champion, context_of, evaluate
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import Tracking
from training.lifecycle.version import Version, VersionTags
from training.model import Context, Fitted

pytestmark = pytest.mark.world


@pytest.fixture(scope="module")
def context(world: World) -> Context:
    return context_of(CHURN, world.settings)


@pytest.fixture(scope="module")
def model(world: World) -> ChurnModel:
    return champion(CHURN, world.settings).artifact


def shifted(rows: ChurnSet, kept: float = 0.25) -> ChurnSet:
    """Rows of a business where fewer of those who stay are seen, so that the churn rate is higher, by a fixed draw."""
    drawn = np.random.default_rng(11).uniform(size=len(rows)) < kept
    return rows.rows((rows.churned == 1) | drawn)


def error(model: ChurnModel, rows: ChurnSet) -> float:
    return expected_calibration_error(rows.churned, model.risk(model.inputs(rows.columns, len(rows))))


def test_the_newest_complete_labels_are_taken_and_the_last_test_stays_new(context: Context, model: ChurnModel) -> None:
    churn = context.settings[ChurnSettings]
    newest = newest_labels(context.schedule, context.split, churn, model.labels_end)
    assert len(newest) == 3
    reach = timedelta(days=churn.label_days)
    assert newest[-1] + reach <= context.split.test[-1]
    assert all(moment + reach > newest[-1] + reach - timedelta(days=28) for moment in newest)
    assert newest[-1] + reach > model.labels_end
    assert newest_labels(context.schedule, context.split, churn, context.split.test[-1]) == ()


def test_a_moved_base_rate_is_followed_and_ranks_stay(context: Context, model: ChurnModel) -> None:
    churn = context.settings[ChurnSettings]
    newest = newest_labels(context.schedule, context.split, churn, model.labels_end)
    rows = shifted(churn_set(context.settings, context.store, newest, model.attributes))
    test = shifted(churn_set(context.settings, context.store, context.split.test[-1:], model.attributes))
    followed = recalibrated(model, rows, newest, churn)
    # of 400 customers the error of a bin is mostly chance; `make bench-recalibration` measures it on all
    assert error(followed, test) < error(model, test) - 0.02
    inputs = model.inputs(test.columns, len(test))
    rate = test.churned.mean()
    assert abs(followed.risk(inputs).mean() - rate) <= abs(model.risk(inputs).mean() - rate) / 4
    assert (np.argsort(followed.risk(inputs), kind="stable") == np.argsort(model.risk(inputs), kind="stable")).all()
    assert followed.labels_end == newest[-1] + timedelta(days=churn.label_days)
    assert followed.scorer is model.scorer


@pytest.fixture
def house(world: World, tmp_path: Path) -> Iterator[Settings]:
    """A copy of the world with a registry of its own."""
    with copied(world, tmp_path):
        (tmp_path / "mlruns").unlink()
        shutil.copytree(world.directory / "mlruns", tmp_path / "mlruns")
        yield load_settings()


def registered(settings: Settings, artifact: ChurnModel, name: str) -> Version:
    """Register a churn model as the challenger, with the grade and figures of the champion."""
    tracking = Tracking(settings[TrackingSettings])
    best = tracking.champion("encore-churn")
    example = pd.DataFrame(np.zeros((1, len(artifact.features))), columns=list(artifact.features))
    fitted = Fitted(
        artifact=artifact,
        params={},
        metrics=best.metrics,
        grading=Grading("A", "recency", Estimate(0.1, 0.05, 0.15), 0.4, 0.01, words="ranks well"),
        card="# Churn",
        pictures={},
        example=example,
        output=pd.DataFrame({"risk": [0.5]}),
    )
    context = context_of(CHURN, settings)
    return register(tracking, CHURN, context, fitted, VersionTags(name, name, fitted.grading), silent)


def miscalibrated(model: ChurnModel) -> ChurnModel:
    calibration = model.calibration
    return replace(model, calibration=replace(calibration, intercept=calibration.intercept + 1.5))


def worse(model: ChurnModel) -> ChurnModel:
    """A model that knows its first trees only; its calibration is fitted to them."""
    assert isinstance(model.scorer, Trees)
    first = lgb.Booster(model_str=model.scorer.booster.model_to_string(num_iteration=1))
    return replace(model, scorer=Trees(first), calibration=Calibration(1.0, model.calibration.intercept))


def broken(model: ChurnModel) -> ChurnModel:
    """A model whose inputs are not those of its trees."""
    return replace(model, features=model.features[1:])


@pytest.mark.parametrize(
    ("changed", "refused"), [(miscalibrated, {"calibration"}), (worse, {"gain"}), (broken, {"answers"})]
)
def test_a_challenger_is_refused_for_its_own_fault(
    house: Settings, changed: Callable[[ChurnModel], ChurnModel], refused: set[str]
) -> None:
    champions = Champions(house)
    best = champions.current("encore-churn")
    assert best is not None
    artifact = champions.tracking.load(best, ChurnModel)
    version = registered(house, changed(artifact), changed.__name__)
    judge = Judge(CHURN, context_of(CHURN, house), champions.tracking, inspect_reasons)
    decision = judge.decide(version, best)
    assert {check.name for check in decision.checks if not check.passes} >= refused
    assert not decision.passes
    twin = judge.decide(registered(house, artifact, "twin"), best)
    assert twin.passes, twin.reason
    gain = twin.check("gain")
    assert gain is not None
    assert gain.figures["difference"] == 0.0


def test_a_champion_that_is_off_is_recalibrated_through_the_gate_once(house: Settings) -> None:
    champions = Champions(house)
    best = champions.current("encore-churn")
    assert best is not None
    held = recalibrate(CHURN, house)
    assert held.version is None
    assert held.reason.startswith("Its percentages hold: calibration error 0.0")
    off = registered(house, miscalibrated(champions.tracking.load(best, ChurnModel)), "off")
    champions.promote(off, Decision(passes=True, reason="by hand"), Who("ada", "tries"))
    done = recalibrate(CHURN, house, inspect=inspect_reasons)
    assert done.version is not None
    assert done.error is not None
    assert done.error.challenger < done.error.champion / 2
    assert done.version.aliases == ("champion",)
    assert done.version.recalibrated_from == off.label
    newest = champions.history("encore-churn", 1)[0]
    assert (newest.action, newest.version, newest.previous) == ("promoted", done.version.number, off.number)
    assert recalibrate(CHURN, house).version is None
    evaluation = evaluate(CHURN, house)
    assert evaluation["protocol"]["test_snapshots"] == [f"{context_of(CHURN, house).split.test[-1]:%Y-%m-%d}"]
