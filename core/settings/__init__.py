"""Settings: one file, `encore.toml`, every value of it overridable by an `ENCORE_…` variable.

The variable of a key is `ENCORE_<SECTION>__<KEY>`, for example `ENCORE_CHURN__HORIZON_DAYS=42`.
"""

from core.settings.data import WHERE, DataSettings, InputSettings
from core.settings.fields import TableName
from core.settings.learning import ChurnSettings, CustomerSettings, NextProductSettings, UpsellSettings
from core.settings.load import Settings, load_settings
from core.settings.running import ExperimentSettings, ServingSettings, StoreSettings, TrackingSettings

__all__ = [
    "WHERE",
    "ChurnSettings",
    "CustomerSettings",
    "DataSettings",
    "ExperimentSettings",
    "InputSettings",
    "NextProductSettings",
    "ServingSettings",
    "Settings",
    "StoreSettings",
    "TableName",
    "TrackingSettings",
    "UpsellSettings",
    "load_settings",
]
