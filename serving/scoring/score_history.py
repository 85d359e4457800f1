"""What the score table said at earlier moments: a record of every customer, and totals without personal data.

`history/<models>/<day>.parquet` below the data is the record of a day: risk, tier, value, stage and main reason, one
row per customer. `<day>.json` beside it has the totals, and says that the record is complete. The folder names the
models: only what the same versions computed is compared. A second record of a day takes the place of the first.

Records stay for `monitoring.retention_days`, as the answer log does; totals stay. Records are personal data:
`serving.privacy.stores` erases customers here. Losing the folder loses no more than the comparison with the past.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import structlog

from core.files import replacing_file, write_file
from core.settings import Settings, StoreSettings
from core.stamps import fingerprint
from features.erase import erase_rows
from training.monitoring.settings import MonitoringSettings

#: Columns of a record; `amount` and `value_at_risk` are missing where no model says them.
COLUMNS = ("customer_id", "risk", "tier", "amount", "value_at_risk", "value_tier", "stage", "reason")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Total:
    """Some customers together; the value at risk is 0 where it is not known."""

    customers: int
    value_at_risk: float


@dataclass(frozen=True)
class Recorded:
    """The totals of a record.

    Attributes
    ----------
    as_of
        The moment that the scores are for.
    made
        The time on the clock when it was written.
    later
        Whether it was computed after the fact: from what was known at `as_of`, by models of later.
    models
        Names and versions that computed it.
    tiers, stages
        By tier and by stage; customers without one are in neither.
    """

    as_of: datetime
    made: datetime
    later: bool
    models: tuple[str, ...]
    all: Total
    tiers: Mapping[str, Total]
    stages: Mapping[str, Total]

    @property
    def day(self) -> str:
        """The day of the moment, in UTC."""
        return f"{self.as_of:%Y-%m-%d}"


class ScoreHistory:
    """Keeps records of the score table. Safe for processes: a reader sees a file as a whole or not at all."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings[StoreSettings].data / "history"
        self._kept = timedelta(days=settings[MonitoringSettings].retention_days)

    def write(
        self, record: pd.DataFrame, as_of: datetime, made: datetime, models: Sequence[str], *, later: bool
    ) -> None:
        """Keep a record with `COLUMNS`, in the place of one of the same day and models, and drop those too old.

        Parameters
        ----------
        later
            See `Recorded`.
        """
        tiers, stages = _totals(record, "tier"), _totals(record, "stage")
        found = Recorded(as_of, made, later, tuple(models), _total(record), tiers, stages)
        totals = self._place(found)
        totals.parent.mkdir(parents=True, exist_ok=True)
        with replacing_file(totals.with_suffix(".parquet")) as new:
            record[list(COLUMNS)].to_parquet(new, index=False, compression="zstd")
        write_file(totals, json.dumps(asdict(found), default=str).encode())
        if not later:
            self._drop_before(as_of - self._kept)

    def recorded(self, models: Sequence[str]) -> list[Recorded]:
        """Return the totals of all records that some versions computed, the earliest first."""
        found = [_read(file) for file in sorted(self._of(models).glob("*.json"))]
        return [one for one in found if one is not None]

    def record(self, of: Recorded) -> pd.DataFrame | None:
        """Return a record, by customer; None where it is not kept any more."""
        file = self._place(of).with_suffix(".parquet")
        try:
            return pd.read_parquet(file)
        except FileNotFoundError:
            return None

    def state(self, models: Sequence[str]) -> tuple[tuple[str, int], ...]:
        """Name what the records of some versions are; another answer later means that one was written since."""
        files = sorted(self._of(models).glob("*.parquet"))
        return tuple((file.name, file.stat().st_mtime_ns) for file in files if file.exists())

    def holds(self, customer: str) -> bool:
        """Return whether a record has a customer."""
        wanted = [("customer_id", "==", customer)]
        return any(len(pd.read_parquet(file, columns=["customer_id"], filters=wanted)) for file in self._records())

    def erase(self, customer: str) -> int:
        """Remove a customer from every record; returns how many rows there were. Totals name nobody, and stay."""
        return erase_rows(self._settings, self._records(), customer)

    def _records(self) -> list[Path]:
        return sorted(self._folder.glob("*/*.parquet"))

    def _drop_before(self, moment: datetime) -> None:
        for file in self._records():
            if file.stem < f"{moment:%Y-%m-%d}":
                file.unlink(missing_ok=True)

    def _of(self, models: Sequence[str]) -> Path:
        return self._folder / fingerprint(list(models))[:8]

    def _place(self, of: Recorded) -> Path:
        return self._of(of.models) / f"{of.day}.json"


def _total(record: pd.DataFrame) -> Total:
    return Total(len(record), float(record["value_at_risk"].sum()))


def _totals(record: pd.DataFrame, column: str) -> dict[str, Total]:
    return {str(name): _total(rows) for name, rows in record.groupby(column) if name}


def _read(file: Path) -> Recorded | None:
    """Read totals; what cannot be read is left out, and logged."""
    try:
        found: dict[str, Any] = json.loads(file.read_bytes())
        as_of, made = (datetime.fromisoformat(found[name]) for name in ("as_of", "made"))
        tiers, stages = ({name: Total(**one) for name, one in found[key].items()} for key in ("tiers", "stages"))
        return Recorded(as_of, made, found["later"], tuple(found["models"]), Total(**found["all"]), tiers, stages)
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("history_not_read", file=file.name, problem=str(error))
        return None
