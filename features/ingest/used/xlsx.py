"""Used ranges of .xlsx and .xlsm files, and copies of such files without the rows and columns that hold nothing."""

import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import BinaryIO
from xml.parsers import expat

from features.ingest.used.archive import Archive
from features.ingest.used.cells import column_number, places_of
from features.ingest.used.ranges import SPARSE_PLACES, UsedRange, cell_name, check_ranges, fits

#: Bytes of a sheet up to which each cell is looked at; of a larger one, the references that usual programs write.
_LOOKED_AT = 1 << 20
#: No text of a cell, and no tag, has this number of bytes.
_LONGEST = 4 << 20
#: Rows and columns that keep their places in a copy: a header is among them, and a column without a name is called by
#: its place.
_KEPT_ROWS, _KEPT_COLUMNS = 1_000, 100


def bounded_xlsx(archive: Archive, book: str) -> tuple[BinaryIO | None, Mapping[str, Sequence[int]]]:
    """Return a copy to read instead of the file, if its sheets are sparse; and the lines of the rows of those sheets.

    Raises
    ------
    DataError
        If the sheets need too much memory in a copy too.
    """
    sheets = _sheets(archive, book)
    ranges = {name: _estimated(archive, name, part) or _exact(archive, name, part) for name, part in sheets.items()}
    archive.check_size()
    folds: dict[str, _Fold] = {}
    if not fits(list(ranges.values())):
        for name, part in sheets.items():
            fold = _Fold.of(archive, name, part)
            ranges[name] = fold.used if fold else _exact(archive, name, part)
            if fold and fold.used.sparse:
                fold.used.folded = len(fold.lines), len(fold.columns)
                folds[part] = fold
    check_ranges(archive.path, list(ranges.values()))
    if not folds:
        return None, {}
    return _copy(archive, folds), {fold.used.sheet: fold.lines for fold in folds.values()}


class _Form:
    """How the elements of rows and cells begin, with the prefix of their namespace, if there is one."""

    def __init__(self, prefix: bytes) -> None:
        self._cell = b"<" + prefix + b"c "
        self._rows = re.compile(b"<" + prefix + rb'row (?:r="(\d+)")?')
        self._columns = re.compile(self._cell + rb'r="([A-Z]+)\d')
        #: the column and the row of cells that are not empty tags
        self.places = re.compile(b"(" + self._cell + rb'r=")([A-Z]+)(\d+)(?="[^<>]*(?<!/)>)')
        self._other = re.compile(self._cell)

    @classmethod
    def of(cls, start: bytes) -> "_Form | None":
        """Return the form of a sheet by its start; None if it is no sheet."""
        root = re.search(rb"<([\w.-]+:)?worksheet[\s>]", start)
        return cls(root[1] or b"") if root else None

    def add(self, xml: bytes, used: UsedRange) -> bool:
        """Add the references of a piece; return whether each row and cell has one where it is expected."""
        rows = self._rows.findall(xml)
        # one search shows whether a piece has a cell that is wider, or without a reference; few pieces have
        if self._other.search(xml):
            columns = self._columns.findall(xml)
            if len(columns) != xml.count(self._cell):
                return False
            letters = max(set(columns), key=lambda found: column_number(found.decode())).decode()
            used.reach(1, column_number(letters))
            self._other = re.compile(self._cell + b'(?:(?!r="[A-Z])|r="' + _later_columns(letters).encode() + rb"\d)")
        used.reach(max(map(int, filter(None, rows)), default=0), 1)
        return all(rows)


