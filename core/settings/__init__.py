"""Settings: one file, `encore.toml`, every value of it overridable by an `ENCORE_…` variable.

The variable of a key is `ENCORE_<SECTION>__<KEY>`, for example `ENCORE_CHURN__HORIZON_DAYS=42`. Sections are declared
in the rooms that they configure; `serving.settings` lists them.
"""

from core.settings.load import DEFAULT_CONFIG, Settings
from core.settings.secrets import Address, completed, revealed, secret
from core.settings.section import Days, Encoding, Moment, Part, Section, Share, Zone
from core.settings.stores import (
    StoreSettings,
    database_url,
    redis_connection,
    with_password,
    workspace_folder,
    workspace_folders,
)

__all__ = [
    "DEFAULT_CONFIG",
    "Address",
    "Days",
    "Encoding",
    "Moment",
    "Part",
    "Section",
    "Settings",
    "Share",
    "StoreSettings",
    "Zone",
    "completed",
    "database_url",
    "redis_connection",
    "revealed",
    "secret",
    "with_password",
    "workspace_folder",
    "workspace_folders",
]
