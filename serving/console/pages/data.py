"""Data: what came in and when, what was rejected, what the data are fit for, and how the night went."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from core.errors import EncoreError
from core.settings import StoreSettings
from features.contract.tables import CONTRACT, TableName
from features.ingest.last import LastIngestion, last_ingestion
from features.ingest.newest import newest_rows
from features.ingest.quarantine import quarantined
from serving.console.judging import can_measure, check_data
from serving.console.rendering import render
from serving.console.visitors import Analyst, Visitor
from serving.overview.night import read_night
from serving.scoring.reloader import NotReadyError
from training.readiness.kept import read_kept

router = APIRouter(prefix="/data")
#: Rows that are shown of each reason for a rejection.
_EXAMPLES = 3


@dataclass(frozen=True)
class _TableRow:
    """A contract table: its rows, and when the newest one happened; None where its rows have no moment."""

    name: TableName
    rows: int
    newest: datetime | None


@router.get("")
def data(visitor: Analyst) -> Response:
    """Show what came in and when, and what it is fit for. Names no customer."""
    settings = visitor.state.settings
    stores = settings[StoreSettings]
    ingestion, kept = last_ingestion(stores), read_kept(stores)
    return render(
        visitor,
        "data",
        ingestion=ingestion,
        tables=[] if ingestion is None else _tables(ingestion, newest_rows(settings)),
        reasons=quarantined(settings),
        checked=kept,
        recommended=[] if kept is None else kept.recommended(settings),
        can_measure=can_measure(),
        night=read_night(stores),
        **_state(visitor),
    )


@router.get("/rejected")
def rejected(visitor: Analyst) -> Response:
    """Show example rows of what was rejected; they may hold personal data, so that it is in the audit log."""
    visitor.note()
    return render(visitor, "data_rejected", reasons=quarantined(visitor.state.settings, _EXAMPLES))


@router.post("/check")
def check(visitor: Analyst) -> Response:
    """Judge what the data are fit for, which takes seconds, and show it."""
    visitor.note()
    check_data(visitor)
    return RedirectResponse("/console/data#readiness", status_code=303)


def _tables(ingestion: LastIngestion, newest: Mapping[TableName, datetime]) -> list[_TableRow]:
    return [_TableRow(name, ingestion.rows.get(name, 0), newest.get(name)) for name in CONTRACT]


def _state(visitor: Visitor) -> dict[str, Any]:
    """Return the moment that answers are for, and what keeps them from being complete or current."""
    reloader = visitor.state.reloader
    try:
        deployment = reloader.deployment
        return {"as_of": reloader.as_of(deployment), "warnings": reloader.warnings}
    except (NotReadyError, EncoreError) as error:  # what is there to see is worth most then
        return {"as_of": None, "warnings": [str(error)]}
