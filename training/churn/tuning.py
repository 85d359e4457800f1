"""Search LightGBM's parameters on time-ordered folds: a fixed budget of trials that can be stopped and resumed.

The test snapshots take no part. Optuna is imported here alone, and only while tuning.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import log_loss

from core.arrays import matrix
from core.errors import DataError
from core.files import write_file
from core.progress import Report, silent
from core.settings import Settings, StoreSettings
from core.stamps import fingerprint
from features.engine.build import built_schedule
from features.given import place_of
from features.store.feature_store import Store
from training.churn.dataset import ChurnSet, churn_set, usable_features
from training.churn.definition import definition_of
from training.churn.fit import PARAMETERS, boost
from training.churn.settings import ChurnSettings
from training.churn.split import groups
from training.model import Tuned

if TYPE_CHECKING:
    import optuna

#: Validation folds, each of this many snapshots, the last ending where the tests begin.
FOLDS, FOLD_SNAPSHOTS = 3, 3
_SEED = 7


def tune_churn(settings: Settings, trials: int, report: Report = silent) -> Tuned:
    """Search until the study of these features and settings has `trials` finished trials; keep the best.

    The study is kept in `data/tuning`; `encore train churn` reads the parameters there. A stopped and resumed
    study tries what an uninterrupted one would have tried.

    Raises
    ------
    StateError, DataError, StoreError
        If features are missing or too few for the folds, or a store does not answer.
    """
    import optuna  # noqa: PLC0415 - seconds of imports that only tuning needs
    from optuna.storages.journal import JournalFileBackend  # noqa: PLC0415

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    schedule, built = built_schedule(settings)
    split = schedule.splits["churn"]
    if split.by_customers:
        rows = churn_set(settings, Store(settings), split.every, split=split)
        folds = by_customers(rows.rows(~groups(split, rows.customers, rows.snapshots)["test"]))
    else:
        snapshots = (*split.train, *split.validation)
        rows = churn_set(settings, Store(settings), snapshots)
        folds = time_ordered(rows, snapshots, timedelta(days=settings[ChurnSettings].label_days))
    directory = tuning_directory(settings[StoreSettings])
    directory.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        storage=optuna.storages.JournalStorage(JournalFileBackend(str(directory / "churn.log"))),
        study_name=fingerprint(built, settings[ChurnSettings].learned, PARAMETERS, dict(_SEARCHED)),
        load_if_exists=True,
        direction="minimize",
    )
    if not _finished(study):
        study.enqueue_trial({name: PARAMETERS[name] for name in _SEARCHED})
    objective = _objective(folds, settings.threads)
    while (done := _finished(study)) < trials:
        report(done / trials, f"trial {done + 1} of {trials}")
        # seeded by the number of the trial, so that a resumed study continues as if it had never stopped
        study.sampler = optuna.samplers.TPESampler(seed=_SEED + done, multivariate=False, constant_liar=False)
        study.optimize(objective, n_trials=1)
    tuned = Tuned(
        parameters={**PARAMETERS, **study.best_params},
        loss=study.best_value,
        default_loss=_default_loss(study),
        trials=_finished(study),
    )
    content = {"study": study.study_name, "definition": asdict(definition_of(settings[ChurnSettings])), **asdict(tuned)}
    write_file(_best_file(settings[StoreSettings]), json.dumps(content, indent=2).encode())
    return tuned


def tuned_parameters(settings: Settings) -> dict[str, object]:
    """Return the parameters that tuning found for the current churn definition, else the defaults.

    A workspace without such parameters takes those of the folder that it shares.
    """
    stores = settings[StoreSettings]
    for data in (stores.data, stores.shared):
        file = None if data is None else _best_file(StoreSettings(data=data))
        kept = json.loads(file.read_text()) if file is not None and file.is_file() else {}
        if kept.get("definition") == asdict(definition_of(settings[ChurnSettings])):
            return dict(kept["parameters"])
    return dict(PARAMETERS)


def tuning_directory(stores: StoreSettings) -> Path:
    """Return the folder of studies."""
    return stores.data / "tuning"


def time_ordered(rows: ChurnSet, snapshots: Sequence[datetime], reach: timedelta) -> list[tuple[ChurnSet, ChurnSet]]:
    """Split rows into folds of training and later validation rows; no training label reaches into a validation.

    Raises
    ------
    DataError
        If there is no fold with training snapshots.
    """
    folds = []
    for number in range(FOLDS):
        later = snapshots[: len(snapshots) - number * FOLD_SNAPSHOTS][-FOLD_SNAPSHOTS:]
        earlier = [t for t in snapshots if later and t + reach <= later[0]]
        if earlier:
            folds.append((rows.at(earlier), rows.at(later)))
    if not folds:
        raise DataError(
            f"Expected snapshots whose label windows end before the last {FOLD_SNAPSHOTS}, found none among "
            f"{len(snapshots)}.",
            "Supply a longer history, or lower time.min_history_days or time.snapshot_spacing_days.",
        )
    for train, validation in folds:
        train.check("training")
        validation.check("validation")
    return folds[::-1]


def by_customers(rows: ChurnSet) -> list[tuple[ChurnSet, ChurnSet]]:
    """Split rows into folds of training rows and validation rows of other customers, each customer validating once.

    Raises
    ------
    DataError
        If a fold has too few customers, or one outcome only.
    """
    # the groups of the split are ranges of the same place; a fold must not be one of them
    number = np.array([int(place_of(f"fold {customer}") * FOLDS) for customer in rows.customers])
    folds = [(rows.rows(number != fold), rows.rows(number == fold)) for fold in range(FOLDS)]
    for train, validation in folds:
        train.check("training", labelled=True)
        validation.check("validation", labelled=True)
    return folds


def _best_file(stores: StoreSettings) -> Path:
    return tuning_directory(stores) / "churn.json"


#: How each searched parameter is suggested: lowest, highest, and whether by its logarithm.
_SEARCHED: Mapping[str, tuple[float, float, bool]] = {
    "num_leaves": (4, 31, True),
    "min_data_in_leaf": (50, 800, True),
    "feature_fraction": (0.2, 0.9, False),
    "bagging_fraction": (0.4, 1.0, False),
    "lambda_l2": (0.1, 100.0, True),
    "path_smooth": (0.0, 50.0, False),
}


def _objective(folds: Sequence[tuple[ChurnSet, ChurnSet]], threads: int) -> "Callable[[optuna.Trial], float]":
    prepared = [(train, validation, usable_features(train)[0]) for train, validation in folds]

    def loss(trial: "optuna.Trial") -> float:
        parameters = {**PARAMETERS, **_suggest(trial), "num_threads": threads}
        losses = []
        for train, validation, features in prepared:
            booster = boost(train=train, validation=validation, features=features, parameters=parameters)
            inputs = matrix(validation.columns, features, len(validation))
            losses.append(log_loss(validation.churned, np.asarray(booster.predict(inputs))))
        return float(np.mean(losses))

    return loss


def _suggest(trial: "optuna.Trial") -> dict[str, float]:
    return {
        name: trial.suggest_int(name, int(low), int(high), log=log)
        if isinstance(PARAMETERS[name], int)
        else trial.suggest_float(name, low, high, log=log)
        for name, (low, high, log) in _SEARCHED.items()
    }


def _finished(study: "optuna.Study") -> int:
    return sum(trial.state.name == "COMPLETE" for trial in study.get_trials(deepcopy=False))


def _default_loss(study: "optuna.Study") -> float:
    values = [trial.value for trial in study.trials if trial.state.name == "COMPLETE" and trial.value is not None]
    return values[0]
