"""Recommended settings written into encore.toml, whose comments and order stay."""

from collections.abc import Mapping
from pathlib import Path

import tomlkit

from core.errors import ConfigError
from core.files import write_file

_COMMENT = "recommended by `encore check-data`"


def apply_settings(file: Path, values: Mapping[str, int]) -> dict[str, tuple[object, int]]:
    """Write settings into a configuration file.

    Parameters
    ----------
    values
        By key, such as `churn.horizon_days`.

    Returns
    -------
    The values that have changed: what was there, None where nothing was, and what is there now.

    Raises
    ------
    ConfigError
        If there is no such file.
    """
    if not file.is_file():
        raise ConfigError(
            f"Expected a configuration file at {file} to write the recommended settings to, found none.",
            "Write one with `encore init --from …`, or name it with --config.",
        )
    document = tomlkit.parse(file.read_text(encoding="utf-8"))
    changed = {}
    for key, value in values.items():
        section, _, name = key.partition(".")
        if section not in document:
            document.add(tomlkit.nl())
            document[section] = tomlkit.table()
        table = document[section]
        before = table.get(name)
        if before != value:
            changed[key] = before, value
            item = tomlkit.item(value)
            item.comment(_COMMENT)
            table[name] = item
    if changed:
        write_file(file, tomlkit.dumps(document).encode())
    return changed
