"""The parts of answers. Adding one is its file and one line here."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from core.settings import Settings, StoreSettings
from serving.parts.action import ActionPart
from serving.parts.offers import OffersPart
from serving.parts.profile import ProfilePart
from serving.parts.reasons import ReasonsPart
from serving.parts.risk import RiskPart
from serving.parts.segments import SegmentsPart
from serving.parts.types import TypesPart
from serving.parts.value import ValuePart
from serving.parts.what_if import WhatIfPart
from serving.scoring.part import AnswerPart
from serving.scoring.reloader import ModelReloader
from serving.scoring.score_table import ScoreTable
from serving.scoring.service import ScoringService
from training.monitoring.answers import AnswerLog

#: Every part, in the order of answers and lists.
PARTS: list[AnswerPart[Any]] = [
    RiskPart(),
    ReasonsPart(),
    ActionPart(lambda: PARTS),
    WhatIfPart(),
    ValuePart(),
    SegmentsPart(),
    OffersPart(),
    TypesPart(),
    ProfilePart(),
]


def make_scoring(settings: Settings, clock: Callable[[], datetime]) -> tuple[ScoringService, ModelReloader]:
    """Return the scoring service and the model reloader, which need nothing of an API."""
    columns = [column for part in PARTS for column in part.columns]
    table = ScoreTable(settings[StoreSettings], columns)
    engines = tuple(dict.fromkeys(part.engine for part in PARTS))
    answers = AnswerLog(settings)
    service = ScoringService(settings, PARTS, table, answers)
    return service, ModelReloader(settings, engines, table, answers, clock)
