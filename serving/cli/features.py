"""Commands that make features, and bring them where they are asked for."""

from core.jobs import job
from core.settings import StoreSettings
from features.engine.build import Built, build_features, built_schedule
from features.store.feature_store import Store
from serving.cli.context import Context
from serving.cli.data import print_rows
from serving.cli.stages import Stages


def build(context: Context) -> None:
    """Run `encore features build`."""
    with Stages(context.console) as stages:
        built = stage_build(context, stages)
    print_rows(context, "feature view", built.rows)


def apply(context: Context) -> None:
    """Run `encore features apply`."""
    with Stages(context.console) as stages:
        stage_apply(context, stages)


def materialize(context: Context) -> None:
    """Run `encore features materialize`."""
    with Stages(context.console) as stages:
        stage_materialize(context, stages)


def stage_build(context: Context, stages: Stages) -> Built:
    """Compute the features."""
    with job(context.settings[StoreSettings]):
        return stages.run("features", lambda r: build_features(context.settings, context.now, r), lambda b: b.skipped)


def stage_apply(context: Context, stages: Stages) -> None:
    """Register the features."""
    stages.run("feature registry", lambda _: Store(context.settings).apply(), lambda done: not done)


def stage_materialize(context: Context, stages: Stages) -> None:
    """Copy the features online."""
    with job(context.settings[StoreSettings]):
        stages.run("online store", lambda r: Store(context.settings).materialize(r), lambda done: not done)


def sells(context: Context) -> bool:
    """Tell whether there are order lines, so that there is a next product."""
    return bool(built_schedule(context.settings)[0].splits["next_product"].test)
