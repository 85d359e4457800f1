"""Parts of a workbook that is a zip archive, inflated a piece at a time and only so far."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

from core.errors import DataError

#: Bytes that the parts of a workbook may inflate to, all together.
MOST_BYTES = 2 << 30
#: Of a part that lists the sheets.
_MOST_OF_LIST = 16 << 20
_PIECE = 1 << 20
_LOCAL_HEADER = 30


class Archive:
    """The parts of a workbook. Their sizes as the archive gives them are not trusted: each part is inflated.

    Raises
    ------
    DataError
        Each method: if the archive is damaged, or inflates to more than `MOST_BYTES`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._readable(), zipfile.ZipFile(path) as opened:
            self._parts = {_normal(info.filename): info for info in opened.infolist()}
        self._inflated: dict[str, int] = {}

    @property
    def parts(self) -> list[str]:
        """Their names."""
        return [info.filename for info in self._parts.values()]

    def find(self, part: str) -> str | None:
        """Return the name of a part as it is written in the archive; None if it is not there."""
        info = self._parts.get(_normal(part))
        return info.filename if info else None

    def size(self, part: str) -> int:
        """Return the bytes of a part that was read; 0 if it was not."""
        return self._inflated.get(_normal(part), 0)

    def check_size(self) -> None:
        """Inflate the parts that nobody has read yet, to see how large they are."""
        for part in self._parts.keys() - self._inflated.keys():
            for _ in self.pieces(part):
                pass

    def pieces(self, part: str) -> Iterator[bytes]:
        """Yield the inflated bytes of a part."""
        size, others = 0, sum(other for name, other in self._inflated.items() if name != _normal(part))
        for piece in self._inflate(self._parts[_normal(part)]):
            size += len(piece)
            if size + others > MOST_BYTES:
                raise DataError(
                    f"{self.path.name}: its parts inflate to more than {MOST_BYTES >> 20:,} MiB, at {self.find(part)}.",
                    "If so much is meant, export the sheets as CSV or Parquet.",
                )
            yield piece
        self._inflated[_normal(part)] = size

    def tree(self, part: str) -> ElementTree.Element:
        """Return a part that lists something, as a tree."""
        content = bytearray()
        for piece in self.pieces(part):
            content += piece
            if len(content) > _MOST_OF_LIST:
                raise self.damaged(f"{part} has more than {_MOST_OF_LIST >> 20} MiB")
        try:
            return ElementTree.fromstring(bytes(content))  # noqa: S314 - expat limits how far entities grow
        except ElementTree.ParseError as error:
            raise self.damaged(f"{part}: {error}") from error

    def targets(self, part: str = "") -> dict[str, str]:
        """Return the parts that a part refers to, by the ids of the references; those of the archive by their kinds."""
        folder, _, name = part.rpartition("/")
        relations = f"{folder}/_rels/{name}.rels".removeprefix("/")
        if self.find(relations) is None:
            return {}
        found = {}
        for one in self.tree(relations):
            target = one.get("Target", "").removeprefix("/")
            key = one.get("Id", "") if part else one.get("Type", "").rpartition("/")[2]
            # relative to the folder, or from the root
            place = self.find(f"{folder}/{target}".removeprefix("/")) or self.find(target)
            if place is not None:
                found[key] = place
        return found

    def damaged(self, reason: object) -> DataError:
        """Return the error of a part that is not as it should be."""
        return DataError(f"{self.path.name} cannot be read as a workbook: {reason}.", "Save it again as .xlsx.")

    def _inflate(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise self.damaged(f"{info.filename} is compressed in a way that is not known")
        with self._readable(), self.path.open("rb") as file:
            file.seek(info.header_offset)
            header = file.read(_LOCAL_HEADER)
            file.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
            inflate = zlib.decompressobj(-zlib.MAX_WBITS) if info.compress_type == zipfile.ZIP_DEFLATED else None
            left = info.compress_size
            while left > 0 and (packed := file.read(min(_PIECE, left))):
                left -= len(packed)
                if inflate is None:
                    yield packed
                    continue
                while packed:
                    yield inflate.decompress(packed, _PIECE)
                    packed = inflate.unconsumed_tail

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (zipfile.BadZipFile, zlib.error, OSError) as error:
            raise self.damaged(error) from error


def _normal(part: str) -> str:
    return part.replace("\\", "/").lower()
