"""Which files of features are still true: one partition for each view and snapshot, with what it was made from."""

import os
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypedDict

from core.stamps import fingerprint
from features.engine.computation import Rows
from features.engine.fingerprints import Seen
from features.engine.write import files_of
from features.views.view import FeatureView


class Partition(TypedDict):
    """What a partition was made from, and how many rows it has."""

    made_from: str
    rows: int


#: By view, and by snapshot as a text.
Stamp = dict[str, dict[str, Partition]]


class Partitions:
    """The partitions of a folder of features, and those of the one that takes its place.

    Parameters
    ----------
    folders
        Folders of features with their partitions: the one there is, and those to take equal partitions from.
    computation
        Names how features are computed; see `features.engine.build.feature_computation`.
    """

    def __init__(self, folders: Mapping[Path, Stamp], computation: str) -> None:
        self._folders = folders
        self._computation = computation
        self._now: Stamp = {}

    def keep(
        self, new: Path, wanted: Mapping[FeatureView, Sequence[datetime]], seen: Seen
    ) -> dict[FeatureView, list[datetime]]:
        """Take over the partitions whose snapshots see the same as before; returns the others, which are to compute."""
        stale: dict[FeatureView, list[datetime]] = {}
        for view, moments in wanted.items():
            for moment in moments:
                made_from = fingerprint(self._computation, seen.by(view, moment))
                rows, files = self._found(view, moment, made_from)
                if files:
                    _link(files, new / view.name)
                else:
                    stale.setdefault(view, []).append(moment)
                self._now.setdefault(view.name, {})[moment.isoformat()] = {"made_from": made_from, "rows": rows}
        return stale

    def _found(self, view: FeatureView, moment: datetime, made_from: str) -> tuple[int, list[Path]]:
        """Return the number of rows and the files of a partition that was made from the same; none if there is none."""
        for folder, stamp in self._folders.items():
            before = stamp.get(view.name, {}).get(moment.isoformat())
            if before is not None and before["made_from"] == made_from:
                files = files_of(folder, view.name, moment)
                if files:
                    return before["rows"], files
        return 0, []

    def add(self, computed: Rows) -> None:
        """Note the numbers of rows of partitions that were computed."""
        for (view, moment), rows in computed.items():
            self._now[view][moment.isoformat()]["rows"] = rows

    def rows(self) -> dict[str, int]:
        """Return the number of rows of each view."""
        return {view: sum(one["rows"] for one in partitions.values()) for view, partitions in self._now.items()}

    def stamp(self) -> Stamp:
        """Return the partitions of the new folder."""
        return self._now


def _link(files: Sequence[Path], folder: Path) -> None:
    """Put files into another folder too: by their names alone, since files of features are replaced, never changed."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        try:
            os.link(file, folder / file.name)
        except OSError:
            shutil.copy2(file, folder / file.name)  # where the file system has no second names
