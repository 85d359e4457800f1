"""Commands that make something: contract tables, features, models."""

from rich.markup import escape
from rich.table import Column, Table

from features.build import Built, build_features, built_schedule
from features.ingest.pipeline import Ingested
from features.ingest.pipeline import ingest as ingest_tables
from features.ingest.quarantine import quarantine_path
from features.store import Store
from serving.cli.context import Context
from serving.cli.stages import Stages
from training.churn.pipeline import train_churn as fit_churn
from training.churn.tuning import tune_churn as search_churn
from training.next_product.pipeline import train_next_product as fit_next_product
from training.trained import Trained


def ingest(context: Context, *, afresh: bool) -> None:
    """Run `encore ingest`."""
    with Stages(context.console) as stages:
        ingested = stage_ingest(context, stages, afresh=afresh)
    _print_inputs(context, ingested)
    _print_rows(context, "contract table", ingested.rows)


def build(context: Context) -> None:
    """Run `encore features build`."""
    with Stages(context.console) as stages:
        built = stage_build(context, stages)
    _print_rows(context, "feature view", built.rows)


def apply(context: Context) -> None:
    """Run `encore features apply`."""
    with Stages(context.console) as stages:
        stage_apply(context, stages)


def materialize(context: Context) -> None:
    """Run `encore features materialize`."""
    with Stages(context.console) as stages:
        stage_materialize(context, stages)


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


def stage_ingest(context: Context, stages: Stages, *, afresh: bool = False) -> Ingested:
    """Map the source to the contract tables."""
    return stages.run(
        "contract tables",
        lambda report: ingest_tables(context.settings, context.now, report, afresh=afresh),
        lambda ingested: ingested.skipped,
    )


def stage_build(context: Context, stages: Stages) -> Built:
    """Compute the features."""
    return stages.run("features", lambda r: build_features(context.settings, context.now, r), lambda b: b.skipped)


def stage_apply(context: Context, stages: Stages) -> None:
    """Register the features."""
    stages.run("feature registry", lambda _: Store(context.settings).apply(), lambda done: not done)


def stage_materialize(context: Context, stages: Stages) -> None:
    """Copy the features online."""
    stages.run("online store", lambda r: Store(context.settings).materialize(r), lambda done: not done)


def stage_train_churn(context: Context, stages: Stages, *, promote: bool) -> Trained:
    """Train and register the churn model."""
    return stages.run(
        "churn model",
        lambda r: fit_churn(context.settings, r, promote=promote),
        lambda trained: trained.skipped,
    )


def sells(context: Context) -> bool:
    """Tell whether there are order lines, so that there is a next product."""
    return bool(built_schedule(context.settings)[0].next_test)


def stage_train_next_product(context: Context, stages: Stages, *, promote: bool) -> Trained:
    """Train and register the next-product model."""
    return stages.run(
        "next-product model",
        lambda r: fit_next_product(context.settings, r, promote=promote),
        lambda trained: trained.skipped,
    )


def _print_inputs(context: Context, ingested: Ingested) -> None:
    """Print what became of every row that was read; the columns after `read` add up to it."""
    table = Table(Column("input", no_wrap=True, max_width=20), "table")
    for name in ("read", "kept", "returns", "merged", "aside", "unusable"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in ingested.inputs:
        totals = one.totals
        aside, unusable = sum(totals.set_aside.values()), sum(totals.unusable.values())
        counts = (totals.read, totals.kept, totals.returned, totals.merged, aside, unusable)
        table.add_row(escape(one.input), one.table, *(f"{count:,}" if count else "–" for count in counts))
    context.console.print(table)
    for one in ingested.inputs:
        for rule, rows in one.totals.by_rule.items():
            context.console.print(f"  {one.input}: {rule}, {rows:,} rows", markup=False, soft_wrap=True)
    if any(one.totals.quarantined for one in ingested.inputs):
        path = quarantine_path(context.settings.stores)
        context.console.print(f"  Rows set aside and unusable rows are in {path}.", markup=False, soft_wrap=True)
    if returned := sum(one.totals.returned for one in ingested.inputs):
        context.console.print(f"  {ingested.matched:,} of {returned:,} returns have found their sale.", markup=False)


def _print_rows(context: Context, what: str, rows: dict[str, int]) -> None:
    table = Table(what, "rows")
    table.columns[1].justify = "right"
    for name, count in rows.items():
        table.add_row(name, f"{count:,}")
    context.console.print(table)


def _print_version(context: Context, trained: Trained) -> None:
    version = trained.version
    grade = f", grade {version.grade}" if version.grade else ""
    aliases = ", ".join(version.aliases) or "registered"
    context.console.print(f"  {version.label} is {aliases}{grade}, run {version.run_id}")
