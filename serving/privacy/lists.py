"""Files for people in the data folder that can name customers: exported lists and the data report."""

import csv
import io
from pathlib import Path

from core.errors import DataError
from core.files import write_file
from core.settings import Settings, StoreSettings
from core.spreadsheets import ENCODING, LINE_END, guarded
from features.erase import erase_rows
from features.ingest.quarantine import quarantine_path
from serving.campaigns.export import exports_directory
from training.readiness.check import page_path


def erase_lists(settings: Settings, customer_id: str) -> int:
    """Remove a customer's rows from the lists that `encore score` wrote to the data folder; returns how many."""
    stores = settings[StoreSettings]
    tables = [file for file in stores.data.glob("*.parquet") if file != quarantine_path(stores)]
    return erase_rows(settings, tables, customer_id) + sum(
        _erase_csv_rows(file, customer_id) for file in sorted(stores.data.glob("*.csv"))
    )


def erase_campaign_files(stores: StoreSettings, customer_id: str) -> int:
    """Remove a customer's rows from the exports of campaigns that are still below the data; returns how many."""
    return sum(_erase_csv_rows(file, customer_id) for file in sorted(exports_directory(stores).glob("*.csv")))


def erase_check_page(stores: StoreSettings) -> int:
    """Remove the data report, which may show ids as examples; `encore check-data` writes it again."""
    page = page_path(stores)
    removed = int(page.is_file())
    page.unlink(missing_ok=True)
    return removed


def _erase_csv_rows(file: Path, customer_id: str) -> int:
    try:
        with file.open(encoding=ENCODING, newline="") as stream:
            rows = list(csv.reader(stream))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{file.name} in the data folder cannot be read as a list, so that nobody knows whom it names.",
            "Remove it, or move it to another folder.",
        ) from error
    if not rows or "customer_id" not in rows[0]:
        return 0
    place = rows[0].index("customer_id")
    # lists of earlier versions have no guards
    written = {customer_id, guarded(customer_id)}
    kept = [rows[0], *(row for row in rows[1:] if len(row) <= place or row[place] not in written)]
    if len(kept) < len(rows):
        target = io.StringIO()
        csv.writer(target, lineterminator=LINE_END).writerows(kept)
        write_file(file, target.getvalue().encode(ENCODING))
    return len(rows) - len(kept)
