"""Commands that make models."""

from serving.cli.context import Context
from serving.cli.stages import Stages
from training.churn.pipeline import train_churn as fit_churn
from training.churn.tuning import tune_churn as search_churn
from training.lifecycle.runner import Trained
from training.next_product.pipeline import train_next_product as fit_next_product


def train_churn(context: Context, *, promote: bool) -> None:
    """Run `encore train churn`."""
    with Stages(context.console) as stages:
        trained = stage_train_churn(context, stages, promote=promote)
    _print_version(context, trained)


def train_next_product(context: Context, *, promote: bool) -> None:
    """Run `encore train next-product`."""
    with Stages(context.console) as stages:
        trained = stage_train_next_product(context, stages, promote=promote)
    _print_version(context, trained)


def tune_churn(context: Context, trials: int) -> None:
    """Run `encore tune churn`."""
    with Stages(context.console) as stages:
        found = stages.run("tune churn", lambda r: search_churn(context.settings, trials, r))
    context.console.print(
        f"  Log loss {found.loss:.5f} with the best of {found.trials} trials, {found.default_loss:.5f} with the "
        "defaults. `encore train churn` takes them from now on.",
        soft_wrap=True,
    )


def stage_train_churn(context: Context, stages: Stages, *, promote: bool) -> Trained:
    """Train and register the churn model."""
    return stages.run(
        "churn model",
        lambda r: fit_churn(context.settings, r, promote=promote),
        lambda trained: trained.skipped,
    )


def stage_train_next_product(context: Context, stages: Stages, *, promote: bool) -> Trained:
    """Train and register the next-product model."""
    return stages.run(
        "next-product model",
        lambda r: fit_next_product(context.settings, r, promote=promote),
        lambda trained: trained.skipped,
    )


def _print_version(context: Context, trained: Trained) -> None:
    version = trained.version
    grade = f", grade {version.grade}" if version.grade else ""
    aliases = ", ".join(version.aliases) or "registered"
    context.console.print(f"  {version.label} is {aliases}{grade}, run {version.run_id}")
    if trained.left_out:
        told = f"  Left out, since the data do not tell them: {', '.join(trained.left_out)}"
        context.console.print(told, markup=False, soft_wrap=True)
