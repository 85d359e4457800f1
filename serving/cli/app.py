"""`encore`: every command with the module that declares it, imported when the command is run."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from serving.cli.context import Context


@dataclass(frozen=True)
class Command:
    """A command, or a group of commands.

    Attributes
    ----------
    module
        Declares it: `app`, a Typer application with a command of this name, or with the commands of this group.
    help
        Its line in `encore --help`, which imports no module.
    reads_data
        Whether it warns of old data when it is done. `check-data` and the log of `serve` say more about them.
    in_workspace
        Whether it runs in a workspace too: it changes nothing that serves there.
    """

    name: str
    module: str
    help: str
    reads_data: bool = True
    in_workspace: bool = False


#: Every command, in the order of `encore --help`. Adding one is its module and one line here.
COMMANDS: list[Command] = [
    Command("demo", "serving.cli.demo", "Run everything: data, features, training, registry, online store, API."),
    Command("init", "serving.cli.data", "Look at exports and write an encore.toml that maps them.", reads_data=False),
    Command("refresh", "serving.cli.refresh", "Do what is due, from ingestion to promotion: the command of the night."),
    Command("ingest", "serving.cli.data", "Map the configured source to the contract tables in data/contract."),
    Command(
        "check-data",
        "serving.cli.check",
        "Say what the contract tables hold, and if they can carry each model.",
        reads_data=False,
    ),
    Command(
        "features",
        "serving.cli.features",
        "Build features, register them with Feast, copy them online.",
        in_workspace=True,
    ),
    Command("train", "serving.cli.train", "Train a model and register it in MLflow.", in_workspace=True),
    Command("tune", "serving.cli.train", "Search the parameters of a model.", in_workspace=True),
    Command("recalibrate", "serving.cli.train", "Fit a champion's percentages to newer labels.", in_workspace=True),
    Command("evaluate", "serving.cli.evaluation", "Measure a version beside its baselines.", in_workspace=True),
    Command("models", "serving.cli.models", "List and compare versions, promote one, or roll back.", in_workspace=True),
    Command("verify", "serving.cli.verify", "Compare what is served with what training would see."),
    Command("monitor", "serving.cli.monitor", "Compare answers with what came of them, look for drift, send alerts."),
    Command("scores", "serving.cli.scores", "Compute scores ahead, for the API to read."),
    Command("score", "serving.cli.scores", "Write risk, reasons and offers of every active customer to a file."),
    Command("value", "serving.cli.value", "Say what customers are worth, where they stand, and how they move."),
    Command("segments", "serving.cli.segments", "List, show and export segments of customers that rules define."),
    Command("decide", "serving.cli.decide", "Choose the best action for each customer, within budget and capacity."),
    Command("moments", "serving.cli.moments", "List moments, and try them on the past."),
    Command("campaign", "serving.cli.campaign", "Plan, start, export and report campaigns."),
    Command("experiment", "serving.cli.experiment", "Say what a list of offers gained over its control."),
    Command(
        "effects",
        "serving.cli.effects",
        "Print the measured effect of each action, for all customers and by segment and reason.",
    ),
    Command("explain", "serving.cli.ask", "Print one customer's risk, the reasons for it, and what to do."),
    Command("recommend", "serving.cli.ask", "Print what to offer one customer, and why."),
    Command("answer", "serving.cli.ask", "Print any parts of the answer about one customer, as JSON."),
    Command("keys", "serving.cli.keys", "Make, list, rotate and revoke API keys.", reads_data=False),
    Command(
        "serve",
        "serving.cli.server",
        "Serve the API until interrupted. Its documentation is at /docs.",
        reads_data=False,
    ),
]


class LazyGroup(TyperGroup):
    """Lists commands without importing them. The types of its methods are those of the Click inside Typer."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002
        """Return the names of all commands."""
        return [command.name for command in COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002
        """Return what is listed of a command."""
        listed = next((command for command in COMMANDS if command.name == cmd_name), None)
        return TyperCommand(listed.name, help=listed.help) if listed is not None else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401
        """Import the command that is run."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, load(str(name)) if listed is not None else None, rest


def load(name: str) -> Any:  # noqa: ANN401
    """Return a command with everything that it imports."""
    module = next(command.module for command in COMMANDS if command.name == name)
    group = typer.main.get_group(import_module(module).app)
    command = group.commands.get(name, group)
    command.name = name
    return command


app = typer.Typer(
    name="encore",
    cls=LazyGroup,
    help="Who is about to leave, why, and what to offer them next.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback()
def root(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option("--config", envvar="ENCORE_CONFIG", help="Configuration file. Default: ./encore.toml."),
    ] = None,
    workspace: Annotated[
        str | None,
        typer.Option(
            "--workspace",
            envvar="ENCORE_WORKSPACE",
            help="Work beside the deployment, with workspaces/NAME.toml over its configuration.",
        ),
    ] = None,
) -> None:
    """Read the options that every command has."""
    context = ctx.obj = Context(config, workspace)
    command = next((one for one in COMMANDS if one.name == ctx.invoked_subcommand), None)
    if command is not None and not command.in_workspace:
        context.refuse_in_workspace(command.name)
    if command is not None and command.reads_data:
        ctx.call_on_close(context.warn_of_old_data)
