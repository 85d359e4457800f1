"""The words of a name."""

import re
import unicodedata
from functools import cache

_SIGNS = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "º": " no ", "°": " no ", "%": " percent ", "#": " number "}
#: Names in capitals that are words after each other; nothing in them shows where one ends.
_CUT = re.compile(r"([a-zà-ÿ0-9])([A-ZÀ-Þ])|([A-ZÀ-Þ])([A-ZÀ-Þ][a-zà-ÿ])")


@cache
def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name, in lower case, without accents; capitals, digits and Chinese signs begin a word."""
    lower = _CUT.sub(r"\1\3 \2\4", name).lower()
    plain = "".join(_SIGNS.get(letter, letter) for letter in lower)
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(sign))
    return tuple(re.findall(r"[a-z]+|\d+|[^\W\da-z_]+", bare))
