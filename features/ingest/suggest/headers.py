"""The line of the names: titles, periods and blank rows may stand above it."""

from collections.abc import Sequence
from typing import Any

#: A header is one of the first rows.
_LOOKED_AT = 30


def find_header(rows: Sequence[Sequence[Any]]) -> int:
    """Return the line, from 1, of the names of the columns.

    That is the first row with a text in nearly every column that the rows below it fill. Where there is none, it is the
    first one.
    """
    for place, row in enumerate(rows[:_LOOKED_AT]):
        below = [len(_filled(other)) for other in rows[place + 1 : place + 1 + _LOOKED_AT] if _filled(other)]
        usual = sorted(below)[len(below) // 2] if below else 1
        names = _filled(row)
        if len(names) >= max(2, 0.8 * usual) and all(map(_is_name, names)):
            return place + 1
    return 1


def _filled(row: Sequence[Any]) -> list[str]:
    return [str(value).strip() for value in row if value is not None and str(value).strip()]


def _is_name(text: str) -> bool:
    return any(letter.isalpha() for letter in text) and not text[0].isdigit()
