"""Used ranges of .ods files, where a cell or a row may represent many equal ones."""

from collections.abc import Iterator
from xml.parsers import expat

from features.ingest.used.archive import Archive
from features.ingest.used.ranges import UsedRange

CONTENT = "content.xml"


def ods_ranges(archive: Archive) -> Iterator[UsedRange]:
    """Yield the used range of each sheet."""
    found = _Found()
    parser = expat.ParserCreate()
    parser.StartElementHandler = found.start
    try:
        for piece in archive.pieces(CONTENT):
            parser.Parse(piece)
        parser.Parse(b"", True)  # raises where the end is missing
    except (expat.ExpatError, ValueError) as error:
        raise archive.damaged(f"{CONTENT}: {error}") from error
    yield from found.ranges


class _Found:
    def __init__(self) -> None:
        self.ranges: list[UsedRange] = []
        self._row, self._rows, self._column = 0, 0, 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table:table":
            self.ranges.append(UsedRange(attributes.get("table:name", "")))
            self._row, self._rows = 0, 0
        elif name == "table:table-row":
            self._row += self._rows
            self._rows, self._column = int(attributes.get("table:number-rows-repeated", 1)), 0
        elif name in {"table:table-cell", "table:covered-table-cell"} and self.ranges:
            columns = int(attributes.get("table:number-columns-repeated", 1))
            if any(key.startswith("office:") for key in attributes):
                self.ranges[-1].cells += 1  # a few bytes could repeat it a billion times
                self.ranges[-1].reach(self._row + self._rows, self._column + columns)
            self._column += columns
