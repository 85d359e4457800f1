"""A data folder of the layout before this one, converted.

Kept as it is: the event log, keys, the audit log, impressions, erased ids, tuning, segments and contract tables. Their
stamp is converted. Removed, since it is computed again: features, Feast's registry, the online store, scores.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.jobs import job
from core.settings import Settings, StoreSettings
from core.stamps import LAYOUT, read_any_stamp, write_stamp

#: Names of totals in layout 1, and in this one.
_TOTALS = {"set_aside": "skipped", "unusable": "rejected"}
_REMOVED = ("features", "feast", "online")


def needs_upgrade(data: Path) -> bool:
    """Return whether a folder of results below the data was written in an earlier layout."""
    return any(read_any_stamp(data / name)[1] < LAYOUT for name in ("contract", *_REMOVED))


def upgrade_data(settings: Settings, scores: Sequence[Path]) -> bool:
    """Convert the data folder if it is of an earlier layout. If this is interrupted, the next call completes it.

    Parameters
    ----------
    scores
        Files of scores, which are computed again.

    Returns
    -------
    Whether there was anything to convert.

    Raises
    ------
    StoreError
        If a job over all customers runs.
    """
    stores = settings[StoreSettings]
    if not needs_upgrade(stores.data):
        return False
    with job(stores, "the upgrade of the data folder", alone=True):
        files = [*scores, *(Path(str(file) + end) for file in scores for end in ("-wal", "-shm"))]
        files += [Path(url.split("://", 1)[1]) for url in (stores.registry, stores.online) if _is_file(url)]
        for file in files:
            file.unlink(missing_ok=True)
        for name in _REMOVED:
            shutil.rmtree(stores.data / name, ignore_errors=True)
        # the last one, as it is by this stamp that an interrupted conversion is found again
        stamp, layout = read_any_stamp(stores.data / "contract")
        if stamp and layout < LAYOUT:
            write_stamp(stores.data / "contract", _converted(settings, stamp))
    return True


def _is_file(url: str) -> bool:
    return url.startswith(("file://", "sqlite://"))


def _converted(settings: Settings, stamp: dict[str, Any]) -> dict[str, Any]:
    """Return the stamp of the contract tables with this layout's names and fingerprints of mappings."""
    # imported here, as this is asked for by every command and runs once
    from features.ingest.plan import mapping_fingerprint  # noqa: PLC0415
    from features.ingest.settings import DataSettings  # noqa: PLC0415
    from features.ingest.units import find_inputs  # noqa: PLC0415

    data = settings[DataSettings]
    mappings = {}
    for item in find_inputs(data)[1]:
        text = item.model_dump_json().replace('"incremental_column":', '"newer":', 1)
        before = _fingerprint_before(text, data.timezone, list(data.keys.get(item.table, ())))
        mappings[before] = mapping_fingerprint(data, item)
    inputs = [{**one, "totals": _renamed(one["totals"])} for one in stamp["inputs"]]
    segments = [
        {**one, "totals": _renamed(one["totals"]), "mapping": mappings.get(one["mapping"], one["mapping"])}
        for one in stamp["segments"]
    ]
    return {**stamp, "inputs": inputs, "segments": segments}


def _renamed(totals: dict[str, Any]) -> dict[str, Any]:
    return {_TOTALS.get(name, name): value for name, value in totals.items()}


def _fingerprint_before(item: str, timezone: str, key: list[str]) -> str:
    """Hash an input as layout 1 did, whose settings had a key of another name."""
    digest = hashlib.sha256()
    for text in (item, json.dumps(timezone), json.dumps(key)):
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()[:16]
