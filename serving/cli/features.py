"""Commands that make features, and bring them where they are asked for."""

import typer

from features.engine.build import Built, build_features
from features.store.feature_store import Store
from serving.cli.context import Context
from serving.cli.data import print_rows
from serving.cli.options import group
from serving.cli.stages import Stages

app = group("Build features, register them with Feast, copy them online.")


@app.command("build")
def build(ctx: typer.Context) -> None:
    """Compute every feature view at its snapshots, into data/features.

    Snapshots lie time.snapshot_spacing_days apart, back from time.as_of to time.min_history_days after the
    first event; the test snapshots of the models are added. Needs `encore ingest` before.
    """
    context: Context = ctx.obj
    with Stages(context.console) as stages:
        built = stage_build(context, stages)
    print_rows(context, "feature view", built.rows)


@app.command("apply")
def apply(ctx: typer.Context) -> None:
    """Register entities, feature views and feature services with Feast.

    Writes data/feast/feature_store.yaml too, so that Feast's own commands work: `feast -c data/feast ...`.
    Needs `encore features build` before.
    """
    context: Context = ctx.obj
    with Stages(context.console) as stages:
        stage_apply(context, stages)


@app.command("materialize")
def materialize(ctx: typer.Context) -> None:
    """Copy the features of time.as_of to the online store, where the API reads them.

    Needs `encore features apply` before.
    """
    context: Context = ctx.obj
    with Stages(context.console) as stages:
        stage_materialize(context, stages)


def stage_build(context: Context, stages: Stages) -> Built:
    """Compute the features."""
    with context.job("features build", alone=True):
        return stages.run("features", lambda r: build_features(context.settings, context.now, r), lambda b: b.skipped)


def stage_apply(context: Context, stages: Stages) -> None:
    """Register the features."""
    with context.job("features apply", alone=True):
        stages.run("feature registry", lambda _: Store(context.settings).apply(), lambda done: not done)


def stage_materialize(context: Context, stages: Stages) -> None:
    """Copy the features online."""
    context.refuse_in_workspace("features materialize")
    with context.job("features materialize", alone=True):
        stages.run("online store", lambda r: Store(context.settings).materialize(r), lambda done: not done)
