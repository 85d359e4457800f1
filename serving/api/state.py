"""What requests share: made once when the API is put together."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from starlette.requests import HTTPConnection

from core.settings import Settings, StoreSettings
from serving.access.audit import AuditLog
from serving.access.keys import KeyFile, KeyRing
from serving.access.rate import RateLimit
from serving.offers.experiment import Impressions
from serving.scoring.batching import Batcher, LoopBatcher, ThreadBatcher
from serving.scoring.reloader import Ready
from serving.scoring.service import Desk
from serving.settings import ServingSettings


@dataclass(frozen=True)
class State:
    """The parts of a running API.

    Attributes
    ----------
    quick, offers, bulk
        What computes answers: about few customers without offers and with them, and about many, so that nobody waits
        for somebody who asks for more.
    """

    settings: Settings
    clock: Callable[[], datetime]
    ready: Ready
    desk: Desk
    quick: Batcher
    offers: Batcher
    bulk: Batcher
    keys: KeyRing
    rate: RateLimit
    audit: AuditLog
    impressions: Impressions

    def note(self, request: Request, customers: Sequence[str], models: Iterable[str] = ()) -> None:
        """Write into the audit log who asks for whom.

        Raises
        ------
        StoreError
            If it cannot be written; then nothing may be answered.
        """
        route = request.scope.get("route")
        self.audit.write(
            {
                "at": self.clock().isoformat(timespec="milliseconds"),
                "request_id": request.state.request_id,
                "key": request.state.key,
                "route": f"{request.method} {route.path if route else '-'}",
                "customers": list(customers),
                "models": sorted(models),
            }
        )


def make_state(settings: Settings, clock: Callable[[], datetime]) -> State:
    """Open everything that requests share."""
    ready = Ready(settings, clock)
    desk = Desk(settings, ready.cache)
    is_local = settings[StoreSettings].online.startswith("sqlite://")
    serving = settings[ServingSettings]
    return State(
        settings,
        clock,
        ready,
        desk,
        LoopBatcher(desk.answer) if is_local else ThreadBatcher(desk.answer, "scores"),
        ThreadBatcher(desk.answer, "offers"),
        ThreadBatcher(desk.answer, "bulk"),
        KeyRing(KeyFile(settings[StoreSettings]), clock),
        RateLimit(settings[StoreSettings].data / "rates.bin"),
        AuditLog(settings[StoreSettings], serving.audit_file_mb * 1_000_000, serving.audit_files),
        Impressions(settings[StoreSettings]),
    )


def state_of(request: HTTPConnection) -> State:
    """Return what requests share."""
    state: State = request.app.state.encore
    return state
