"""Loading in the background: what is missing is told meanwhile, and what is new takes over when it is loaded."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from features.config import Settings
from features.errors import StateError
from features.state import read_stamp
from features.store import Store, materialized_directory
from serving.models import find_versions, load_models
from serving.scorer import Scorer
from training.next_product.rules import Rules, changed, load_rules
from training.tracking import Tracking

#: Seconds between two looks at what there is to load.
_LOOK = 5.0
#: What is missing at first, which is nothing to worry about.
LOADING = "stores and models are being loaded"
_log = logging.getLogger(__name__)


class NotReadyError(Exception):
    """Stores or models are not loaded yet; the text says what is missing."""


class Ready:
    """The current scorer, once there is one, and the moment it answers for."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._clock = clock
        self._scorer: Scorer | None = None
        self._loaded: tuple[str, ...] = ()
        self._rules: Rules | None = None
        self._rules_seen: tuple[str, ...] = ()
        self._missing = LOADING
        self._stop = threading.Event()

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

    def as_of(self, scorer: Scorer) -> datetime:
        """Return the moment a scorer answers for now."""
        return scorer.as_of(self._clock())

    def load(self) -> Scorer:
        """Load stores and models if any of them is new, and let them take over.

        Raises
        ------
        EncoreError
            If something is missing or does not answer; what was loaded before stays.
        """
        stamp = read_stamp(materialized_directory(self._settings.stores))
        if not stamp:
            raise StateError("Expected an online store, found none.", "Run `encore features materialize` first.")
        tracking = Tracking(self._settings.tracking)
        versions = find_versions(tracking, self._settings.experiment, sells=stamp["sells"])
        found = (stamp["fingerprint"], *versions.labels)
        path = self._settings.serving.rules
        if self._scorer is None or found != self._loaded:
            store = Store(self._settings)
            store.check()
            as_of = datetime.fromisoformat(stamp["as_of"])
            models = load_models(tracking, versions, store, as_of)
            # rules that broke meanwhile do not keep a new champion out
            rules = self._rules or load_rules(path)
            self._scorer = Scorer(self._settings, store, models, as_of, rules)
            self._loaded, self._rules = found, rules
            self._rules_seen = self._rules_seen or changed(path, rules.facts)
        if self._rules is not None and changed(path, self._rules.facts) != self._rules_seen:
            self._rules_seen = changed(path, self._rules.facts)  # what is broken is told once
            rules = load_rules(path)
            self._scorer = self._scorer.with_rules(rules)
            self._rules, self._rules_seen = rules, changed(path, rules.facts)
        return self._scorer

    def start(self) -> None:
        """Load in a thread, and look again and again for something new."""
        threading.Thread(target=self._watch, name="encore-load", daemon=True).start()

    def stop(self) -> None:
        """Give up loading."""
        self._stop.set()

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                self.load()
            except Exception as error:
                if str(error) != self._missing:
                    _log.warning("Not loaded: %s", error)
                self._missing = str(error)
            self._stop.wait(_LOOK)
