"""Loading in the background, so that the process answers from its first moment on what is still missing."""

import threading
from collections.abc import Callable
from datetime import datetime

from features.config import Settings
from features.errors import EncoreError
from features.store import Store
from serving.models import load_models
from serving.scorer import Scorer, answer_moment

#: Seconds between two tries to load.
_RETRY = 5.0


class NotReadyError(Exception):
    """Stores or models are not loaded yet; the text says what is missing."""


class Ready:
    """The current scorer, once there is one, and the moment it answers for."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._clock = clock
        self._scorer: Scorer | None = None
        self._missing = "stores and models are being loaded"
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

    def as_of(self) -> datetime:
        """Return the moment to answer for.

        Raises
        ------
        StateError
            If nothing was materialised.
        """
        return answer_moment(self._settings, self._clock())

    def load(self) -> Scorer:
        """Load stores and models.

        Raises
        ------
        EncoreError
            If something is missing or does not answer.
        """
        self.as_of()
        store = Store(self._settings)
        store.check()
        self._scorer = Scorer(self._settings, store, load_models(self._settings, store))
        return self._scorer

    def start(self) -> None:
        """Load in a thread, again and again until it works."""
        threading.Thread(target=self._load_until_done, name="encore-load", daemon=True).start()

    def stop(self) -> None:
        """Give up loading."""
        self._stop.set()

    def _load_until_done(self) -> None:
        while not self._stop.is_set():
            try:
                self.load()
            except EncoreError as error:
                self._missing = str(error)
                self._stop.wait(_RETRY)
            else:
                return