class _Fold:
    """The rows and columns of a sheet that hold something, and those between the first of them."""

    def __init__(self, archive: Archive, name: str, part: str, form: _Form) -> None:
        self._archive, self._part, self._form = archive, part, form
        self.used = UsedRange(name)
        rows: set[int] = set()
        columns: set[int] = set()
        for xml in _tags(archive, part):
            places = [(int(row), column_number(letters.decode())) for _, letters, row in form.places.findall(xml)]
            self.used.cells += len(places)
            for place in (max(places, default=(0, 0)), max(places, key=lambda one: one[1], default=(0, 0))):
                self.used.reach(*place)
            rows.update(row for row, _ in places)
            columns.update(column for _, column in places)
        self.lines, self.columns = _kept(rows, _KEPT_ROWS), _kept(columns, _KEPT_COLUMNS)

    @classmethod
    def of(cls, archive: Archive, name: str, part: str) -> "_Fold | None":
        """Return the fold of a sheet; None if its references are not where usual programs write them."""
        seen = _seen(archive, name, part)
        return cls(archive, name, part, seen[1]) if seen else None

    def pieces(self) -> Iterator[bytes]:
        """Yield the sheet, its cells at their places among the rows and columns that are kept.

        A cell is where its own reference says, in whatever row it stands.
        """
        rows = {line: place for place, line in enumerate(self.lines, start=1)}
        columns = {column: place for place, column in enumerate(self.columns, start=1)}

        def moved(cell: re.Match[bytes]) -> bytes:
            column = columns[column_number(cell[2].decode())]
            return cell[1] + cell_name(rows[int(cell[3])], column).encode()

        for xml in _tags(self._archive, self._part):
            yield self._form.places.sub(moved, xml)


def _copy(archive: Archive, folds: Mapping[str, _Fold]) -> BinaryIO:
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as copy:
        for part in archive.parts:
            with copy.open(part, "w", force_zip64=True) as target:
                target.writelines(folds[part].pieces() if part in folds else archive.pieces(part))
    content.seek(0)
    return content


def _kept(used: Iterable[int], first: int) -> Sequence[int]:
    """Return the places that are used, and those between them among the first ones."""
    near = max((place for place in used if place <= first), default=0)
    return [*range(1, near + 1), *sorted(place for place in used if place > first)]


def _sheets(archive: Archive, book: str) -> dict[str, str]:
    """Return the parts of the sheets, by name."""
    targets = archive.targets(book)
    sheets = {}
    for element in archive.tree(book).iter():
        if element.tag.endswith("}sheet"):
            reference = next((value for key, value in element.items() if key.endswith("}id")), "")
            if reference in targets:
                sheets[element.get("name", "")] = targets[reference]
    return sheets


def _exact(archive: Archive, name: str, part: str) -> UsedRange:
    used = UsedRange(name)
    try:
        for row, column in places_of(archive.pieces(part)):
            used.cells += 1
            used.reach(row, column)
    except (expat.ExpatError, ValueError) as error:
        raise archive.damaged(f"{part}: {error}") from error
    return used


def _estimated(archive: Archive, name: str, part: str) -> UsedRange | None:
    """Return the range of the references in a large sheet, those of cells without a value too.

    None for a small sheet, and for one whose references are not where usual programs write them.
    """
    seen = _seen(archive, name, part)
    if seen is None or archive.size(part) <= _LOOKED_AT:
        return None
    used = seen[0]
    if used.places > SPARSE_PLACES:
        used.cells = sum(piece.count(b'c r="') for piece in archive.pieces(part))
    else:
        used.cells = used.places  # few enough to be read in any case
    return used


def _seen(archive: Archive, name: str, part: str) -> tuple[UsedRange, _Form] | None:
    """Return the range of all references, its cells not counted; None if they are not where they are expected."""
    used, form = UsedRange(name), None
    for xml in _tags(archive, part):
        form = form or _Form.of(xml)
        if form is None or not form.add(xml, used):
            return None
    return (used, form) if form else None


def _tags(archive: Archive, part: str) -> Iterator[bytes]:
    """Yield a part in pieces that end where a tag does."""
    rest = b""
    for piece in archive.pieces(part):
        xml = rest + piece
        end = xml.rfind(b">") + 1
        rest = xml[end:]
        if len(rest) > _LONGEST:
            raise archive.damaged(f"{part}: no tag in {_LONGEST >> 20} MiB")
        yield xml[:end]
    yield rest


def _later_columns(letters: str) -> str:
    """Return a pattern for the columns after one: for AB those are [A-Z]{3,}, [B-Z][A-Z] and A[C-Z]."""
    forms = [f"[A-Z]{{{len(letters) + 1},}}"]
    for place, letter in enumerate(letters):
        if letter < "Z":
            rest = len(letters) - place - 1
            forms.append(f"{letters[:place]}[{chr(ord(letter) + 1)}-Z][A-Z]{{{rest}}}")
    return f"(?:{'|'.join(forms)})"
