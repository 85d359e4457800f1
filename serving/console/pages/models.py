"""Models: how good each is, how it does in use, who decided what about its versions; promotion and roll-back."""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from core.errors import StateError
from core.settings import StoreSettings
from serving.console import model_charts
from serving.console.judging import can_measure, promote_version, roll_back
from serving.console.markdown import as_html
from serving.console.rendering import render
from serving.console.visitors import Analyst, Visitor
from training.lifecycle.pages import command_of, page_of
from training.lifecycle.promotions import CHANGES, Entry, PromotionLog
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.standing import Standing, standing
from training.lifecycle.tracking import Tracking
from training.lifecycle.version import Version
from training.monitoring.kept import Kept, read_kept
from training.monitoring.monitor import InUse
from training.monitoring.report import bands_of, expected_and_left, most_moved
from training.registry import MODELS, Registered, find_model

router = APIRouter(prefix="/models")
#: Versions and decisions that a page shows, the newest.
_SHOWN = 20
_Reason = Annotated[str, Form(max_length=500)]
_Typed = Annotated[str, Form(max_length=200)]


@dataclass(frozen=True)
class _Desk:
    """What every page about models reads."""

    tracking: Tracking
    log: PromotionLog
    kept: Kept | None

    @classmethod
    def of(cls, visitor: Visitor) -> "_Desk":
        settings = visitor.state.settings
        stores = settings[StoreSettings]
        return cls(Tracking(settings[TrackingSettings]), PromotionLog(stores), read_kept(stores))

    def standing(self, registered: Registered) -> Standing:
        return standing(registered.registered_name, self.tracking, self.log)

    def entries(self, registered: Registered, limit: int | None = None) -> list[Entry]:
        return self.log.entries(self.tracking.own(registered.registered_name), limit)

    def in_use(self, registered: Registered) -> InUse | None:
        return None if self.kept is None else self.kept.model(registered.name)


@router.get("")
def overview(visitor: Analyst) -> Response:
    """Show how good each model is, and since when which version answers."""
    desk = _Desk.of(visitor)
    models = [
        {"registered": one, "standing": desk.standing(one), "in_use": desk.in_use(one), "days": _days(visitor, one)}
        for one in MODELS
    ]
    return render(visitor, "models", models=models, kept=desk.kept)


@router.get("/{name}")
def model(visitor: Analyst, name: str, decided: str = "") -> Response:
    """Show one model: its use, its drift, its versions, and decisions about them.

    Parameters
    ----------
    decided
        Number of a version that was decided about just now.
    """
    desk, registered = _Desk.of(visitor), _registered(name)
    versions = list(islice(desk.tracking.versions(registered.registered_name), _SHOWN))
    entries = desk.entries(registered, _SHOWN)
    return render(
        visitor,
        "model",
        registered=registered,
        standing=desk.standing(registered),
        days=_days(visitor, registered),
        versions=[_shown(registered, version) for version in versions],
        entries=entries,
        decided=next((entry for entry in entries if entry.version == decided), None),
        kept=desk.kept,
        **_use(visitor, desk.in_use(registered)),
    )


@router.get("/{name}/{number}")
def version(visitor: Analyst, name: str, number: str) -> Response:
    """Show one version: its figures, what the gate said, its card; and let it be promoted or rolled back to."""
    return _version_page(visitor, _registered(name), number)


@router.post("/{name}/{number}/promote")
def promote(visitor: Analyst, name: str, number: str, why: _Reason = "", typed: _Typed = "") -> Response:
    """Ask the gate, and make the version the champion where it passes; its label has to be typed."""
    registered = _registered(name)
    _check_number(number)
    if wrong := _wrong(registered, number, why, typed):
        return _version_page(visitor, registered, number, form="promote", why=why, typed=typed, wrong=wrong)
    visitor.note()
    done = promote_version(visitor, registered, number, why.strip())
    return _decided(registered, done.version.number)


