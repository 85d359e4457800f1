"""Today: what a marketer opens in the morning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from core.settings import StoreSettings
from serving.console import glance
from serving.console.filters import WORTH_KEEPING, of_action
from serving.console.naming import fields_of
from serving.console.rendering import render
from serving.console.visitors import Viewer, Visitor
from serving.explain.language import title_in
from serving.overview.changes import AT_RISK, Changes
from serving.parts.deciding import DecisionEngine
from serving.scoring.deployment import Deployment
from serving.scoring.part import WITH_VALUES, Question
from serving.scoring.score_table import Listed
from training.monitoring.kept import read_kept

#: Customers at the top of the page.
_FIRST = 5
router = APIRouter()


@dataclass(frozen=True)
class First:
    """A customer who is at risk and worth keeping.

    Attributes
    ----------
    reason
        The main reason as a sentence.
    action
        What to do next.
    """

    customer_id: str
    tier: str
    risk: float | None
    value_at_risk: float | None
    reason: str | None
    action: str | None


@router.get("/")
def today(visitor: Viewer) -> Response:
    """Show the first page."""
    state, words = visitor.state, visitor.words
    deployment = state.reloader.deployment
    overview = state.overviews.read(deployment, state.reloader.as_of(deployment))
    titles = _titles(deployment, visitor)
    first = _first(visitor, deployment, state.overviews.first(AT_RISK, _FIRST), titles)
    present = _present(visitor, overview.changes)
    visitor.note(*dict.fromkeys([*(one.customer_id for one in first), *sorted(present)]))
    monitored = read_kept(state.settings[StoreSettings])
    return render(
        visitor,
        "today",
        overview=overview,
        figures=glance.figures(overview, words),
        first=first,
        titles=titles,
        list_at_risk=WORTH_KEEPING.address(),
        list_of_action=lambda name: of_action(name).address(),
        line=glance.line(overview, words),
        first_own=next((one for one in overview.line if not one.later), None),
        tiers=glance.by("tier", overview.tiers, overview, words),
        stages=glance.by("stage", overview.stages, overview, words),
        present=present,
        summary=glance.summary(overview.changes, words) if overview.changes is not None else "",
        reasons=glance.reasons(overview.changes) if overview.changes is not None else (),
        fields=fields_of(visitor),
        warnings=state.reloader.warning_names,
        age=deployment.ground.online.data_age(state.reloader.as_of(deployment)),
        last_event=deployment.ground.online.last_event,
        campaigns=state.running.read(state.reloader.as_of(deployment)),
        models=deployment.models,
        monitored=monitored,
        alerts=[glance.alert(one, words) for one in (monitored.judged if monitored else ()) if one.outside],
    )


def _titles(deployment: Deployment, visitor: Visitor) -> Mapping[str, str]:
    """Return what actions are called, by name; none where nothing is decided."""
    if deployment.error(DecisionEngine) is not None:
        return {}
    decisions = deployment.engine(DecisionEngine).decisions
    actions = {} if decisions is None else decisions.actions
    return {name: title_in(action.titles, visitor.language, name) for name, action in actions.items()}


def _first(
    visitor: Visitor, deployment: Deployment, rows: Sequence[Listed], titles: Mapping[str, str]
) -> Sequence[First]:
    """Return customers with the reason, and the action that is decided or, where nothing is, that of the playbook."""
    state = visitor.state
    names = ["reasons", *([] if titles else ["action"])]
    question = Question(tuple(row.customer_id for row in rows), tuple(names), visitor.language)
    reply = state.service.answer(deployment, question, state.reloader.as_of(deployment))
    state.service.shown(reply, question)
    answers = {one.customer_id: one for one in reply.customers}
    found = []
    for row in rows:
        cells, parts = row.cells, answers[row.customer_id].parts
        said = {name: part.fields for name, part in parts.items() if part.field("status") in WITH_VALUES}
        found.append(
            First(
                row.customer_id,
                cells["tier"],
                cells["risk"],
                cells["value_at_risk"],
                _text((said.get("reasons", {}).get("reasons") or [None])[0]),
                titles.get(cells["best_action"] or "") or _text(said.get("action", {}).get("now")),
            )
        )
    return found


def _text(found: Mapping[str, Any] | None) -> str | None:
    return None if found is None else str(found["text"])


def _present(visitor: Visitor, changes: Changes | None) -> set[str]:
    """Return the customers of the largest changes who are still there."""
    if changes is None:
        return set()
    movers = (*changes.worse, *changes.better, *changes.left)
    return visitor.state.overviews.present([one.customer_id for one in movers])
