"""`encore effects`: what actions have changed, as campaigns have measured it."""

import orjson
import typer

from core.settings import StoreSettings
from serving.campaigns.learning import as_json, effects_sheet
from serving.cli.context import Context
from serving.cli.options import FormatOption, group
from serving.cli.sheets import print_sheets
from training.effects.measured import load_effects

app = group("Show what actions have changed.")


@app.command("effects")
def effects(ctx: typer.Context, form: FormatOption = "table") -> None:
    """Print the measured effect of each action, for all customers and by segment and reason.

    `encore refresh` measures campaigns when all of their outcomes are known, imported ones too. An effect counts as
    measured from 50 customers with the action and 50 without it on; until then decisions assume what their file states.
    """
    context: Context = ctx.obj
    found = load_effects(context.settings[StoreSettings])
    if form == "json":
        context.console.print_json(orjson.dumps(as_json(found)).decode())
    elif found:
        print_sheets(context.console, [effects_sheet(found)])
    else:
        context.console.print(
            "  Nothing is measured yet: no campaign with a holdout is over, or `encore refresh` did not run."
        )
