"""The uplift champion, loaded alone: decisions need no other model, as risks and amounts are in the score table."""

from datetime import datetime
from typing import Any

from core.settings import Settings
from features.store.feature_store import Store
from serving.scoring.models import Loaded, Versions, load_models
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import Tracking
from training.registry import MODELS

_NAME = "uplift"


def uplift_champion(settings: Settings, store: Store, as_of: datetime) -> Loaded[Any] | None:
    """Load the champion; None where there is none, or it cannot be loaded, which is logged.

    Raises
    ------
    StoreError
        If MLflow cannot be asked.
    """
    registered = next((model for model in MODELS if model.name == _NAME), None)
    if registered is None:
        return None
    tracking = Tracking(settings[TrackingSettings])
    version = tracking.find(registered.registered_name)
    if version is None:
        return None
    return load_models(tracking, Versions({_NAME: version}), store, as_of).champions.get(_NAME)
