"""Functions that mappings may use beside DuckDB's own."""

from typing import Literal

import duckdb

#: What may stand around a number: blanks of any width, apostrophes between thousands, signs of currencies.
_SIGNS = "€$£¥￥₩₹元"
_AROUND = rf"[\s\x{{00a0}}\x{{202f}}\x{{3000}}''{_SIGNS}]|^[A-Z]{{3}}|[A-Z]{{3}}$"
_WIDE = "".join(chr(0xFF01 + place) for place in range(94))
_NARROW = "".join(chr(0x21 + place) for place in range(94))


def define_macros(con: duckdb.DuckDBPyConnection, decimal: Literal[".", ","]) -> None:
    r"""Define the functions of mappings on a connection.

    - `number(x)`: the number that a text represents, with the input's decimal sign, thousands in groups of three, a
      currency before or after, a minus before or after or as parentheses; null where it is none.
    - `currency(x)`: the code or sign of a currency in a text, null without one.
    - `id(x)`: one spelling of an identifier: upper case, without blanks, full-width characters as ASCII, without a
      trailing `.0` that a spreadsheet left.
    - `moment(x, formats)`: `try_strptime`.
    """
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
    # most ids are plain, and quickly seen to be
    plain_id = "regexp_full_match(x::VARCHAR, '[A-Z0-9_-]+')"
    wide = f"translate(x::VARCHAR, {_literal(_WIDE)}, {_literal(_NARROW)})"
    spelled = rf"regexp_replace(regexp_replace(upper({wide}), '[\s\x{{00a0}}\x{{3000}}]', '', 'g'), '\.0$', '')"
    for name, body in (
        ("number(x)", f"coalesce({plain}, {number})"),
        ("currency(x)", f"nullif(regexp_extract(x::VARCHAR, '[A-Z]{{3}}|[{_SIGNS}]'), '')"),
        ("id(x)", f"CASE WHEN {plain_id} THEN x::VARCHAR ELSE {spelled} END"),
        ("moment(x, formats)", "try_strptime(x, formats)"),
    ):
        con.execute(f"CREATE OR REPLACE TEMP MACRO {name} AS {body}")


def _literal(text: str) -> str:
    return "'" + text.replace("''", "'").replace("'", "''") + "'"