@router.post("/{name}/{number}/roll-back")
def rolled_back(visitor: Analyst, name: str, number: str, why: _Reason = "", typed: _Typed = "") -> Response:
    """Let an earlier champion answer again; its label has to be typed."""
    registered = _registered(name)
    _check_number(number)
    if wrong := _wrong(registered, number, why, typed):
        return _version_page(visitor, registered, number, form="roll-back", why=why, typed=typed, wrong=wrong)
    visitor.note()
    roll_back(visitor, registered, number, why.strip())
    return _decided(registered, number)


def _registered(name: str) -> Registered:
    found = find_model(name)
    if found is None:
        raise HTTPException(404, f"There is no model {name[:100]!r}.")
    return found


def _check_number(number: str) -> None:
    """Refuse aliases and workspaces, which are no addresses of pages."""
    if not number.isdecimal():
        raise HTTPException(404, f"There is no version {number[:100]!r}.")


def _version(tracking: Tracking, registered: Registered, number: str) -> Version:
    _check_number(number)
    try:
        return tracking.version(registered.registered_name, number)
    except StateError as error:
        raise HTTPException(404, str(error)) from error


def _decided(registered: Registered, number: str) -> Response:
    return RedirectResponse(f"/console/models/{registered.registered_name}?decided={number}", status_code=303)


def _wrong(registered: Registered, number: str, why: str, typed: str) -> list[str]:
    """Return the fields of a form that do not hold what was expected."""
    expected = f"{registered.registered_name}/{number}"
    fields = {"why": bool(why.strip()), "typed": typed.strip() == expected}
    return [field for field, is_right in fields.items() if not is_right]


def _version_page(visitor: Visitor, registered: Registered, number: str, **typed: str | list[str]) -> Response:
    desk = _Desk.of(visitor)
    found = _version(desk.tracking, registered, number)
    card = desk.tracking.card(found)
    settings = visitor.state.settings[TrackingSettings]
    entries = [entry for entry in desk.entries(registered) if entry.version == found.number]
    page = render(
        visitor,
        "model_version",
        status=422 if typed else 200,
        registered=registered,
        standing=desk.standing(registered),
        shown=_shown(registered, found),
        decision=desk.tracking.decision(found),
        entries=entries,
        was_champion=any(entry.action in CHANGES for entry in entries),
        card=None if card is None else as_html(card),
        mlflow={"page": page_of(found, settings), "command": command_of(settings), "run": found.run_id},
        can_measure=can_measure(),
        typed={"form": "", "why": "", "typed": "", "wrong": [], **typed},
    )
    if typed:  # the address of the form shows nothing when it is loaded again
        page.headers["HX-Push-Url"] = "false"
    return page


def _shown(registered: Registered, found: Version) -> dict[str, Any]:
    """Return a version with its figures beside those of a baseline."""
    return {
        "version": found,
        "made": datetime.fromtimestamp(found.created / 1000, tz=UTC),
        "data_end": None if found.data_end is None else datetime.fromisoformat(found.data_end),
        "figures": registered.headlines(found.metrics),
    }


def _days(visitor: Visitor, registered: Registered) -> int:
    """Return the days until it is known what came of an answer."""
    return visitor.state.settings[registered.settings].windows.reach_days


def _use(visitor: Visitor, one: InUse | None) -> dict[str, Any]:
    """Return how a model does in use, as pictures and tables."""
    if one is None:
        return {"in_use": None, "charts": [], "calibration": None, "drifted": [], "offers": []}
    bands = bands_of(one.weeks)
    return {
        "in_use": one,
        "charts": model_charts.by_week(one, visitor.words),
        "calibration": model_charts.calibration(bands, visitor.words) if bands else None,
        "sums": expected_and_left(bands),
        "offers": model_charts.offers(one, visitor.words) if one.offers else [],
        "drifted": most_moved(one.drift) if one.drift is not None else [],
    }
