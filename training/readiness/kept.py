"""What `encore check-data` found last, as far as it names no customer, kept for those who read it later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from core.files import write_file
from core.settings import Section, Settings, StoreSettings
from training.readiness.check import Checked, Judge, check_data
from training.readiness.fitness import Finding, Verdict


@dataclass(frozen=True)
class Judgement:
    """What the data are fit for, for one model.

    Attributes
    ----------
    model
        Its name in a sentence.
    recommended
        Settings that the data recommend, by key such as `churn.horizon_days`.
    """

    model: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    recommended: Mapping[str, int]


@dataclass(frozen=True)
class Kept:
    """What was found. Observations are left out: they may show ids of customers as examples.

    Attributes
    ----------
    at
        The clock when it was computed.
    as_of
        The moment taken for now.
    freshness
        How far the data reach, in sentences.
    """

    at: datetime
    as_of: datetime
    freshness: tuple[str, ...]
    models: tuple[Judgement, ...]

    def recommended(self, settings: Settings) -> list["Recommended"]:
        """Return the settings that the data recommend, each beside the present one."""
        found = {key: value for one in self.models for key, value in one.recommended.items()}
        return [Recommended(key, _present(settings, key), value) for key, value in found.items()]


@dataclass(frozen=True)
class Recommended:
    """A setting, such as `churn.horizon_days`, as it is and as the data recommend it; `present` is None where unset."""

    key: str
    present: object
    value: int


_JSON = TypeAdapter(Kept)


def check_and_keep(settings: Settings, now: datetime, models: Sequence[Judge]) -> Checked:
    """Check the data, and keep what was found; parameters and errors are those of `check_data`."""
    checked = check_data(settings, now, models)
    judged = tuple(Judgement(one.model, one.verdict, one.findings, one.recommended) for one in checked.fitness)
    kept = Kept(now, checked.as_of, checked.freshness, judged)
    write_file(_path(settings[StoreSettings]), _JSON.dump_json(kept))
    return checked


def read_kept(stores: StoreSettings) -> Kept | None:
    """Return what was found last; None where nothing was, or another version of Encore wrote it."""
    try:
        return _JSON.validate_json(_path(stores).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _present(settings: Settings, key: str) -> object:
    section, _, name = key.partition(".")
    found = next((one for one in settings.every(Section) if one.section == section), None)
    return getattr(found, name, None)


def _path(stores: StoreSettings) -> Path:
    return stores.data / "checked.json"
