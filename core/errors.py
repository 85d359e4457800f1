"""The errors a user can fix. The command line shows them without a traceback and exits with 2."""

import re

#: Passwords as addresses hold them, and as Feast's connection strings do.
_PASSWORD = re.compile(r"(?P<before>://[^\s/@:]*:)\S+(?=@)|(?P<option>password=)[^\s,]+")


def hide_passwords(text: str) -> str:
    """Return a text with `***` in the place of passwords of addresses."""
    return _PASSWORD.sub(lambda found: f"{found['before'] or found['option']}***", text)


class EncoreError(Exception):
    """Something outside Encore's code is wrong: a file, a value, a store that does not answer.

    Texts of libraries and of the user's settings end in here, so passwords of addresses are hidden here.

    Parameters
    ----------
    problem
        What was expected and what was found, in one or two sentences.
    remedy
        What the reader can do about it, as an imperative sentence.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem = hide_passwords(problem)
        self.remedy = remedy
        super().__init__(f"{self.problem} {remedy}")


class ConfigError(EncoreError):
    """A value in `encore.toml` or in an `ENCORE_…` variable is not acceptable."""


class DataError(EncoreError):
    """The data cannot be mapped to the contract, or are not enough for what is to be computed."""


class StateError(EncoreError):
    """An earlier step has not been run, or what it left no longer fits."""


class StoreError(EncoreError):
    """A store (Feast's registry or online store, MLflow's tracking server) does not answer."""


#: The folders of a path, up to the name of the file, in the address of a file too. Addresses of servers and routes of
#: the API have none.
_FOLDERS = re.compile(r"(?:(?<![\w.:/])|(?<=://)/?)/(?!v1/)(?:[^\s/'\",;:]+/)+")


def without_folders(text: str) -> str:
    """Return a text whose paths are only names of files, for readers who must not learn where files lie."""
    return _FOLDERS.sub("", text)
