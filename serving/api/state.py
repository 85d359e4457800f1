"""What requests share: made once when the application is created."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fastapi import Request
from starlette.requests import HTTPConnection

from core.settings import Settings, StoreSettings
from serving.access.audit import AuditLog
from serving.access.keys import KeyFile, KeyRing
from serving.access.rate import RateLimit
from serving.campaigns.service import Campaigns
from serving.overview.running import RunningCampaigns
from serving.overview.summary import Summaries
from serving.overview.today import Overviews
from serving.parts import make_scoring
from serving.parts.campaigns import make_campaigns
from serving.privacy.erasure import Erasures
from serving.scoring.batching import Batcher, LoopBatcher, ThreadBatcher
from serving.scoring.deployment import Deployment
from serving.scoring.part import Question
from serving.scoring.reloader import ModelReloader
from serving.scoring.service import ScoringService
from serving.segments.service import Segments, Source
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
    service: ScoringService
    reloader: ModelReloader
    quick: Batcher
    offers: Batcher
    bulk: Batcher
    keys: KeyRing
    rate: RateLimit
    audit: AuditLog
    erasures: Erasures
    segments: Segments
    campaigns: Campaigns
    overviews: Overviews
    running: RunningCampaigns
    summaries: Summaries = field(default_factory=Summaries)

    def batcher(self, deployment: Deployment, question: Question) -> Batcher:
        """Return what computes the answer to a question about few customers."""
        quick = all(self.service.parts[name].is_quick(deployment) for name in question.parts)
        return self.quick if quick else self.offers

    @property
    def source(self) -> Source:
        """What segments are evaluated on now.

        Raises
        ------
        NotReadyError
            If nothing is loaded yet.
        """
        deployment = self.reloader.deployment
        ground = deployment.ground
        return Source(ground.online, ground.store.online.vectors, self.reloader.as_of(deployment))

    def note(
        self,
        request: Request,
        customers: Sequence[str],
        models: Iterable[str] = (),
        events: Mapping[str, int] | None = None,
    ) -> None:
        """Write into the audit log who asks for whom.

        Parameters
        ----------
        models
            Those that answer.
        events
            How many events of each kind a source sends.

        Raises
        ------
        StoreError
            If it cannot be written; then nothing may be answered.
        """
        route = request.scope.get("route")
        entry = {
            "at": self.clock().isoformat(timespec="milliseconds"),
            "request_id": request.state.request_id,
            "key": request.state.key,
            "route": f"{request.method} {request.scope.get('root_path', '')}{route.path if route else '-'}",
            "customers": list(customers),
            "models": sorted(models),
        }
        self.audit.write(entry if events is None else {**entry, "events": dict(events)})


def make_state(settings: Settings, clock: Callable[[], datetime]) -> State:
    """Open everything that requests share."""
    service, reloader = make_scoring(settings, clock)
    stores, serving = settings[StoreSettings], settings[ServingSettings]
    is_local = stores.online.startswith("sqlite://")
    segments = Segments(settings, service.table, clock)
    campaigns = make_campaigns(settings, segments, service, reloader)
    audit = AuditLog(stores, serving.audit_file_mb * 1_000_000, serving.audit_files)
    return State(
        settings,
        clock,
        service,
        reloader,
        LoopBatcher(service.answer) if is_local else ThreadBatcher(service.answer, "scores"),
        ThreadBatcher(service.answer, "offers"),
        ThreadBatcher(service.answer, "bulk"),
        KeyRing(KeyFile(stores), clock),
        RateLimit(stores.data / "rates.bin"),
        audit,
        Erasures(settings, reloader, service, audit, clock),
        segments,
        campaigns,
        Overviews(settings, service.table),
        RunningCampaigns(settings),
    )


def state_of(request: HTTPConnection) -> State:
    """Return what requests share."""
    state: State = request.app.state.encore
    return state
