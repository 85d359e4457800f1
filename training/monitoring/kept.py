"""What `encore monitor` found last, kept for readers who must not wait until it is computed again."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError

from core.files import write_file
from core.settings import StoreSettings
from training.monitoring.alerts import Judged
from training.monitoring.monitor import InUse, Monitored


@dataclass(frozen=True)
class Kept:
    """What was found, without the histories of figures.

    Attributes
    ----------
    at
        The clock when it was computed.
    as_of
        The moment taken for now.
    """

    # a figure that is not known is no number, which plain JSON has no word for
    __pydantic_config__ = ConfigDict(ser_json_inf_nan="constants")

    at: datetime
    as_of: datetime
    models: tuple[InUse, ...]
    judged: tuple[Judged, ...]

    def model(self, section: str) -> InUse | None:
        """Return a model by the name of its section; None for one that was not there."""
        return next((one for one in self.models if one.model == section), None)


_JSON = TypeAdapter(Kept)


def keep(stores: StoreSettings, found: Monitored, now: datetime) -> None:
    """Write what was found in the place of what was found before."""
    write_file(_path(stores), _JSON.dump_json(Kept(now, found.as_of, found.models, found.judged)))


def read_kept(stores: StoreSettings) -> Kept | None:
    """Return what was found last; None where nothing was, or another version of Encore wrote it."""
    try:
        return _JSON.validate_json(_path(stores).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _path(stores: StoreSettings) -> Path:
    return stores.data / "monitored.json"
