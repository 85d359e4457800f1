"""Commands about all active customers: lists to a file, and scores computed ahead."""

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from core.progress import Report, batches, track
from core.settings import StoreSettings
from features.settings import FeatureSettings
from serving.cli.asking import Asking
from serving.cli.context import Context
from serving.cli.options import LanguagesOption, group
from serving.cli.stages import Stages
from serving.explain.language import Language
from serving.overview.history import keep_history
from serving.parts.segments import SegmentsPart
from serving.scoring.export import BATCH, Row, export_scores, materialize_scores, score_rows
from serving.segments.service import Segments, Source
from training.churn.labels import active_customers

app = group()
ahead = group("Compute scores ahead, for the API to read.")
app.add_typer(ahead, name="scores")


@app.command("score")
def score(
    ctx: typer.Context,
    output: Annotated[Path, typer.Option("--output", help="A .parquet or .csv file.")] = Path("data/scores.parquet"),
    language: LanguagesOption = None,
) -> None:
    """Write risk, reasons and offers of every active customer to a file.

    One row per active customer, highest risk first; texts have a column for each language.
    """
    context: Context = ctx.obj
    # an erasure meanwhile would miss the rows that are written at the end
    with context.job("score", alone=False), Stages(context.console) as stages:
        asking = stages.run("models", lambda _: Asking(context))
        customers = active_customers(context.settings, asking.as_of)
        start = time.monotonic()
        rows = stages.run(
            "scores",
            lambda report: export_scores(
                _noted(asking, scored(context, asking, customers, tuple(language or ()), report)),
                asking.as_of,
                output,
            ),
        )
        rate = rows / (time.monotonic() - start)
    context.console.print(f"  {rows:,} active customers in {output}, {rate:,.0f} a second")


def _noted(asking: Asking, scored: Iterable[list[Row]]) -> Iterator[list[Row]]:
    """Keep rows in the answer log while they pass."""
    for rows in scored:
        asking.service.listed(rows)
        asking.service.answers.flush()
        yield rows


def scored(
    context: Context, asking: Asking, customers: Sequence[str], languages: tuple[Language, ...], report: Report
) -> Iterator[list[Row]]:
    """Yield the rows of customers, by the engine of the settings."""
    if context.settings[FeatureSettings].engine == "spark":
        # an extra
        from serving.cli.spark_scores import Job, score_on_spark  # noqa: PLC0415

        yield from score_on_spark(Job(context.settings, context.now, asking.as_of, languages), customers)
        return
    for batch in track(report, list(batches(customers, BATCH)), lambda ids: f"customers from {ids[0]}"):
        yield score_rows(asking.service, asking.deployment, batch, asking.as_of, languages)


@ahead.command("materialize")
def materialize(
    ctx: typer.Context,
    offers: Annotated[bool, typer.Option("--offers/--no-offers", help="Offers too, which takes longer.")] = False,
) -> None:
    """Compute risk, reasons, value and segments of every customer, in all languages, for the API to read.

    The API computes what is missing, and again what is older than a customer's last event; this spares it the first
    time. Needs `encore features materialize` before.
    """
    context: Context = ctx.obj
    with Stages(context.console) as stages:
        count = stage_scores(context, stages, offers=offers)
    context.console.print(f"  {count:,} customers in {context.settings[StoreSettings].data / 'scores.db'}")


def stage_scores(context: Context, stages: Stages, *, offers: bool = False) -> int:
    """Compute scores ahead, as a stage."""

    def work(report: Report) -> int:
        asking = Asking(context)
        # customers who have left are valued, and can be won back
        customers = asking.everyone
        # parts that take longer are left out unless they are asked for
        parts = [name for name, part in asking.service.parts.items() if part.kept and (offers or part.engine.quick)]
        materialize_scores(asking.service, asking.deployment, customers, asking.as_of, parts, report)
        found.append(asking)
        return len(customers)

    found: list[Asking] = []
    with context.job("scores materialize", alone=False):
        count = stages.run("scores", work)
        _stage_segments(context, found[0], stages)
        _stage_history(context, found[0], stages)
    return count


def _stage_segments(context: Context, asking: Asking, stages: Stages) -> None:
    """Evaluate segments on the new scores, so that their sizes are known day by day; nothing where none is defined."""
    segments = Segments(context.settings, asking.service.table, lambda: context.now)
    if not segments.definitions():
        return
    ground, before = asking.deployment.ground, segments.store.version()
    source = Source(ground.online, ground.store.online.vectors, asking.as_of)
    stages.run("segments", lambda _: segments.every(source, now=True))
    if segments.store.version() != before:
        # answers say which segments a customer is in
        stages.run(
            "members",
            lambda report: materialize_scores(
                asking.service, asking.deployment, asking.everyone, asking.as_of, [SegmentsPart.name], report
            ),
        )


def _stage_history(context: Context, asking: Asking, stages: Stages) -> None:
    """Keep what the scores say now, so that what changes can be seen."""
    table, customers = asking.service.table, asking.everyone
    stages.run(
        "history",
        lambda report: keep_history(asking.deployment, table, customers, asking.as_of, context.now, report),
    )
