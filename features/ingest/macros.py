"""Functions that mappings may use beside DuckDB's own."""

import re
from typing import Literal

import duckdb

from features.contract.ids import BLANKS, FILLERS, INVISIBLE, PLACEHOLDERS

#: What may stand around a number: blanks of any width, apostrophes between thousands, signs of currencies.
_SIGNS = "€$£¥￥₩₹元"
_AROUND = rf"[\s\x{{00a0}}\x{{202f}}\x{{3000}}''{_SIGNS}]|^[A-Z]{{3}}|[A-Z]{{3}}$"
#: Signs of which a reader sees nothing where they stand alone, as `features.contract.ids.is_visible` has it.
_UNSEEN = rf"[\p{{Cc}}\p{{Cf}}\p{{Z}}\p{{M}}{FILLERS}]"
_WIDE = "".join(chr(0xFF01 + place) for place in range(94))
_NARROW = "".join(chr(0x21 + place) for place in range(94))


def define_macros(con: duckdb.DuckDBPyConnection, decimal: Literal[".", ","]) -> None:
    r"""Define the functions of mappings on a connection.

    - `number(x)`: the number that a text represents, with the input's decimal sign, thousands in groups of three, a
      currency before or after, a minus before or after or as parentheses; null where it is none.
    - `currency(x)`: the code or sign of a currency in a text, null without one.
    - `known(x)`: a text without blanks around it; null for a blank one and for words that mean a missing value.
    - `canonical(x)`: the one form that ids have, that of `features.contract.ids.canonical_id`; null for one of which
      nothing can be seen, and for words that mean a missing value.
    - `id(x)`: one form for all variants of an id: canonical, in upper case, without blanks, wide characters as ASCII.
    - `moment(x, formats)`: `try_strptime`.
    - `turned(x, formats)`: the same for a column in which a spreadsheet has read some dates with day and month the
      wrong way round: those that are ISO 8601 now.
    - `instant(x)`: a moment in ISO 8601, also with a blank before the offset, or a date as a spreadsheet counts it:
      days since 1899-12-30, from 1954 to 2119.
    """
    for name, body in (*_numbers(decimal), *_ids(), *_moments()):
        con.execute(f"CREATE OR REPLACE TEMP MACRO {name} AS {body}")


def _numbers(decimal: Literal[".", ","]) -> tuple[tuple[str, str], ...]:
    bare = f"regexp_replace(trim(x::VARCHAR), {_literal(_AROUND)}, '', 'g')"
    signed = rf"regexp_replace(regexp_replace({bare}, '^\((.*)\)$', '-\1'), '^([^-].*)-$', '-\1')"
    group, point = (r"\.", ",") if decimal == "," else (",", r"\.")
    grammar = rf"[-+]?(\d{{1,3}}({group}\d{{3}})+|\d+)({point}\d*)?"
    # written once, since DuckDB computes an expression that occurs twice for every row, whether it is needed or not
    digits = f"regexp_extract({signed}, '^({grammar})$')"
    digits = f"replace(replace({digits}, '.', ''), ',', '.')" if decimal == "," else f"replace({digits}, ',', '')"
    number = f"TRY_CAST({digits} AS DOUBLE)"
    plain = "TRY_CAST(x AS DOUBLE)"
    if decimal == ",":
        # 1.234 is 1234 here, so that a text never is read as DuckDB would; 12 is 12 in any case
        plain = (
            r"CASE WHEN typeof(x) <> 'VARCHAR' OR regexp_full_match(x::VARCHAR, '-?\d+') THEN TRY_CAST(x AS DOUBLE) END"
        )
    return (
        ("number(x)", f"coalesce({plain}, {number})"),
        ("currency(x)", f"nullif(regexp_extract(x::VARCHAR, '[A-Z]{{3}}|[{_SIGNS}]'), '')"),
    )


