"""`encore demo`: the whole path, from raw data to an API that answers requests."""

import json
import logging
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer
from rich.table import Table

from core.errors import DataError
from core.files import write_file
from core.settings import DEFAULT_CONFIG, StoreSettings
from features.ingest.settings import DataSettings
from serving.cli.context import Context
from serving.cli.exits import REFUSED
from serving.cli.options import group
from serving.cli.stages import Stages
from serving.settings import ConsoleSettings, DecisionSettings
from training.lifecycle.pages import command_of, server_of
from training.lifecycle.settings import TrackingSettings
from training.registry import MODELS, Registered

if TYPE_CHECKING:
    from training.lifecycle.version import Version


#: What `encore demo` writes in a folder without a configuration.
_CONFIG = """\
# Written by `encore demo`: dunnhumby's The Complete Journey, a year of a grocery's baskets. For data of your own remove
# this file and run `encore init --from <folder of exports>`.

[data]
source = "completejourney"

[churn]
slices = ["income", "age"]  # columns of customers that results are reported by; never model inputs
"""

app = group()


@app.command("demo")
def demo(
    ctx: typer.Context,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve at the end, or stop before.")] = True,
) -> None:
    """Run everything: data, features, training, registry, online store, API.

    Stages whose inputs did not change since the last run are skipped. Ends with a table of results and the
    addresses that answer. The data are those of encore.toml; as delivered, a year of a grocery's customers.
    """
    run_demo(ctx.obj, serve=serve)


def run_demo(context: Context, *, serve: bool) -> None:
    """Run every stage, print what came out, and serve."""
    start = time.monotonic()
    write_demo_config(context)
    context.console.print("[bold]Encore[/] [dim]loading libraries[/]")
    # seconds of imports, after a first sign of life
    from serving.access.keys import ROLES, KeyFile  # noqa: PLC0415
    from serving.cli.data import stage_ingest  # noqa: PLC0415
    from serving.cli.features import stage_apply, stage_build, stage_materialize  # noqa: PLC0415
    from serving.cli.scores import stage_scores  # noqa: PLC0415
    from serving.cli.server import address, listen, run_server  # noqa: PLC0415
    from serving.cli.unmatched import print_unmatched  # noqa: PLC0415

    listening = listen(context) if serve else None
    with Stages(context.console) as stages:
        ingested = stage_ingest(context, stages)
        try:
            schedule = stage_build(context, stages).schedule
            stage_apply(context, stages)
            trained = _train(context, stages, [one for one in MODELS if schedule.splits[one.name].test])
        except DataError:
            _explain(context)
            raise
        stage_materialize(context, stages)
        if trained.answers:
            stage_scores(context, stages)
            _judge(context, stages)
    print_unmatched(context, ingested.unmatched)
    table = _results(ingested.rows, trained.versions)
    for refusal in trained.refusals:
        context.console.print(f"  {refusal}", markup=False, soft_wrap=True)
    if listening is None or not trained.answers:
        if listening is not None:
            listening.close()
        context.console.print(table)
        _end(context, trained, start)
        return
    key = KeyFile(context.settings[StoreSettings]).renew("demo", ROLES, context.now)
    run_server(context, listening, lambda: _announce(context, table, address(listening), key, start), logging.WARNING)


def _judge(context: Context, stages: Stages) -> None:
    """Measure the models and judge the data where nobody did yet, so that the console has something to say of them."""
    from serving.cli.check import stage_check  # noqa: PLC0415
    from serving.cli.monitor import page_path, stage_monitor  # noqa: PLC0415
    from training.monitoring import kept as monitored  # noqa: PLC0415
    from training.readiness import kept as judged  # noqa: PLC0415

    stores = context.settings[StoreSettings]
    if monitored.read_kept(stores) is None:
        stage_monitor(context, stages, page_path(stores))
    if judged.read_kept(stores) is None:
        stage_check(context, stages)


def _explain(context: Context) -> None:
    """Print, and write to a page, what the data hold and what to change; the error that stopped the demo follows."""
    from serving.cli.check import check_data  # noqa: PLC0415

    context.console.print("\n  The data cannot carry every model as it is configured. This is what they hold:")
    check_data(context, None, json=False)


@dataclass(frozen=True)
class _AllTrained:
    """What training all models left.

    Attributes
    ----------
    refusals
        Sentences of the gate about models that it did not promote.
    answers
        Whether any model has a champion.
    """

    versions: "Mapping[str, Version]"
    refusals: tuple[str, ...]
    answers: bool


def _train(context: Context, stages: Stages, models: Sequence[Registered]) -> _AllTrained:
    from serving.cli.train import stage_train  # noqa: PLC0415
    from training.lifecycle.tracking import Tracking  # noqa: PLC0415

    trained = {one.name: stage_train(context, stages, one, promote=True) for one in models}
    refusals = [
        f"{one.title} model: {decision.reason}"
        for one in models
        if (decision := trained[one.name].decision) is not None and not decision.passes
    ]
    tracking = Tracking(context.settings[TrackingSettings])
    answers = any(tracking.label_of(one.registered_name) for one in models)
    return _AllTrained({name: one.version for name, one in trained.items()}, tuple(refusals), answers)


