"""`encore decide value`: what the decisions would have brought with the customers of past campaigns."""

import math
from typing import Annotated

import orjson
import typer

from core.errors import StateError
from features.engine.build import built_schedule
from features.store.feature_store import Store
from serving.cli.context import Context
from serving.cli.options import FormatOption
from serving.cli.sheets import print_sheets
from serving.decisions.champion import uplift_champion
from serving.decisions.definitions import load_decisions
from serving.decisions.logged import IGNORED, LoggedValue, value_of
from serving.decisions.past import read_past
from serving.parts import PARTS
from serving.settings import DecisionSettings
from training.effects.difference import Effect
from training.effects.policy_value import PolicyValue
from training.evaluation.sheet import Sheet
from training.uplift.settings import UpliftSettings

_POLICIES = {"decisions": "decisions of the file", "done": "what was done", "nothing": "nothing for anybody"}
_UNKNOWN = "–"


def value(
    ctx: typer.Context,
    campaign: Annotated[
        list[str] | None, typer.Option("--campaign", help="Only its customers; may be repeated. Default: all.")
    ] = None,
    form: FormatOption = "table",
) -> None:
    """Estimate what the decisions would have brought with past campaigns, before they are started.

    From campaigns whose arms were drawn by lot, by their logged propensities. Budget and capacity are not applied.
    """
    context: Context = ctx.obj
    settings, store = context.settings, Store(context.settings)
    decisions = load_decisions(settings[DecisionSettings].file)
    if decisions is None:
        raise StateError(
            "Expected a file of decisions, found none configured.",
            'Write one, and name it in encore.toml: [decisions] file = "decisions.toml".',
        )
    split = built_schedule(settings)[0].splits[UpliftSettings.section]
    scored = [column for part in PARTS for column in part.columns]
    past = read_past(settings, store, split, scored, margin=decisions.policy.margin, campaigns=campaign)
    found = value_of(settings, decisions, past, uplift_champion(settings, store, context.now))
    if form == "json":
        text = orjson.dumps(found.as_json(), option=orjson.OPT_UTC_Z).decode()
        context.console.print(text, soft_wrap=True, markup=False)
    else:
        print_sheets(context.console, sheets(found))


def sheets(found: LoggedValue) -> list[Sheet]:
    """Return the values of the policies, the gains of the decisions, and the arms."""
    measure = "margin less contacts" if found.measure == "margin" else found.measure
    columns = ("", "IPS", "SNIPS", "doubly robust", "as many customers as")
    values = [_row(_POLICIES[name], one) for name, one in found.values.items()]
    gains = [_row(f"over {_POLICIES[name]}", one) for name, one in found.gains.items()]
    arms = [
        (name, f"{found.chosen.get(name, 0):,}", f"{found.done.get(name, 0):,}")
        for name in sorted({*found.chosen, *found.done})
    ]
    return [
        Sheet(f"Mean {measure} of a customer in {found.days} days", columns, values, _notes(found)),
        Sheet("What the decisions gain", columns, gains),
        Sheet("Customers by arm", ("arm", "decisions", "done"), arms),
    ]


def _row(name: str, one: PolicyValue) -> tuple[str, ...]:
    estimates = (_estimate(effect) for effect in (one.ips, one.snips, one.dr))
    return name, *estimates, f"{one.effective:,.0f}"


def _estimate(found: Effect | None) -> str:
    if found is None or math.isnan(found.value):
        return _UNKNOWN
    return f"{found.value:,.3f} ({found.low:,.3f} to {found.high:,.3f})"


def _notes(found: LoggedValue) -> list[str]:
    model = found.model or "no uplift model, so that no estimate is doubly robust"
    notes = [
        f"From {found.assignments:,} assignments of {', '.join(found.campaigns)}; {model}. Intervals are of 95 %.",
        IGNORED,
    ]
    if found.kept_windows != 1:
        notes.append(
            f"The decisions count a kept customer for {found.kept_windows:g} windows; here {found.days} days count "
            "alone, so that what keeps customers is worth more than is shown."
        )
    if found.missing:
        notes.append(f"Not known of the past, so that conditions on them do not hold: {', '.join(found.missing)}.")
    if found.limited:
        notes.append(
            f"The decisions prefer an action for {found.limited:,} customers that could not be drawn for them; "
            "the best of the others was taken."
        )
    notes += [f"Campaign {name} is left out: {reason}." for name, reason in found.left_out.items()]
    return notes
