"""Commands that make models: any model of the registry."""

from collections.abc import Callable
from typing import Annotated

import typer

from serving.cli.context import Context
from serving.cli.deciding import user
from serving.cli.exits import REFUSED
from serving.cli.model_group import ModelGroup
from serving.cli.options import group
from serving.cli.stages import Stages
from serving.explain.fidelity import inspect_reasons
from training.lifecycle.promotions import Who
from training.lifecycle.recalibrate import Recalibrated
from training.lifecycle.recalibrate import recalibrate as run_recalibrate
from training.lifecycle.runner import AUTOMATIC, Trained
from training.lifecycle.runner import train as run
from training.model import TunableModel
from training.registry import Registered

Promote = Annotated[bool, typer.Option("--promote/--no-promote", help="Make it the champion, or only the challenger.")]
Trials = Annotated[int, typer.Option("--trials", min=1, max=1000, help="Finished trials to reach in all.")]


class TrainGroup(ModelGroup):
    """`encore train MODEL`."""

    help_of = (
        "Train the {title} model on point-in-time features and register it.\n\n"
        "{help} Measures it on the test snapshots beside its baselines, and logs metrics, pictures and a model card. "
        "Skipped where the champion was made from the same features, settings, parameters and code. Exit code 10 where "
        "the gate refuses to make it the champion; the version stays registered as the challenger."
    )

    @staticmethod
    def declare(registered: Registered) -> Callable[..., None]:
        """Return the command of a model."""

        def command(ctx: typer.Context, promote: Promote = True) -> None:
            train(ctx.obj, registered, promote=promote)

        return command


class TuneGroup(ModelGroup):
    """`encore tune MODEL`."""

    help_of = (
        "Search the parameters of the {title} model on time-ordered folds before the test snapshots.\n\n"
        "Can be stopped at any time and continues from there, until the study has that many trials. Training takes "
        "the best parameters from data/tuning; remove the folder to return to the defaults."
    )

    @classmethod
    def takes(cls, registered: Registered) -> bool:
        """Return whether the model can be tuned."""
        return registered.tunes

    @staticmethod
    def declare(registered: Registered) -> Callable[..., None]:
        """Return the command of a model."""

        def command(ctx: typer.Context, trials: Trials = 40) -> None:
            tune(ctx.obj, registered, trials)

        return command


class RecalibrateGroup(ModelGroup):
    """`encore recalibrate MODEL`."""

    help_of = (
        "Fit the percentages of the {title} champion to the newest complete labels, without training.\n\n"
        "Registers a version of its own where the calibration error on the last test snapshot becomes clearly smaller; "
        "it passes the gate as every version does. Exit code 10 where the gate refuses it."
    )

    @classmethod
    def takes(cls, registered: Registered) -> bool:
        """Return whether the model can be recalibrated."""
        return registered.recalibrates

    @staticmethod
    def declare(registered: Registered) -> Callable[..., None]:
        """Return the command of a model."""

        def command(ctx: typer.Context) -> None:
            recalibrate(ctx.obj, registered)

        return command


app = group()
app.add_typer(group("Train a model and register it in MLflow.", TrainGroup), name="train")
app.add_typer(group("Search the parameters of a model.", TuneGroup), name="tune")
app.add_typer(group("Fit a champion's percentages to newer labels.", RecalibrateGroup), name="recalibrate")


def train(context: Context, registered: Registered, *, promote: bool) -> None:
    """Run `encore train MODEL`."""
    with Stages(context.console) as stages:
        who = Who(user(), f"encore train {registered.command}")
        trained = stage_train(context, stages, registered, promote=promote, who=who)
    version = trained.version
    words = f": {version.words}" if version.words else ""
    grade = f", grade {version.shown_grade}{words}" if version.grade else ""
    aliases = ", ".join(version.aliases) or "registered"
    context.console.print(f"  {version.label} is {aliases}{grade}, run {version.run_id}")
    if trained.decision is not None and not trained.decision.passes:
        context.console.print(f"  {trained.decision.reason}", markup=False, soft_wrap=True)
    if trained.left_out:
        left_out = f"  Left out, since the data have no values of them: {', '.join(trained.left_out)}"
        context.console.print(left_out, markup=False, soft_wrap=True)
    if promote and trained.decision is not None and not trained.decision.passes:
        raise typer.Exit(REFUSED)


def stage_train(
    context: Context, stages: Stages, registered: Registered, *, promote: bool, who: Who = AUTOMATIC
) -> Trained:
    """Train and register a model."""
    with context.job(f"train {registered.command}", alone=False):
        return stages.run(
            f"{registered.command} model",
            lambda report: run(
                registered.load(), context.settings, report, promote=promote, inspect=inspect_reasons, who=who
            ),
            lambda trained: trained.skipped,
        )


def recalibrate(context: Context, registered: Registered) -> None:
    """Run `encore recalibrate MODEL`."""
    who = Who(user(), f"encore recalibrate {registered.command}")
    with Stages(context.console) as stages:
        done = stage_recalibrate(context, stages, registered, who)
    context.console.print(f"  {done.reason}", markup=False, soft_wrap=True)
    if done.decision is not None and not done.decision.passes:
        context.console.print(f"  {done.decision.reason}", markup=False, soft_wrap=True)
        raise typer.Exit(REFUSED)


def stage_recalibrate(context: Context, stages: Stages, registered: Registered, who: Who) -> Recalibrated:
    """Fit the calibration of a champion to newer labels."""
    with context.job(f"recalibrate {registered.command}", alone=False):
        return stages.run(
            f"recalibrate {registered.command}",
            lambda report: run_recalibrate(
                registered.load(), context.settings, report, inspect=inspect_reasons, who=who
            ),
            lambda done: done.version is None,
        )


def tune(context: Context, registered: Registered, trials: int) -> None:
    """Run `encore tune MODEL`, for a model that can be tuned."""
    model = registered.load()
    if not isinstance(model, TunableModel):
        raise TypeError(f"expected a model with `tune`, found {registered.implementation}")
    with context.job(f"tune {registered.command}", alone=False), Stages(context.console) as stages:
        tuned = stages.run(f"tune {registered.command}", lambda report: model.tune(context.settings, trials, report))
    context.console.print(
        f"  Log loss {tuned.loss:.5f} with the best of {tuned.trials} trials, {tuned.default_loss:.5f} with the "
        f"defaults. `encore train {registered.command}` takes them from now on.",
        soft_wrap=True,
    )
