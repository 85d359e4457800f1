"""The uplift champion, loaded alone: decisions need no other model, as risks and amounts are in the score table."""

from datetime import datetime

from core.settings import Settings
from features.store.feature_store import Store
from serving.scoring.models import Loaded, Versions, load_models
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import Tracking
from training.names import registered_name_of
from training.uplift.model import UpliftModel
from training.uplift.settings import UpliftSettings


def uplift_champion(settings: Settings, store: Store, as_of: datetime) -> Loaded[UpliftModel] | None:
    """Load the champion; None where there is none, or it cannot be loaded, which is logged.

    Raises
    ------
    StoreError
        If MLflow cannot be asked.
    """
    tracking = Tracking(settings[TrackingSettings])
    version = tracking.find(registered_name_of(UpliftSettings.section))
    if version is None:
        return None
    return load_models(tracking, Versions({UpliftSettings.section: version}), store, as_of).loaded(UpliftModel)