def _ids() -> tuple[tuple[str, str], ...]:
    """Return the functions of texts; each looks first whether a value is plain, as most are, which is quick to see.

    What is done to the others is written in one expression, none of whose parts occurs twice; see `_numbers`.
    """
    x = "(x::VARCHAR)"
    # lengths are asked for in two ways, since what occurs twice is computed for every row
    is_long = f"bit_length({x}) > {8 * max(map(len, PLACEHOLDERS))}"
    is_known = f"({is_long} OR NOT {is_missing(x)})"
    # no word for a missing value ends with a digit, as most ids do
    is_usual = f"regexp_full_match({x}, '[A-Za-z0-9_-]*[0-9]')"
    is_plain = f"strlen({x}) = length({x}) AND {x} >= '!' AND {x}[-1] >= '!' AND {is_known}"
    unusual = ("'.'", "chr(127)")
    is_bare = f"NOT starts_with({x}, '=') AND NOT starts_with({x}, chr(39))"
    is_bare += "".join(f" AND NOT contains({x}, {sign})" for sign in unusual)
    blanks = " || ".join(f"chr({ord(sign)})" for sign in BLANKS)
    visible = f"trim(nfc_normalize(translate({x}, {_literal(INVISIBLE)}, '')), {blanks})"
    unquoted = rf"""regexp_replace(regexp_replace({visible}, '^''', ''), '^="([^"]*)"$', '\1')"""
    unguarded = rf"regexp_replace({unquoted}, '^\s*''', '')"
    canonical = _unless_missing(rf"regexp_replace(trim({unguarded}, {blanks}), '^(\d+)\.0+$', '\1')", f"|{_UNSEEN}+")
    wide = f"translate({canonical}, {_literal(_WIDE)}, {_literal(_NARROW)})"
    spelled = rf"regexp_replace(upper({wide}), '[\s\x{{00a0}}\x{{3000}}]', '', 'g')"
    spelled = rf"nullif(regexp_replace({spelled}, '^(\d+)\.0+$', '\1'), '')"
    known = _unless_missing(f"trim({x}, {blanks})")
    return (
        ("known(x)", f"CASE WHEN {is_plain} THEN {x} ELSE {known} END"),
        ("canonical(x)", f"CASE WHEN {is_usual} THEN {x} WHEN {is_plain} AND {is_bare} THEN {x} ELSE {canonical} END"),
        ("id(x)", f"CASE WHEN regexp_full_match({x}, '[A-Z0-9_-]+') AND {is_known} THEN {x} ELSE {spelled} END"),
    )


def is_missing(text: str) -> str:
    """Return the condition under which a text is blank, or a word for a missing value."""
    pattern = rf"\s*({_missing()})?\s*"
    return f"regexp_full_match({text}, {_literal(pattern)})"


def _unless_missing(text: str, others: str = "") -> str:
    """Return a text, or null where it is blank, a word for a missing value, or what other patterns fit."""
    return f"nullif(regexp_replace({text}, '^({_missing()}{others})$', ''), '')"


def _missing() -> str:
    """Return the pattern of words for a missing value."""
    return f"(?i:{'|'.join(re.escape(word) for word in sorted(PLACEHOLDERS))})|NA"


def _moments() -> tuple[tuple[str, str], ...]:
    exchanged = "['%Y-%d-%m %H:%M:%S', '%Y-%d-%mT%H:%M:%S', '%Y-%d-%m']"
    # no part occurs twice here either
    offset = r"regexp_replace(x::VARCHAR, '\s+([+-]\d\d):?(\d\d)\s*$', '\1:\2')"
    seconds = "(86400 * TRY_CAST(replace(x::VARCHAR, ',', '.') AS DOUBLE))::BIGINT"
    serial = (
        rf"CASE WHEN regexp_full_match(trim(x::VARCHAR), '[2-7]\d{{4}}([.,]\d+)?') "
        f"THEN (TIMESTAMP '1899-12-30' + to_seconds({seconds}))::TIMESTAMPTZ END"
    )
    return (
        ("moment(x, formats)", "try_strptime(x, formats)"),
        ("turned(x, formats)", f"coalesce(try_strptime(x, formats), try_strptime(x, {exchanged}))"),
        ("instant(x)", f"coalesce(TRY_CAST(x AS TIMESTAMPTZ), TRY_CAST({offset} AS TIMESTAMPTZ), {serial})"),
    )


def _literal(text: str) -> str:
    return "'" + text.replace("''", "'").replace("'", "''") + "'"
