"""Commands that measure something: the models, and the reasons."""

import json as json_format
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from core.progress import Report
from core.settings import Settings
from serving.cli.context import Context
from serving.cli.stages import Stages
from serving.explain.fidelity import evaluate_reasons as measure_reasons
from training.churn.pipeline import evaluate_churn as measure_churn
from training.next_product.pipeline import evaluate_next_product as measure_next_product

_SLICE_METRICS = ("roc_auc", "average_precision", "ece")


def evaluate_churn(context: Context, *, json: bool) -> None:
    """Run `encore evaluate churn`."""
    _evaluate(context, "evaluate churn", measure_churn, _print_churn, json=json)


def evaluate_reasons(context: Context, *, json: bool) -> None:
    """Run `encore evaluate reasons`."""
    _evaluate(context, "evaluate reasons", measure_reasons, _print_reasons, json=json)


def evaluate_next_product(context: Context, *, json: bool) -> None:
    """Run `encore evaluate next-product`."""
    _evaluate(context, "evaluate next product", measure_next_product, _print_next_product, json=json)


def _evaluate(
    context: Context,
    title: str,
    measure: Callable[[Settings, Report], dict[str, Any]],
    show: Callable[[Context, dict[str, Any]], None],
    *,
    json: bool,
) -> None:
    """Measure, and print the result as one JSON object or as tables."""
    # progress is kept off the output that a program reads
    console = Console(stderr=True, highlight=False) if json else context.console
    with Stages(console) as stages:
        found = stages.run(title, lambda r: measure(context.settings, r))
    if json:
        print(json_format.dumps(found, indent=2))  # noqa: T201 - to standard output, as it is
    else:
        show(context, found)


def _print_churn(context: Context, found: dict[str, Any]) -> None:
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


def _print_reasons(context: Context, found: dict[str, Any]) -> None:
    table = Table(
        "", "", title=f"Reasons of {found['protocol']['model']}, {found['protocol']['customers']:,} customers"
    )
    table.columns[1].justify = "right"
    told = found["direction_agreement"]
    table.add_row("sentences that agree with the model", f"{told['value']:.1%} of {told['sentences']:,}")
    table.add_row("top three themes' share, median customer", f"{found['top_three_share']['median']:.1%}")
    untold = found["unexplained"]
    table.add_row("withheld, as the model disagrees", f"{untold['sentences_withheld']:,}")
    table.add_row("share without a sentence, median customer", f"{untold['median_share']:.1%}")
    table.add_row("top three themes a day later, median Jaccard", f"{found['stability']['median_jaccard']:.2f}")
    table.add_row("sentences told from a missing value", f"{found['missing_values']['shown_as_known']:,}")
    table.add_row("largest distance from the raw margin", f"{found['additivity']['largest_error']:.1e}")
    what_if = found["what_if"]
    table.add_row("high or medium with a way down", f"{what_if['found']:,} of {what_if['asked']:,}")
    context.console.print(table)


def _print_next_product(context: Context, found: dict[str, Any]) -> None:
    for view, dates in found["views"].items():
        for date, methods in dates.items():
            if not methods:
                continue
            best, first = next(iter(methods.items()))
            table = Table("method", *first, f"{best} over it", title=f"{view}: {_title(found['protocol'])}, {date}")
            for name, metrics in methods.items():
                cells = (f"{metrics[metric]:.4g}" if metric in metrics else "–" for metric in first)
                table.add_row(name, *cells, _gain(metrics.get("gain")))
            context.console.print(table)
    for date, recall in found["candidate_recall"].items():
        told = f"{recall['all']:.1%} of what was bought, {recall['new_product']:.1%} of what was bought first"
        context.console.print(f"  Candidates at {date} held {told}")
    table = Table("probability", "offers", "predicted", "observed", "calibration error")
    for name, measured in found["probability"].items():
        predicted, observed, error = (f"{measured[metric]:.4f}" for metric in ("predicted", "observed", "ece"))
        table.add_row(name, f"{measured['offers']:,.0f}", predicted, observed, error)
    context.console.print(table)
    grading = found["grading"]
    context.console.print(
        f"  Grade [bold]{found['grade']}[/]: NDCG {grading['gain']['value']:+.0%} over {grading['best_rule']}, "
        f"calibration error {grading['ece']:.3f}",
        soft_wrap=True,
    )


def _gain(gain: dict[str, float] | None) -> str:
    return "" if gain is None else f"{gain['value']:+.0%} [dim]{gain['low']:+.0%} to {gain['high']:+.0%}[/]"


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


def _title(protocol: dict[str, Any]) -> str:
    return f"{protocol['model']}, tests {', '.join(protocol['test_snapshots'])}"


def _aligned(metrics: dict[str, Any], cells: Any, columns: dict[str, Any]) -> list[str]:  # noqa: ANN401
    by_name = dict(zip(metrics, cells, strict=True))
    return [by_name.get(column, "–") for column in columns]
