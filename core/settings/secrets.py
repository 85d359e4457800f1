"""Passwords, which no file of settings and no address has to hold: `${NAME}` represents a value from elsewhere.

The value of `${NAME}` is that of the environment's variable `NAME`, or the content of the file that `NAME_FILE` names,
as in Docker's official images. Addresses are completed where a library needs them, not when settings are loaded: so
settings, and fingerprints of them, hold no password.
"""

import os
import re
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator

from core.errors import ConfigError

_PLACE = re.compile(r"\$\{(\w+)\}")
#: The parts of an address in which libraries decode %40 and the like: user and password, and the query.
_DECODED = re.compile(r"(?<=://)[^/]*@|\?.*")


def secret(name: str) -> str:
    """Return a value by its name, without line ends after it.

    Raises
    ------
    ConfigError
        If neither NAME nor NAME_FILE is set, if both are, or if the file cannot be read or is empty.
    """
    value, file = os.environ.get(name), os.environ.get(f"{name}_FILE")
    if (value is None) == (file is None):
        raise ConfigError(
            f"Expected one of the variables {name} and {name}_FILE, found {'none' if value is None else 'both'}.",
            f"Put the value into {name}, or into a file that {name}_FILE names.",
        )
    if file is None:
        return str(value)
    try:
        content = Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(
            f"Expected the value of {name} in {file}, which cannot be read: {reason}.",
            f"Correct {name}_FILE, or let the user that runs Encore read the file.",
        ) from error
    if not content:
        raise ConfigError(f"Expected the value of {name} in {file}, found an empty file.", "Write the value into it.")
    return content


def completed(address: str) -> str:
    """Put values in the place of every `${NAME}` of an address, encoded where the address is decoded again.

    Raises
    ------
    ConfigError
        If a value is missing or cannot be read.
    """
    encoded = _DECODED.sub(lambda part: _PLACE.sub(lambda place: quote(secret(place[1]), safe=""), part[0]), address)
    return _PLACE.sub(lambda place: secret(place[1]), encoded)


def revealed(text: str) -> str:
    """Put values in the place of every `${NAME}` of a text, as they are.

    Raises
    ------
    ConfigError
        If a value is missing or cannot be read.
    """
    return _PLACE.sub(lambda place: secret(place[1]), text)


def _readable(address: str) -> str:
    """Refuse a password that would be read as a host, a port or a path."""
    try:
        _ = urlsplit(address).port
        is_plain = address.count("@") <= 1
    except ValueError:
        is_plain = False
    if not is_plain:
        raise ValueError(
            "expected scheme://user:password@host:port/name; write a password with special characters as ${NAME}, and "
            "its value into the variable NAME or into a file that NAME_FILE names"
        )
    return address


Address = Annotated[str, AfterValidator(_readable)]
