"""`encore demo`: the whole path, from raw data to an API that answers."""

import json
import logging
import shlex
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from rich.table import Table

from core.settings import StoreSettings
from serving.cli.context import Context
from serving.cli.stages import Stages
from training.lifecycle.settings import TrackingSettings

if TYPE_CHECKING:
    from training.lifecycle.tracking import Version


def run_demo(context: Context, *, serve: bool) -> None:
    """Run every stage, print what came out, and serve."""
    start = time.monotonic()
    context.console.print("[bold]Encore[/] [dim]loading libraries[/]")
    # seconds of imports, after a first sign of life
    from serving.access.keys import ROLES, KeyFile  # noqa: PLC0415
    from serving.cli.ask import stage_scores  # noqa: PLC0415
    from serving.cli.data import stage_ingest  # noqa: PLC0415
    from serving.cli.features import sells, stage_apply, stage_build, stage_materialize  # noqa: PLC0415
    from serving.cli.server import address, listen, run_server  # noqa: PLC0415
    from serving.cli.train import stage_train_churn, stage_train_next_product  # noqa: PLC0415

    listening = listen(context) if serve else None
    with Stages(context.console) as stages:
        ingested = stage_ingest(context, stages)
        stage_build(context, stages)
        stage_apply(context, stages)
        churn = stage_train_churn(context, stages, promote=True)
        following = stage_train_next_product(context, stages, promote=True) if sells(context) else None
        stage_materialize(context, stages)
        stage_scores(context, stages)
    table = _results(ingested.rows["transactions"], churn.version, following.version.metrics if following else None)
    if listening is None:
        context.console.print(table)
        context.console.print(f"  Done in {time.monotonic() - start:.0f} s. `encore serve` starts the API.")
        return
    key = KeyFile(context.settings[StoreSettings]).renew("demo", ROLES, context.now)
    run_server(context, listening, lambda: _announce(context, table, address(listening), key, start), logging.WARNING)


def _results(lines: int, version: "Version", following: dict[str, float] | None) -> Table:
    churn = version.metrics
    rule = "recency" if "recency.roc_auc" in churn else "contract_end"
    table = Table("", "Encore", "the obvious rule", title="Results on test snapshots that training never saw")
    table.columns[1].justify = table.columns[2].justify = "right"
    table.add_row("order lines read", f"{lines:,}", "")
    if following is not None:
        table.add_row("customers", f"{following['customers']:,.0f}", "")
    table.add_row("churn rate", f"{churn['test.churn_rate']:.1%}", "")
    table.add_row("", "", f"[dim]{rule}[/]")
    table.add_row("churn AUC", f"{churn['champion.roc_auc']:.3f}", f"{churn[f'{rule}.roc_auc']:.3f}")
    precision = f"{churn['champion.average_precision']:.3f}", f"{churn[f'{rule}.average_precision']:.3f}"
    table.add_row("churn average precision", *precision)
    table.add_row("churn model's grade", version.grade or "–", "")
    if following is None:
        return table
    table.add_row("", "", "[dim]G-TopFreq[/]")
    table.add_row("next product NDCG@10", f"{following['two_stage.ndcg']:.3f}", f"{following['g_top_freq.ndcg']:.3f}")
    return table


def _announce(context: Context, table: Table, url: str, key: str, start: float) -> None:
    from features.engine.build import built_schedule  # noqa: PLC0415 - loaded by now
    from serving.cli.features import sells  # noqa: PLC0415
    from training.churn.labels import active_customers  # noqa: PLC0415

    console = context.console
    schedule, _ = built_schedule(context.settings)
    customers = active_customers(context.settings, schedule.as_of)
    if not customers:
        console.print("  Nobody is active at the latest snapshot, so there is nobody to ask about.")
        return
    first, second, third = (customers * 3)[:3]
    console.print(table)
    console.print(f"  Ready after {time.monotonic() - start:.0f} s. Stop with Ctrl-C.\n", soft_wrap=True)
    console.print(f"  API          {url}", soft_wrap=True)
    console.print(f"  API docs     {url}/docs", soft_wrap=True)
    console.print(
        f"  MLflow UI    .venv/bin/mlflow ui --backend-store-uri {context.settings[TrackingSettings].uri}\n",
        soft_wrap=True,
    )
    console.print(f"  API key      {key}\n", markup=False, soft_wrap=True)
    offers = sells(context)
    include = ["risk", "reasons", "offers"] if offers else ["risk", "reasons"]
    body = json.dumps({"customer_ids": [first, second, third], "include": include})
    other = "offers?kind=cross_sell&limit=3&language=zh" if offers else "explanation?language=zh"
    bearer, json_type = f"-H 'Authorization: Bearer {key}'", "-H 'Content-Type: application/json'"
    for command in (
        f"curl '{url}/v1/customers/{quote(first)}/explanation' {bearer}",
        f"curl '{url}/v1/customers/{quote(second)}/{other}' {bearer}",
        f"curl '{url}/v1/scores' {bearer} {json_type} -d {shlex.quote(body)}",
    ):
        console.print(f"  {command}", markup=False, soft_wrap=True)
