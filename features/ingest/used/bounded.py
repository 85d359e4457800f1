"""A workbook that can be read in bounded memory."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from features.ingest.used import ods, xls, xlsb, xlsx
from features.ingest.used.archive import Archive
from features.ingest.used.ranges import check_ranges


class Bounded(NamedTuple):
    """What to read of a workbook: the file, or a copy without the rows and columns that hold nothing.

    Attributes
    ----------
    copy
        None if the file itself can be read.
    lines
        Of each sheet that is another one in the copy: the rows of the sheet, from 1, that its rows were.
    """

    copy: BinaryIO | None
    lines: Mapping[str, Sequence[int]]


def bound(path: Path) -> Bounded:
    """Find the used ranges of a workbook, by its content.

    A workbook of another kind, or none, is left to its reader.

    Raises
    ------
    DataError
        If it is damaged, or reading it would need much more memory than its values.
    """
    with path.open("rb") as file:
        magic = file.read(len(xls.MAGIC))
    if magic == xls.MAGIC:
        check_ranges(path, list(xls.xls_ranges(path)))
    elif zipfile.is_zipfile(path):
        archive = Archive(path)
        if archive.find(ods.CONTENT):
            check_ranges(path, list(ods.ods_ranges(archive)))
        elif archive.find(xlsb.BOOK):
            check_ranges(path, list(xlsb.xlsb_ranges(archive)))
        elif book := archive.targets().get("officeDocument"):
            return Bounded(*xlsx.bounded_xlsx(archive, book))
        archive.check_size()
    return Bounded(None, {})
