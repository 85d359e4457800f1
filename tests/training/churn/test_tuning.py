"""Tuning: time-ordered, resumable, and training takes what it found."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from core.errors import DataError
from core.settings import Settings, StoreSettings
from features.store.feature_store import Store
from tests.conftest import World
from training.churn.dataset import churn_set
from training.churn.fit import PARAMETERS
from training.churn.settings import ChurnSettings
from training.churn.tuning import time_ordered, tune_churn, tuned_parameters, tuning_directory


def beside(world: World, directory: Path) -> Settings:
    """The world's settings with a data folder of its own that shares what tuning reads."""
    for name in ("contract", "features", "feast"):
        (directory / name).symlink_to(world.directory / "data" / name)
    stores = {"data": directory, "registry": f"file://{world.directory}/data/registry.db"}
    return world.settings.replaced(world.settings[StoreSettings].model_copy(update=stores))


def test_no_training_label_reaches_into_a_validation_fold(at_home: World, store: Store) -> None:
    snapshots = (*at_home.schedule.splits["churn"].train, *at_home.schedule.splits["churn"].validation)
    folds = time_ordered(churn_set(at_home.settings, store, snapshots), snapshots, timedelta(days=28))
    assert len(folds) == 3
    for train, validation in folds:
        assert train.snapshots.max() + np.timedelta64(28, "D") <= validation.snapshots.min()
    ends = [validation.snapshots.max() for _, validation in folds]
    assert ends == sorted(ends)
    assert ends[-1] < np.datetime64(min(at_home.schedule.splits["churn"].test).replace(tzinfo=None))


def test_a_resumed_study_finds_what_an_uninterrupted_one_finds(at_home: World, tmp_path: Path) -> None:
    one, two = (tmp_path / name for name in ("one", "two"))
    one.mkdir()
    two.mkdir()
    whole = tune_churn(beside(at_home, one), trials=3)
    settings = beside(at_home, two)
    assert tuned_parameters(settings) == PARAMETERS
    tune_churn(settings, trials=1)
    log = tuning_directory(settings[StoreSettings]) / "churn.log"
    before = log.stat().st_size
    resumed = tune_churn(settings, trials=3)
    assert log.stat().st_size > before
    assert resumed == whole
    assert resumed.trials == 3
    assert resumed.loss <= resumed.default_loss
    assert tuned_parameters(settings) == resumed.parameters
    other = settings[ChurnSettings].model_copy(update={"horizon_days": 14})
    assert tuned_parameters(settings.replaced(other)) == PARAMETERS


def test_too_few_snapshots_are_refused(at_home: World, store: Store) -> None:
    snapshots = at_home.schedule.splits["churn"].validation
    rows = churn_set(at_home.settings, store, snapshots)
    with pytest.raises(DataError, match="found none among 3"):
        time_ordered(rows, snapshots, timedelta(days=28))
