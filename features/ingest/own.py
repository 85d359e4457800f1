"""What ingestion reads beside the inputs of the configuration: the assignments of Encore's own campaigns."""

from core.settings import StoreSettings
from core.stamps import fingerprint
from features.contract.assigned import assigned_directory
from features.ingest.settings import InputSettings
from features.ingest.units import SourceFile, Unit

#: The input of these files. It comes after all others, so that its rows stay where a key is theirs too, and says
#: nothing about the place of the data folder, which may move.
OWN_ASSIGNMENTS = InputSettings(table="assignments", path="campaigns of Encore")


def own_units(stores: StoreSettings) -> list[Unit]:
    """Return the files of campaigns that were started."""
    units = []
    for path in sorted(assigned_directory(stores).glob("*.parquet")):
        file = SourceFile(f"{OWN_ASSIGNMENTS.path}/{path.name}", path.resolve())
        units.append(Unit(OWN_ASSIGNMENTS, file.name, file, fingerprint(file.seen)))
    return units
