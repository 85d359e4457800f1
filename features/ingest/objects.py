"""JSON: an object a line, or a list of objects, copied as texts."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from core.errors import DataError
from features.ingest.databases import write_texts
from features.ingest.text import numbered, open_bytes

_AT_ONCE = 50_000


def copy_objects(path: Path, target: Path) -> list[tuple[int, str]]:
    """Write the objects of a file to a Parquet file whose columns are all texts.

    The columns are the fields of all objects. Numbers are kept as they are written, so that long ids lose no digit;
    fields of objects in objects are columns `outer.inner`, lists stay JSON.

    Returns
    -------
    Lines that are no object, from 1, with their text.

    Raises
    ------
    DataError
        If there is no object.
    """
    names: dict[str, None] = {}
    rejected = []
    for line, found in _objects(path):
        if isinstance(found, dict):
            names.update(dict.fromkeys(_flat(found)))
        else:
            rejected.append((line, str(found)))
    if not names:
        raise DataError(
            f"{path.name}: expected a JSON object in each line, or a list of them; found none.",
            "Export it again, one object a line.",
        )
    columns = numbered(list(names))
    rows = ([flat.get(name) for name in names] for flat in map(_flat, _dicts(path)))
    write_texts(target, columns, iter(lambda: list(islice(rows, _AT_ONCE)), []))
    return rejected


def _dicts(path: Path) -> Iterator[dict[str, Any]]:
    return (found for _, found in _objects(path) if isinstance(found, dict))


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Yield what each line holds: an object, or the text of a line that holds none."""
    with open_bytes(path) as stream:
        first = stream.read(1).lstrip(b"\xef")
        while first.isspace():
            first = stream.read(1)
    with open_bytes(path) as stream:
        if first == b"[":
            whole = _loaded(stream.read().decode("utf-8-sig", errors="replace"))
            listed = whole if isinstance(whole, list) else [whole]
            yield from ((place, item if isinstance(item, dict) else str(item)) for place, item in enumerate(listed, 1))
            return
        for line, raw in enumerate(stream, start=1):
            text = raw.decode("utf-8-sig" if line == 1 else "utf-8", errors="replace").strip()
            if text:
                found = _loaded(text)
                yield line, found if isinstance(found, dict) else text


def _loaded(text: str) -> object:
    try:
        return json.loads(text, parse_int=str, parse_float=str)
    except ValueError:
        return text


def _flat(found: dict[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in found.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{before}{name}.")
        else:
            flat[before + name] = json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value
    return flat
