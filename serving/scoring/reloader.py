"""Loading in the background: what is missing is told meanwhile, and what is new takes over when it is loaded."""

import gc
import threading
from collections.abc import Callable
from datetime import datetime

import structlog

from core.errors import EncoreError, StateError
from core.settings import Settings, StoreSettings
from core.state import fingerprint
from features.live.known import Online, read_online
from features.store.feature_store import Store
from serving.explain.playbook import load_playbook
from serving.scoring import metrics
from serving.scoring.intake import Live
from serving.scoring.models import Models, find_labels, find_versions, load_models
from serving.scoring.score_table import ScoreCache
from serving.scoring.scorer import Scorer
from serving.settings import ExperimentSettings, ServingSettings
from training.churn.settings import ChurnSettings
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import Tracking
from training.next_product.rules import Rules, changed, load_rules, read_facts

#: Seconds between two looks at what there is to load.
_LOOK = 5.0
#: Seconds that a stop waits for what is being loaded.
_PATIENCE = 20.0
#: What is missing at first, which is nothing to worry about.
LOADING = "stores and models are being loaded"
_log = structlog.get_logger(__name__)


class NotReadyError(Exception):
    """Stores or models are not loaded yet; the text says what is missing."""


class RulesFile:
    """The rules file, read again where it or the facts it names were written; broken ones never take over."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings[ServingSettings].rules
        self._rules: Rules | None = None
        self._seen: tuple[str, ...] = ()

    @property
    def version(self) -> tuple[str, ...]:
        """Changes when the rules do."""
        return self._seen

    def read(self) -> Rules:
        """Return the rules in force.

        Raises
        ------
        ConfigError
            If they cannot be read and none were before, or were changed to something that cannot be read; told once.
        """
        facts = self._rules.facts if self._rules else None
        seen = changed(self._path, facts)
        if self._rules is None or seen != self._seen:
            self._seen = seen
            rules = load_rules(self._path)
            read_facts(rules)
            self._rules = rules
            self._seen = changed(self._path, rules.facts)
        return self._rules


class Ready:
    """The current scorer, once there is one, and the moment it answers for."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._clock = clock
        self.cache = ScoreCache(settings[StoreSettings])
        self.live = Live(settings, self.cache, clock)
        self._scorer: Scorer | None = None
        self._online: Online | None = None
        self._store: Store | None = None
        self._tracking: Tracking | None = None
        self._rules_file = RulesFile(settings)
        self._missing = LOADING
        self._behind = ""
        self._stop = threading.Event()
        self._loading = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def scorer(self) -> Scorer:
        """The current scorer.

        Raises
        ------
        NotReadyError
            If nothing is loaded yet.
        """
        if self._scorer is None:
            raise NotReadyError(self._missing)
        return self._scorer

    @property
    def store(self) -> Store:
        """The feature store.

        Raises
        ------
        NotReadyError
            If nothing is loaded yet.
        """
        if self._store is None:
            raise NotReadyError(self._missing)
        return self._store

    @property
    def online(self) -> Online | None:
        """What the online store holds, as far as it is loaded."""
        return self._online

    def as_of(self, scorer: Scorer) -> datetime:
        """Return the moment a scorer answers for now."""
        return self.live.as_of(scorer.as_of(self._clock()))

    def load(self) -> Scorer:
        """Load stores and models if any of them is new, and let them take over.

        Raises
        ------
        EncoreError
            If something is missing or does not answer; what was loaded before stays.
        """
        with self._loading:
            return self._load()

    def _load(self) -> Scorer:
        online = read_online(self._settings[StoreSettings])
        if self._tracking is None:
            self._tracking = Tracking(self._settings[TrackingSettings])
        before = self._scorer
        if self._store is None or self._online != online:
            self._store = Store(self._settings)
            self._store.check()
        models = self._models(self._tracking, self._store, online)
        rules = self._read_rules(before)
        if before is None or self._online != online or models is not before.models:
            self.live.use(self._store, online)
            made_by = self._made_by(online, models)
            self._scorer = Scorer(self._settings, self._store, models, online.as_of, rules, made_by)
            self._online = online
            _keep_from_garbage()
            metrics.show_models(models.labels)
        elif rules is not before.rules:
            self._scorer = before.with_rules(rules, self._made_by(online, models))
        return self.scorer

    def _models(self, tracking: Tracking, store: Store, online: Online) -> Models:
        """Return the models that answer, loaded anew where the registry names others or the day is another."""
        before = self._scorer.models if self._scorer else None
        experiment, sells = self._settings[ExperimentSettings], online.sells
        if (
            before is not None
            and self._online == online
            and before.labels == find_labels(tracking, experiment, sells=sells)
        ):
            return before
        versions = find_versions(tracking, experiment, sells=sells)
        models = load_models(tracking, versions, store, online.as_of, before)
        if not models.versions:
            raise StateError("No model can be loaded; the log says why.", "Train anew, or restore the artifacts.")
        return models

    def _read_rules(self, before: Scorer | None) -> Rules:
        try:
            return self._rules_file.read()
        except EncoreError as error:
            # rules that broke meanwhile do not keep a new champion out
            if before is None:
                raise
            _log.warning("rules_broken", problem=error.problem)
            return before.rules

    def _made_by(self, online: Online, models: Models) -> str:
        """Name all that scores depend on besides the customer."""
        settings = self._settings
        return fingerprint(
            *(
                online.fingerprint,
                models.labels,
                settings[ChurnSettings],
                settings[ExperimentSettings],
                self._rules_file.version,
            ),
            {
                finding: texts.model_dump()
                for finding, texts in load_playbook(settings[ServingSettings].playbook).items()
            },
        )

    def start(self) -> None:
        """Load in a thread, and look again and again for something new."""
        self._thread = threading.Thread(target=self._watch, name="encore-load", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Give up loading, and wait for what is being loaded: libraries do not like to be left in the middle."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def _watch(self) -> None:
        while not self._stop.is_set():
            before = self._scorer
            try:
                scorer = self.load()
                if scorer is not before:
                    _log.info("loaded", models=scorer.models.labels)
                self._missing = ""
            except Exception as error:
                if str(error) != self._missing:
                    _log.warning("not_loaded", problem=str(error))
                self._missing = str(error)
            self._follow()
            self._stop.wait(_LOOK)

    def _follow(self) -> None:
        """Let features follow events, whatever can be loaded."""
        behind = ""
        try:
            self.live.catch_up()
            self.live.warm()
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
