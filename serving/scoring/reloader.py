"""The model reloader: loads in the background; what is new takes over when it is loaded, what is broken never does."""

import gc
import threading
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from core.errors import EncoreError, StateError
from core.settings import Settings, StoreSettings
from features.engine.build import feature_definition
from features.snapshots import NEWER, OLD_DAYS
from features.store.feature_store import Store
from features.store.materialized import Online, OutdatedFeaturesError, read_online
from serving.scoring import metrics
from serving.scoring.deployment import Deployment, Engine, Ground
from serving.scoring.intake import EventIntake
from serving.scoring.models import Models, find_labels, find_versions, load_models
from serving.scoring.score_table import ScoreTable
from serving.settings import ExperimentSettings
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import Tracking
from training.monitoring.answers import AnswerLog

#: Seconds between two looks at what there is to load.
_LOOK = 5.0
#: Seconds that a stop waits for what is being loaded.
_PATIENCE = 20.0
#: What is missing at first, which is no fault.
LOADING = "stores and models are being loaded"
_log = structlog.get_logger(__name__)


class NotReadyError(Exception):
    """Stores or models are not loaded yet; the text says what is missing."""


class ModelReloader:
    """The current deployment, once there is one, and the moment it answers for.

    Parameters
    ----------
    engines
        What deployments consist of.
    answers
        Written at each look.
    """

    def __init__(
        self,
        settings: Settings,
        engines: Sequence[type[Engine]],
        table: ScoreTable,
        answers: AnswerLog,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._engines = engines
        self._answers = answers
        self._clock = clock
        self.intake = EventIntake(settings, table, clock)
        self._deployment: Deployment | None = None
        self._tracking: Tracking | None = None
        self._missing = LOADING
        self._behind = ""
        self._stop = threading.Event()
        self._loading = threading.Lock()
        self._thread: threading.Thread | None = None
        feature_definition(settings)  # named now, as an upgrade may replace the files of the code that runs

    @property
    def deployment(self) -> Deployment:
        """What answers now.

        Raises
        ------
        NotReadyError
            If nothing is loaded yet.
        """
        if self._deployment is None:
            raise NotReadyError(self._missing)
        return self._deployment

    @property
    def store(self) -> Store:
        """The feature store.

        Raises
        ------
        NotReadyError
            If nothing is loaded yet.
        """
        return self.deployment.ground.store

    @property
    def online(self) -> Online | None:
        """What the online store holds, as far as it is loaded."""
        return self._deployment.ground.online if self._deployment else None

    @property
    def is_outdated(self) -> bool:
        """Whether the online store's features were computed by other code or settings than this process has."""
        return self.online is not None and self.online.is_outdated(self._settings)

    @property
    def warnings(self) -> list[str]:
        """What does not stop the API, and keeps its answers from being complete or current.

        Raises
        ------
        NotReadyError
            If nothing is loaded yet.
        """
        return list(self._warnings(self.deployment).values())

    @property
    def warning_names(self) -> list[str]:
        """The same by name, for readers of any language: `features_outdated`, `data_old`.

        Raises
        ------
        NotReadyError
            If nothing is loaded yet.
        """
        return list(self._warnings(self.deployment))

    def _warnings(self, deployment: Deployment) -> dict[str, str]:
        """Return warnings by their names in the log."""
        online = deployment.ground.online
        found = {"features_outdated": str(OutdatedFeaturesError())} if online.is_outdated(self._settings) else {}
        age = online.data_age(self.as_of(deployment))
        if age is not None and age.days >= OLD_DAYS:
            found["data_old"] = f"The newest event is of {online.last_event:%Y-%m-%d}, {age.days:,} days ago. {NEWER}"
        return found

    def as_of(self, deployment: Deployment) -> datetime:
        """Return the moment a deployment answers for now; a customer with later features is answered for theirs."""
        return deployment.as_of(self._clock())

    def load(self) -> Deployment:
        """Load stores and models if any of them is new, and let them take over.

        Raises
        ------
        EncoreError
            If something is missing or does not answer; what was loaded before stays.
        """
        with self._loading:
            return self._load()

    def _load(self) -> Deployment:
        online = read_online(self._settings[StoreSettings])
        if self._tracking is None:
            self._tracking = Tracking(self._settings[TrackingSettings])
        before = self._deployment
        store = before.ground.store if before and before.ground.online == online else self._open_store()
        models = self._models(self._tracking, store, online)
        deployment = Deployment.load(Ground(self._settings, store, models, online), self._engines, before)
        if deployment is not before:
            if before is None or before.ground.online != online:
                self.intake.use(store, online)
            self._deployment = deployment
            _keep_from_garbage()
            metrics.show_models(deployment.labels)
            for name, text in self._warnings(deployment).items():
                _log.warning(name, problem=text)
        return deployment

    def _open_store(self) -> Store:
        store = Store(self._settings)
        store.check()
        return store

    def _models(self, tracking: Tracking, store: Store, online: Online) -> Models:
        """Return the models that answer, loaded again where the registry names others or the day is another."""
        before = self._deployment.ground if self._deployment else None
        experiment = self._settings[ExperimentSettings]
        if (
            before is not None
            and before.online == online
            and before.models.labels == find_labels(tracking, experiment, sells=online.sells)
        ):
            return before.models
        versions = find_versions(tracking, experiment, sells=online.sells)
        models = load_models(tracking, versions, store, online.as_of, before.models if before else None)
        if not models.champions:
            raise StateError("No model can be loaded; the log says why.", "Train again, or restore the artifacts.")
        return models

    def start(self) -> None:
        """Load in a thread, and look again and again for something new."""
        self._thread = threading.Thread(target=self._watch, name="encore-load", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Give up loading, and wait for what is being loaded: libraries do not like to be left in the middle."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_PATIENCE)
        self._answers.flush()

    def _watch(self) -> None:
        while not self._stop.is_set():
            before = self._deployment
            try:
                deployment = self.load()
                if deployment is not before:
                    _log.info("loaded", models=deployment.labels)
                self._missing = ""
            except Exception as error:
                # what is not an error of ours may have anything in its text, and everybody may read this
                missing = str(error) if isinstance(error, EncoreError) else type(error).__name__
                if missing != self._missing:
                    _log.warning("not_loaded", problem=str(error))
                self._missing = missing
            self.update_features()
            self._answers.flush()
            self._stop.wait(_LOOK)

    def update_features(self) -> None:
        """Compute the features of customers with new events, whatever can be loaded; what cannot be done is logged."""
        behind = ""
        try:
            self.intake.catch_up()
            self.intake.follow()
            self.intake.warm()
        except Exception as error:
            behind = str(error)
            if behind != self._behind:
                _log.warning("events_wait", problem=behind)
        self._behind = behind


def _keep_from_garbage() -> None:
    """Let what was loaded be passed over when garbage is looked for, as it stays; what it replaced does not."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
