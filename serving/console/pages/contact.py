"""Who to contact: a plan that is tried with one budget after another, and saved as a campaign."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from serving.campaigns.definition import Campaign
from serving.campaigns.drafts import Draft
from serving.campaigns.kept import CampaignStateError
from serving.console.naming import segment_titles
from serving.console.plan_form import CAPACITY, PlanForm, form_of, read_form
from serving.console.planned import (
    curve_chart,
    gain_text,
    keeps,
    rows_of,
    spread_chart,
    title_of,
)
from serving.console.rendering import is_fragment, render
from serving.console.visitors import Marketer, Viewer, Visitor
from serving.decisions.answers import DecisionAnswer, decision_answers
from serving.decisions.definitions import Decisions
from serving.explain.fields import channel_of

#: Customers of the list.
_LISTED = 25
#: Hardly any action keeps more of the customers than this share: a campaign that shows no less shows nothing.
_LARGE = 0.2
router = APIRouter()


@dataclass(frozen=True)
class Chosen:
    """A customer who would be contacted."""

    customer: str
    risk: float | None
    answer: DecisionAnswer


@router.get("/contact")
def contact(visitor: Viewer, campaign: str = "", show: str = "") -> Response:
    """Show the form of a plan; what it means follows as a part of the page, or at once where no script asks for it."""
    decisions = _decisions(visitor)
    if decisions is None:
        return render(visitor, "contact_none")
    form = _form(visitor, decisions, campaign)
    request = visitor.request
    if not is_fragment(request) and not show:
        return render(visitor, "contact", **_fields(visitor, form, decisions), result=None)
    result = _result(visitor, form, decisions)
    if not is_fragment(request):
        return render(visitor, "contact", **_fields(visitor, form, decisions), result=result)
    # hidden fields say what the page shows already: a slider that is being moved is not put into the place of itself
    shown = {"slider": request.query_params.get("seen"), "goal": request.query_params.get("of")}
    answer = render(visitor, "contact_parts", **_fields(visitor, form, decisions), result=result, shown=shown)
    answer.headers["HX-Replace-Url"] = f"/console/contact?{form.query}"
    return answer


@router.get("/contact/curve")
def curve(visitor: Viewer) -> Response:
    """Show what one budget after another would bring."""
    decisions = _decisions(visitor)
    form = None if decisions is None else _form(visitor, decisions, "")
    if form is None or form.campaign is None:
        return render(visitor, "contact_curve", chart=None, enough=None)
    found = visitor.state.campaigns.planning.curve(form.campaign, visitor.state.source)
    chart = curve_chart(visitor.words, found) if len(found.points) > 1 else None
    return render(visitor, "contact_curve", chart=chart, enough=found.enough)


@router.get("/contact/customers")
def customers(visitor: Viewer) -> Response:
    """List the customers who would be contacted, those with the highest expected gain first."""
    decisions = _decisions(visitor)
    form = None if decisions is None else _form(visitor, decisions, "")
    if form is None or form.campaign is None:
        return RedirectResponse("/console/contact", status_code=303)
    draft = visitor.state.campaigns.planning.draft(form.campaign, visitor.state.source)
    chosen = _chosen(visitor, draft)
    template = "contact_list" if is_fragment(visitor.request) else "contact_customers"
    return render(visitor, template, form=form, chosen=chosen, count=draft.plan.contacted)


@router.post("/contact/save")
def save(visitor: Marketer, plan: Annotated[str, Form(max_length=20_000)]) -> Response:
    """Keep a plan as a campaign that has not started; a name that is taken, or a wrong field, shows the form again."""
    decisions = _decisions(visitor)
    if decisions is None:
        return RedirectResponse("/console/contact", status_code=303)
    form = read_form(plan, decisions, visitor.state.source.as_of, visitor.language)
    taken = _is_taken(visitor, form)
    if form.campaign is None or taken:
        result = None if form.campaign is None else _result(visitor, form, decisions)
        fields = _fields(visitor, form, decisions, taken=taken)
        return render(visitor, "contact", status=422, **fields, result=result)
    visitor.note()
    visitor.state.campaigns.plan(_completed(visitor, form.campaign), visitor.state.source, save=True)
    return RedirectResponse(f"/console/campaigns/{form.campaign.name}", status_code=303)


def _decisions(visitor: Visitor) -> Decisions | None:
    """Return actions and policy; None where no file is configured."""
    try:
        return visitor.state.campaigns.planning.decisions()
    except CampaignStateError:
        return None


def _form(visitor: Visitor, decisions: Decisions, campaign: str) -> PlanForm:
    """Return the form as it was filled in, or that of a plan which is opened to be changed."""
    query, now = visitor.request.url.query, visitor.state.source.as_of
    if campaign and "name" not in parse_qs(query, keep_blank_values=True):
        kept = visitor.state.campaigns.store.one(campaign)
        return form_of(kept, decisions, now, visitor.language)
    return read_form(query, decisions, now, visitor.language)


def _completed(visitor: Visitor, campaign: Campaign) -> Campaign:
    """Return a campaign with what the form cannot show of the plan that it changes: titles in other languages."""
    plans = (one.campaign for one in visitor.state.campaigns.store.all())
    before = next((one for one in plans if one.name == campaign.name), campaign)
    return campaign.model_copy(update={"titles": before.titles | campaign.titles})


def _is_taken(visitor: Visitor, form: PlanForm) -> bool:
    """Tell whether another campaign has the name: a plan would take its place."""
    names = {one.campaign.name for one in visitor.state.campaigns.store.all()}
    return form.values["name"] in names and form.values["name"] != form.editing


def _fields(visitor: Visitor, form: PlanForm, decisions: Decisions, *, taken: bool = False) -> dict[str, Any]:
    """Return what the form shows."""
    words = visitor.words
    goals = sorted({one.goal for one in decisions.actions.values()})
    return {
        "form": form,
        "taken": taken,
        "unfolded": taken or form.editing or form.wrong & {"starts", "ends", "name"},
        "segments": segment_titles(visitor),
        "goals": goals,
        "actions": {
            one.name: (title_of(words, decisions, one.name), channel_of(words, one.channel), one)
            for one in decisions.actions.values()
            if form.values["goal"] in {"", one.goal}
        },
        "channels": {
            f"{CAPACITY}{channel}": (channel_of(words, channel), decisions.policy.capacity.get(channel))
            for channel in sorted(decisions.channels)
        },
        "policy": decisions.policy,
    }


def _result(visitor: Visitor, form: PlanForm, decisions: Decisions) -> dict[str, Any] | None:
    """Return what a plan would do; None where a field of it is not acceptable."""
    if form.campaign is None:
        return None
    draft, words = visitor.state.campaigns.planning.draft(form.campaign, visitor.state.source), visitor.words
    spread = draft.spread()
    return {
        "plan": draft.plan,
        "gain": gain_text(words, draft.plan.gain),
        "rows": rows_of(words, draft.plan, decisions),
        "spread": None if spread is None else spread_chart(words, spread),
        "one_more": draft.one_more,
        "left": _left(draft),
        "slider": _slider(draft),
        "keeps": keeps(draft.plan, decisions),
        "is_blind": any((one.smallest_effect or 0.0) > _LARGE for one in draft.plan.actions),
        # what slider and curve are of
        "seen": f"{draft.most:.2f} {form.campaign.holdout:g}",
    }


def _left(draft: Draft) -> float:
    """Return how much of a budget nothing is worth spending on; 0 where all of it can be spent."""
    budget = draft.plan.budget
    return budget - draft.plan.cost if budget is not None and budget > draft.most else 0.0


def _slider(draft: Draft) -> tuple[float, float, float]:
    """Return the end of a slider of budgets, its step, and where it stands; in round numbers of about a hundred."""
    budget = draft.plan.budget
    end = max(draft.most, 1.0)
    step = _round_up(end / 100)
    end = step * -(-end // step)
    return end, step, end if budget is None else min(budget, end)


def _round_up(value: float) -> float:
    """Return the next of 1, 2, 5, 10, 20, 50 and so on; at least a hundredth."""
    power: float = 10.0 ** max(-2, math.floor(math.log10(value)))
    return next(round(first * power, 2) for first in (1, 2, 5, 10) if first * power >= value)


def _chosen(visitor: Visitor, draft: Draft) -> Sequence[Chosen]:
    """Return the customers of the list, which is written down before they are shown."""
    places = draft.contacted[:_LISTED]
    names = [draft.candidates.customers[place] for place in places]
    visitor.note(*names)
    answers = decision_answers(draft.as_assigned, visitor.words, {}, places)
    risks = [float(draft.candidates.risk[place]) for place in places]
    return [
        Chosen(name, None if math.isnan(risk) else risk, answer)
        for name, risk, answer in zip(names, risks, answers, strict=True)
    ]
