"""Commands that make something: contract tables, features, models."""

import json as json_format
from typing import Any

from rich.table import Table

from features.build import Built, build_features
from features.ingest import Ingested
from features.ingest import ingest as ingest_tables
from features.store import Store
from serving.cli.context import Context
from serving.cli.stages import Stages
from serving.honesty import evaluate_reasons as measure_reasons
from training.churn.pipeline import evaluate_churn as measure_churn
from training.churn.pipeline import train_churn as fit_churn
from training.churn.tuning import tune_churn as search_churn
from training.next_product.pipeline import evaluate_next_product as measure_next_product
from training.next_product.pipeline import train_next_product as fit_next_product
from training.trained import Trained

_SLICE_METRICS = ("roc_auc", "average_precision", "ece")


def ingest(context: Context) -> None:
    """Run `encore ingest`."""
    with Stages(context.console) as stages:
        ingested = stage_ingest(context, stages)
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


def evaluate_churn(context: Context, *, json: bool) -> None:
    """Run `encore evaluate churn`."""
    with Stages(_progress_console(context, json)) as stages:
        found = stages.run("evaluate churn", lambda r: measure_churn(context.settings, r))
    if json:
        _print_json(found)
        return
    table = Table("method", *next(iter(found["methods"].values())), title=_title(found["protocol"]))
    for name, metrics in found["methods"].items():
        cells = (f"{m['value']:.4f} [dim]{m['low']:.3f}–{m['high']:.3f}[/]" for m in metrics.values())
        table.add_row(name, *_aligned(metrics, cells, next(iter(found["methods"].values()))))
    context.console.print(table)
    _print_slices(context, found)
    _print_leakage(context, found["leakage"])
    grading = found["grading"]
    context.console.print(
        f"  Grade [bold]{found['grade']}[/]: {grading['removed']:.0%} of the ranking errors of the rule "
        f"{grading['best_rule']} removed, calibration error {grading['ece']:.3f}",
        soft_wrap=True,
    )


def evaluate_reasons(context: Context, *, json: bool) -> None:
    """Run `encore evaluate reasons`."""
    with Stages(_progress_console(context, json)) as stages:
        found = stages.run("evaluate reasons", lambda r: measure_reasons(context.settings, r))
    if json:
        _print_json(found)
        return
    table = Table(
        "", "", title=f"Reasons of {found['protocol']['model']}, {found['protocol']['customers']:,} customers"
    )
    table.columns[1].justify = "right"
    told = found["direction_agreement"]
    table.add_row("sentences that agree with the model", f"{told['value']:.1%} of {told['sentences']:,}")
    table.add_row("top three themes' share, median customer", f"{found['top_three_share']['median']:.1%}")
    untold = found["untold"]
    table.add_row("withheld, as the model disagrees", f"{untold['sentences_withheld']:,}")
    table.add_row("share without a sentence, median customer", f"{untold['median_share']:.1%}")
    table.add_row("top three themes a day later, median Jaccard", f"{found['stability']['median_jaccard']:.2f}")
    table.add_row("sentences told from a missing value", f"{found['missing_values']['told_as_known']:,}")
    table.add_row("largest distance from the raw margin", f"{found['additivity']['largest_error']:.1e}")
    what_if = found["what_if"]
    table.add_row("high or medium with a way down", f"{what_if['found']:,} of {what_if['asked']:,}")
    context.console.print(table)


def tune_churn(context: Context, trials: int) -> None:
    """Run `encore tune churn`."""
    with Stages(context.console) as stages:
        found = stages.run("tune churn", lambda r: search_churn(context.settings, trials, r))
    context.console.print(
        f"  Log loss {found.loss:.5f} with the best of {found.trials} trials, {found.default_loss:.5f} with the "
        "defaults. `encore train churn` takes them from now on.",
        soft_wrap=True,
    )


def evaluate_next_product(context: Context, *, json: bool) -> None:
    """Run `encore evaluate next-product`."""
    with Stages(_progress_console(context, json)) as stages:
        found = stages.run("evaluate next product", lambda r: measure_next_product(context.settings, r))
    if json:
        _print_json(found)
        return
    for view, dates in found["views"].items():
        for date, methods in dates.items():
            first = next(iter(methods.values()))
            table = Table("method", *first, "two-stage over it", title=f"{view}: {_title(found['protocol'])}, {date}")
            for name, metrics in methods.items():
                cells = (f"{metrics[metric]:.4f}" for metric in first)
                table.add_row(name, *cells, _gain(metrics.get("gain")))
            context.console.print(table)


def _gain(gain: dict[str, float] | None) -> str:
    return "" if gain is None else f"{gain['value']:+.0%} [dim]{gain['low']:+.0%} to {gain['high']:+.0%}[/]"


def stage_ingest(context: Context, stages: Stages) -> Ingested:
    """Map the source to the contract tables."""
    return stages.run("contract tables", lambda r: ingest_tables(context.settings, r), lambda i: i.skipped)


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


def stage_train_next_product(context: Context, stages: Stages, *, promote: bool) -> Trained:
    """Train and register the next-product model."""
    return stages.run(
        "next-product model",
        lambda r: fit_next_product(context.settings, r, promote=promote),
        lambda trained: trained.skipped,
    )


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


def _print_slices(context: Context, found: dict[str, Any]) -> None:
    table = Table("slice", "group", "customers", "churn", "AUC", "average precision", "error")
    sizes = found["protocol"]["slices"]
    for name, groups in found["by_slice"].items():
        for group, methods in groups.items():
            metrics, size = methods["champion"], sizes[name][group]
            cells = (f"{metrics[m]['value']:.3f}" if m in metrics else "–" for m in _SLICE_METRICS)
            table.add_row(name, group, f"{size['customers']:,}", f"{size['churn_rate']:.1%}", *cells)
    context.console.print(table)


def _print_leakage(context: Context, leakage: dict[str, Any]) -> None:
    table = Table("signs of leakage", "", title=None)
    table.add_row("AUC, split by time", f"{leakage['time_split']['roc_auc']:.3f}")
    table.add_row("AUC, split at random", f"{leakage['random_split']['roc_auc']:.3f}")
    strongest = leakage["strongest_feature"]
    table.add_row("strongest feature alone", f"{strongest['feature']} {strongest['roc_auc']:.3f}")
    table.add_row("features end before labels start", "yes" if leakage["features_before_labels"] else "[red]NO[/]")
    context.console.print(table)


def _print_json(found: dict[str, Any]) -> None:
    print(json_format.dumps(found, indent=2))  # noqa: T201 - to standard output, as it is


def _progress_console(context: Context, json: bool) -> Any:  # noqa: ANN401
    from rich.console import Console  # noqa: PLC0415

    return Console(stderr=True, highlight=False) if json else context.console


def _title(protocol: dict[str, Any]) -> str:
    return f"{protocol['model']}, tests {', '.join(protocol['test_snapshots'])}"


def _aligned(metrics: dict[str, Any], cells: Any, columns: dict[str, Any]) -> list[str]:  # noqa: ANN401
    by_name = dict(zip(metrics, cells, strict=True))
    return [by_name.get(column, "–") for column in columns]
