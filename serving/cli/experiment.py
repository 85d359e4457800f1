"""`encore experiment report`: what a list of offers gained over its control."""

import math
from collections.abc import Iterator
from typing import Annotated

import orjson
import typer

from serving.cli.context import Context
from serving.cli.options import FormatOption, group
from serving.cli.sheets import print_sheets
from serving.offers.gain import CONTROL, Arm, Difference, GainReport, Measure, gain_of_lists
from training.effects.tables import verdict
from training.evaluation.sheet import Sheet

app = group("Say what a list of offers gained over its control.")
_MEASURES: dict[Measure, str] = {
    "shown": "purchases of shown products",
    "any": "purchases of any product",
    "revenue": "revenue",
}
_UNKNOWN = "–"


@app.command("report")
def report(
    ctx: typer.Context,
    days: Annotated[
        int, typer.Option("--days", min=1, max=3650, help="After an impression in which a purchase counts.")
    ] = 14,
    form: FormatOption = "table",
) -> None:
    """Compare what customers bought after they saw the lists of an experiment.

    It is the configured experiment, else the last one. Only impressions count whose days are over in the data.
    """
    context: Context = ctx.obj
    found = gain_of_lists(context.settings, days)
    if form == "json":
        context.console.print(
            orjson.dumps(found.as_json(), option=orjson.OPT_UTC_Z).decode(), soft_wrap=True, markup=False
        )
    else:
        print_sheets(context.console, sheets(found))


def sheets(found: GainReport) -> list[Sheet]:
    """Return the arms, and the differences to the control."""
    arms = [
        (arm.name, f"{arm.customers:,}", f"{arm.impressions:,}", *(_number(mean) for mean in arm.means.values()))
        for arm in found.arms
    ]
    columns = ("list", "customers", "impressions", *(f"{name}, each" for name in _MEASURES.values()))
    rows = [row for arm in found.arms for row in _differences(arm)]
    notes = ("Each interval is of 95 %, and holds if the report is read once.",)
    return [
        Sheet(f"Experiment {found.experiment}", columns, arms, list(_notes(found))),
        Sheet(f"Difference to {CONTROL}, each customer", ("list", "measure", "difference", "verdict"), rows, notes),
    ]


def _differences(arm: Arm) -> Iterator[tuple[str, ...]]:
    for measure, one in arm.differences.items():
        yield arm.name, _MEASURES[measure], _difference(one), verdict(one.verdict, one.needed_more)


def _difference(one: Difference) -> str:
    found = one.effect
    return f"{found.value:+,.3f} ({found.low:+,.3f} to {found.high:+,.3f})" if found.known else _UNKNOWN


def _number(value: float) -> str:
    return _UNKNOWN if math.isnan(value) else f"{value:,.3f}"


def _notes(found: GainReport) -> Iterator[str]:
    yield (
        f"Purchases within {found.days} days after an impression, in order lines until {found.until:%Y-%m-%d}. "
        f"{found.open:,} impressions are left out, whose days are not over."
    )
    if found.moved:
        yield f"{found.moved:,} customers are left out, who saw the lists of several arms."
    if found.ratio is None:
        yield "Numbers of customers are not compared with the share: it is not configured, or expects fewer than 5."
        return
    numbers = ", ".join(
        f"{name}: {found.ratio.assigned[name]:,}, expected {expected:,.0f}"
        for name, expected in found.ratio.expected.items()
    )
    if found.ratio.alarm:
        yield f"The lists do not have the customers of the share ({numbers}); find out why before you believe anything."
    else:
        yield f"The lists have the customers of the share ({numbers})."
