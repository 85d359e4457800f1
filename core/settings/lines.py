"""The line of a key in a TOML file, for messages."""

import re
from collections.abc import Sequence

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?")
_KEY = re.compile(r"""^\s*["']?([A-Za-z0-9_-]+)["']?\s*=""")


def line_of(text: str, location: Sequence[str]) -> int | None:
    """Return the line, from 1, of a key, or of the table that would hold it; None where neither is in the file.

    Parameters
    ----------
    text
        A TOML file that can be parsed.
    location
        Names of tables and keys, and places in lists, from 0.
    """
    counts: dict[str, int] = {}
    here: tuple[str, ...] = ()
    best: tuple[int, int] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            here = _path(header[2], counts, is_list=header[1] == "[[")
            found = here
        elif key := _KEY.match(line):
            found = (*here, key[1])
        else:
            continue
        depth = len(found)
        if tuple(location[:depth]) == found and (best is None or depth > best[0]):
            best = depth, number
    return None if best is None else best[1]


def _path(name: str, counts: dict[str, int], *, is_list: bool) -> tuple[str, ...]:
    """Return the path of a table, with the place of each table of a list."""
    if is_list:
        counts[name] = counts.get(name, -1) + 1
    path: list[str] = []
    parts = [part.strip().strip("\"'") for part in name.split(".")]
    for place, part in enumerate(parts, start=1):
        path.append(part)
        whole = ".".join(parts[:place])
        if whole in counts:
            path.append(str(counts[whole]))
    return tuple(path)
