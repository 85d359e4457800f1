"""Sheets of Excel workbooks, copied as texts."""

from itertools import islice
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

from core.errors import DataError
from core.progress import batches
from features.ingest.databases import write_texts
from features.ingest.settings import InputSettings
from features.ingest.text import numbered

_AT_ONCE = 50_000


def copy_sheet(path: Path, item: InputSettings, target: Path) -> Path:
    """Write a sheet to a Parquet file whose columns are all texts.

    Numbers without a fraction are written as whole ones, dates as ISO 8601, so that mappings are those of a CSV file.

    Raises
    ------
    DataError
        If the file is no workbook, has no such sheet, or no header in `header_line`.
    """
    try:
        book = CalamineWorkbook.from_path(path)
        names = book.sheet_names
        if item.sheet is not None and item.sheet not in names:
            raise DataError(
                f"{path.name}: expected a sheet {item.sheet!r}, found {', '.join(names)}.", "Correct `sheet`."
            )
        rows = book.get_sheet_by_name(item.sheet or names[0]).to_python(skip_empty_area=False)
    except (CalamineError, OSError) as error:
        raise DataError(f"{path.name} cannot be read as a workbook: {error}.", "Save it again as .xlsx.") from error
    header = list(islice(rows, item.header_line - 1, item.header_line))
    if not header:
        raise DataError(
            f"{path.name}: expected a header in row {item.header_line}, found a shorter sheet.",
            "Correct `header_line`.",
        )
    body = [[None if value == "" else value for value in row] for row in rows[item.header_line :]]
    write_texts(target, numbered([str(name) for name in header[0]]), batches(body, _AT_ONCE))
    return target
