"""Ids of customers, orders, order lines, products and events: one canonical form, wherever an id comes in.

Exports, events, requests and queries write the same id in several ways: with signs that nobody sees, with the guard
that keeps a spreadsheet from reading it as a number, with the `.0` of a column that was one. `canonical_id` is the rule
for single texts; ingestion has the same rule in SQL.
"""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

#: Signs that no reader sees: soft hyphen, zero-width signs, marks of direction, joiners, the byte order mark.
INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064\ufeff"
#: What is cut off at both ends.
BLANKS = " \t\r\n\u00a0\u3000"
#: Letters and symbols that leave no trace: the fillers of Hangul, and the empty pattern of Braille.
FILLERS = "\u115f\u1160\u3164\uffa0\u2800"
#: Words that stand where a source has no value, in lower case; `NA` in capital letters is one too.
PLACEHOLDERS = frozenset(
    {
        *("null", "none", "nan", "nat", "n/a", "#n/a", "nil", r"\n", "undefined"),
        *("<na>", "(null)", "<null>"),
    }
)
#: A number as a spreadsheet shows a long one, whose last digits are lost; other ids may have become the same text.
DAMAGED = r"[0-9]([.,][0-9]+)?[Ee]\+[0-9]+"
#: Validation context of ids that were taken in before: their form is made canonical, and none is refused.
TAKEN_BEFORE = {"ids_taken_before": True}

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_QUOTED = re.compile(r'="([^"]*)"')
_WHOLE = re.compile(r"([0-9]+)\.0+")
_DAMAGED = re.compile(DAMAGED)
_UNSEEN = str.maketrans("", "", INVISIBLE)


def canonical_id(text: str) -> str:
    """Return the canonical form of an id; that of a canonical id is the id.

    In this order: Unicode NFC, no invisible signs, no blanks at the ends, no guards of spreadsheets (`="00123"`, one
    apostrophe before the id), no `.0` after digits. Letters keep their case. What is left may be empty.
    """
    # most ids are plain, and quickly seen to be
    while not _PLAIN.fullmatch(text):
        before = text
        text = unicodedata.normalize("NFC", text).translate(_UNSEEN).strip(BLANKS)
        if guarded := _QUOTED.fullmatch(text):
            text = guarded[1].strip(BLANKS)
        text = text.removeprefix("'").strip(BLANKS)
        if number := _WHOLE.fullmatch(text):
            text = number[1]
        if text == before:
            break
    return text


def is_visible(text: str) -> bool:
    """Return whether a reader sees anything of a text: not only blanks, controls, marks of format, and accents."""
    return any(
        sign not in FILLERS and unicodedata.category(sign) not in {"Cc", "Cf", "Zs", "Zl", "Zp", "Mn", "Mc", "Me"}
        for sign in text
    )


def visible(text: str, info: ValidationInfo) -> str:
    """Refuse a text of an event that nobody can see, unless the event was taken in before."""
    if not _taken_before(info) and not is_visible(text):
        raise ValueError("expected a text, found nothing that can be seen; leave the field out, or send its value")
    return text


def is_placeholder(text: str) -> bool:
    """Return whether a canonical id is a word for a missing value, such as NULL."""
    return text.lower() in PLACEHOLDERS or text == "NA"


def is_damaged(text: str) -> bool:
    """Return whether a canonical id is what a spreadsheet made of a long number, such as 1.23E+11; digits are lost."""
    return _DAMAGED.fullmatch(text) is not None


def _canonical(value: object) -> object:
    return canonical_id(value) if isinstance(value, str) else value


def _taken_before(info: ValidationInfo) -> bool:
    return info.context is not None and bool(info.context.get("ids_taken_before"))


def _usable(text: str, info: ValidationInfo) -> str:
    if _taken_before(info):
        return text
    if not is_visible(text):
        raise ValueError("expected an id, found nothing that can be seen; leave the event out, or send its id")
    if is_placeholder(text):
        raise ValueError(f"expected an id, found the placeholder {text}; leave the event out, or send its id")
    if is_damaged(text):
        raise ValueError(f"expected an id, found {text}, which a spreadsheet has rounded; send all of its digits")
    return text


#: An id to look for, in canonical form: 1 to 200 characters. A placeholder finds no customer.
AskedId = Annotated[str, Field(min_length=1, max_length=200), BeforeValidator(_canonical)]
#: An id to keep, in canonical form: 1 to 200 characters, none of them a control character, and some of them visible;
#: neither a placeholder nor damaged.
Id = Annotated[
    str,
    Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$"),
    BeforeValidator(_canonical),
    AfterValidator(_usable),
]
