"""CSV files that people open in spreadsheet programs."""

#: The byte order mark makes spreadsheet programs read Chinese as UTF-8.
ENCODING = "utf-8-sig"
#: With this end of a line, a carriage return or a line feed inside a text is quoted, so that no new line begins there.
LINE_END = "\r\n"
#: A spreadsheet program may run a text that begins like this as a formula; the last four are the wide signs that
#: Chinese and Japanese keyboards write.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def guarded(text: str) -> str:
    """Return a text as it is written to such a file: with an apostrophe before what could be run as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
