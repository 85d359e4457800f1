"""The errors a user can fix. The command line shows them without a traceback and exits with 2."""

import re


class EncoreError(Exception):
    """Something outside Encore's code is wrong: a file, a value, a store that does not answer.

    Parameters
    ----------
    problem
        What was expected and what was found, in one or two sentences.
    remedy
        What the reader can do about it, as an imperative sentence.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem = problem
        self.remedy = remedy


class ConfigError(EncoreError):
    """A value in `encore.toml` or in an `ENCORE_…` variable is not acceptable."""


class DataError(EncoreError):
    """The data cannot be mapped to the contract, or are not enough for what is to be computed."""


class StateError(EncoreError):
    """An earlier step has not been run, or what it left no longer fits."""


class StoreError(EncoreError):
    """A store (Feast's registry or online store, MLflow's tracking server) does not answer."""


#: The folders of a path, up to the name of the file; addresses of servers and routes of the API have none.
_FOLDERS = re.compile(r"(?<![\w.:/])/(?!v1/)(?:[^\s/'\",;:]+/)+")


def without_folders(text: str) -> str:
    """Return a text whose paths are only names of files, for readers who must not learn where files lie."""
    return _FOLDERS.sub("", text)