def _end(context: Context, trained: _AllTrained, start: float) -> None:
    """Say how to continue, without serving; the exit code is that of a training whose model was not promoted."""
    serves = "`encore serve` starts the API." if trained.answers else "No model is promoted, so nothing can be served."
    context.console.print(f"  Done in {time.monotonic() - start:.0f} s. {serves}", soft_wrap=True)
    if trained.refusals:
        raise typer.Exit(REFUSED)


def write_demo_config(context: Context) -> None:
    """Write an encore.toml with the demo's data where nothing says which to read, so that every command reads them."""
    if context.settings[DataSettings].source is not None or context.config is not None or DEFAULT_CONFIG.exists():
        return
    write_file(DEFAULT_CONFIG, _CONFIG.encode())
    context.console.print(f"  {DEFAULT_CONFIG} is written: the data are those of the demo.", markup=False)
    del context.settings


def _results(rows: Mapping[str, int], versions: "Mapping[str, Version]") -> Table:
    """Return the headlines of every trained model, each beside its baseline."""
    table = Table("", "Encore", "baseline", title="Results on tests that training never saw")
    table.columns[1].justify = table.columns[2].justify = "right"
    read = {"order lines": "transactions", "contract periods": "subscriptions"}
    read |= {"assignments": "assignments", "labels": "labels"}
    for noun, name in read.items():
        if rows[name]:
            table.add_row(f"{noun} read", f"{rows[name]:,}", "")
    for registered in MODELS:
        if registered.name in versions:
            _add_headlines(table, registered, versions[registered.name])
    return table


def _add_headlines(table: Table, registered: Registered, version: "Version") -> None:
    named = None
    for headline in registered.headlines(version.metrics):
        if headline.baseline_name is not None and headline.baseline_name != named:
            named = headline.baseline_name
            table.add_row("", "", f"[dim]{named}[/]")
        table.add_row(headline.label, headline.value, headline.baseline or "")
    table.add_row(f"{registered.title} model's grade", version.shown_grade or "–", "")


def _sign_in(context: Context) -> str:
    """Return the path of a page that signs in once, as the holder of the demo's key."""
    from serving.access.keys import KeyFile  # noqa: PLC0415 - loaded by now
    from serving.access.sessions import Sessions, link_path  # noqa: PLC0415

    stores = context.settings[StoreSettings]
    sessions = Sessions(stores, timedelta(hours=context.settings[ConsoleSettings].session_hours))
    key = KeyFile(stores).named("demo", context.now)
    return link_path(sessions, key.id, context.now, timedelta(days=1))


def _announce(context: Context, table: Table, url: str, key: str, start: float) -> None:
    from features.engine.build import built_schedule  # noqa: PLC0415 - loaded by now
    from features.store.materialized import read_online  # noqa: PLC0415
    from training.churn.labels import active_customers  # noqa: PLC0415

    console = context.console
    schedule, _ = built_schedule(context.settings)
    customers = active_customers(context.settings, schedule.as_of)
    if not customers:
        console.print("  No customer is active at the latest snapshot, so there is none to ask about.")
        return
    first, second, third = (customers * 3)[:3]
    console.print(table)
    console.print(f"  Ready after {time.monotonic() - start:.0f} s. Stop with Ctrl-C.\n", soft_wrap=True)
    if context.settings[ConsoleSettings].enabled:
        console.print(f"  Console      {url}{_sign_in(context)}", markup=False, soft_wrap=True)
    console.print(f"  API          {url}", soft_wrap=True)
    console.print(f"  API docs     {url}/docs", soft_wrap=True)
    tracking = context.settings[TrackingSettings]
    pages = server_of(tracking) or f".venv/bin/{command_of(tracking)}"
    console.print(f"  MLflow UI    {pages}\n", soft_wrap=True)
    console.print(f"  API key      {key}\n", markup=False, soft_wrap=True)
    offers = read_online(context.settings[StoreSettings]).sells
    decides = context.settings[DecisionSettings].file is not None
    include = ["risk", "reasons", *(["action"] if decides else []), "value", *(["offers"] if offers else [])]
    body = json.dumps({"customer_ids": [first, second, third], "include": include, "order": "value_at_risk"})
    other = "offers?kind=cross_sell&limit=3&language=zh" if offers else "explanation?language=zh"
    bearer, json_type = f"-H 'Authorization: Bearer {key}'", "-H 'Content-Type: application/json'"
    plan = json.dumps({"everyone": True, "limit": 5})
    for command in (
        f"curl '{url}/v1/customers/{quote(first)}/explanation' {bearer}",
        f"curl '{url}/v1/customers/{quote(second)}/{other}' {bearer}",
        f"curl '{url}/v1/scores' {bearer} {json_type} -d {shlex.quote(body)}",
        *([f"curl '{url}/v1/decisions' {bearer} {json_type} -d {shlex.quote(plan)}"] if decides else []),
    ):
        console.print(f"  {command}", markup=False, soft_wrap=True)
