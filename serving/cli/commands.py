"""The commands of `encore`. Heavy imports happen inside them, so that `--help` is quick."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serving.cli.context import Context

if TYPE_CHECKING:
    from training.registry import Registered

app = typer.Typer(
    name="encore",
    help="Who is about to leave, why, and what to offer them next.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
features_app = typer.Typer(help="Build features, register them with Feast, copy them online.", no_args_is_help=True)
tune_app = typer.Typer(help="Search a model's parameters.", no_args_is_help=True)
train_app = typer.Typer(help="Train a model and register it in MLflow.", no_args_is_help=True)
evaluate_app = typer.Typer(help="Measure a champion beside its baselines.", no_args_is_help=True)
keys_app = typer.Typer(help="Make, list, rotate and revoke API keys.", no_args_is_help=True)
scores_app = typer.Typer(help="Compute scores ahead, for the API to read.", no_args_is_help=True)
app.add_typer(features_app, name="features")
app.add_typer(keys_app, name="keys")
app.add_typer(scores_app, name="scores")
app.add_typer(tune_app, name="tune")
app.add_typer(train_app, name="train")
app.add_typer(evaluate_app, name="evaluate")


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"


class Language(StrEnum):
    """Languages of reasons."""

    EN = "en"
    ZH = "zh"


class Kind(StrEnum):
    """Kinds of offers."""

    REPEAT = "repeat"
    CROSS_SELL = "cross_sell"
    UP_SELL = "up_sell"
    NEXT = "next"


class Role(StrEnum):
    """What a key may be used for."""

    SCORE = "score"
    EXPLAIN = "explain"
    EVENTS = "events"
    ADMIN = "admin"
    MONITOR = "monitor"


Promote = Annotated[bool, typer.Option("--promote/--no-promote", help="Make it the champion, or only the challenger.")]
FormatOption = Annotated[Format, typer.Option("--format", help="A table to read, or one JSON object.")]
LanguageOption = Annotated[Language, typer.Option("--language", help="Language of the reasons.")]
CustomerArgument = Annotated[str, typer.Argument(help="A customer_id as it stands in the data.")]


@app.callback()
def root(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option("--config", envvar="ENCORE_CONFIG", help="Configuration file. Default: ./encore.toml."),
    ] = None,
) -> None:
    """Read the options that every command has."""
    ctx.obj = Context(config)


@app.command()
def demo(
    ctx: typer.Context,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve at the end, or stop before.")] = True,
) -> None:
    """Run everything: data, features, training, registry, online store, API.

    Stages whose inputs did not change since the last run are skipped. Ends with a table of results and the
    addresses that answer. The data are those of encore.toml; as delivered, a year of a grocery's customers.
    """
    from serving.cli.demo import run_demo  # noqa: PLC0415

    run_demo(ctx.obj, serve=serve)


@app.command()
def ingest(
    ctx: typer.Context,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Forget what was read before, and read all files.")
    ] = False,
    afresh: Annotated[bool, typer.Option("--afresh", hidden=True)] = False,
) -> None:
    """Map the configured source to the contract tables in data/contract.

    Reads what is new or has changed. Skipped and rejected rows go to data/quarantine.parquet, with file, line, rule and
    text; above data.max_rejected_share the command stops, and what was there before stays.
    """
    from serving.cli.data import ingest as run  # noqa: PLC0415

    if afresh:
        raise typer.BadParameter("--afresh is called --full-refresh now")
    run(ctx.obj, full_refresh=full_refresh)


@app.command("init")
def init(
    ctx: typer.Context,
    sources: Annotated[list[str], typer.Option("--from", help="A file, a folder, or the address of a database.")],
    output: Annotated[Path, typer.Option("--output", help="The file to write; it must not be there.")] = Path(
        "encore.toml"
    ),
) -> None:
    """Look at exports and write an encore.toml that maps them, with the evidence and what is left to ask.

    Takes CSV, Excel and Parquet files, folders of them, and SQLAlchemy addresses of databases; --from may be repeated.
    """
    from serving.cli.data import init as run  # noqa: PLC0415

    run(ctx.obj, sources, output)


@app.command("check-data")
def check_data(
    ctx: typer.Context,
    output: Annotated[
        Path | None, typer.Option("--output", help="The page. Default: check.html in stores.data.")
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Say what is in the contract tables, and whether it can carry a model.

    Recommends the activity window and the horizon from how long customers are silent before they come back. Needs
    `encore ingest` before.
    """
    from serving.cli.check import check_data as run  # noqa: PLC0415

    run(ctx.obj, output, json=form is Format.JSON)


@features_app.command("build")
def features_build(ctx: typer.Context) -> None:
    """Compute every feature view at its snapshots, into data/features.

    Snapshots lie time.snapshot_spacing_days apart, back from time.as_of to time.min_history_days after the
    first event; the test snapshots of the models are added. Needs `encore ingest` before.
    """
    from serving.cli.features import build as run  # noqa: PLC0415

    run(ctx.obj)


@features_app.command("apply")
def features_apply(ctx: typer.Context) -> None:
    """Register entities, feature views and feature services with Feast.

    Writes data/feast/feature_store.yaml too, so that Feast's own commands work: `feast -c data/feast ...`.
    Needs `encore features build` before.
    """
    from serving.cli.features import apply as run  # noqa: PLC0415

    run(ctx.obj)


@features_app.command("materialize")
def features_materialize(ctx: typer.Context) -> None:
    """Copy the features of time.as_of to the online store, where the API reads them.

    Needs `encore features apply` before.
    """
    from serving.cli.features import materialize as run  # noqa: PLC0415

    run(ctx.obj)


@scores_app.command("materialize")
def scores_materialize(
    ctx: typer.Context,
    offers: Annotated[bool, typer.Option("--offers/--no-offers", help="Offers too, which takes longer.")] = False,
) -> None:
    """Compute risk and reasons of every active customer, in all languages, for the API to read.

    The API computes what is missing, and anew what is older than a customer's last event; this spares it the first
    time. Needs `encore features materialize` before.
    """
    from serving.cli.ask import materialize as run  # noqa: PLC0415

    run(ctx.obj, offers=offers)


@keys_app.command("create")
def keys_create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Who uses it, for example crm.")],
    role: Annotated[list[Role], typer.Option("--role", help="May be repeated.")],
    per_minute: Annotated[
        int | None, typer.Option("--per-minute", min=1, help="Default: serving.requests_per_minute.")
    ] = None,
) -> None:
    """Make a key and print it, this once: only its hash is kept.

    Roles: score (risk, offers, profile), explain (reasons), events (sources), admin (models, erasure),
    monitor (metrics).
    """
    from serving.cli.keys import create as run  # noqa: PLC0415

    run(ctx.obj, name, [one.value for one in role], per_minute)


@keys_app.command("list")
def keys_list(ctx: typer.Context) -> None:
    """List keys with their roles, ended ones too."""
    from serving.cli.keys import show as run  # noqa: PLC0415

    run(ctx.obj)


@keys_app.command("rotate")
def keys_rotate(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="As it was created.")],
    grace_hours: Annotated[float, typer.Option("--grace-hours", min=0, help="The old one works so long.")] = 24,
) -> None:
    """Make a new key with the rights of an old one, and print it."""
    from serving.cli.keys import rotate as run  # noqa: PLC0415

    run(ctx.obj, name, grace_hours)


@keys_app.command("revoke")
def keys_revoke(ctx: typer.Context, name: Annotated[str, typer.Argument(help="As it was created.")]) -> None:
    """End a key at once; a running API follows within a second."""
    from serving.cli.keys import revoke as run  # noqa: PLC0415

    run(ctx.obj, name)


@tune_app.command("churn")
def tune_churn(
    ctx: typer.Context,
    trials: Annotated[int, typer.Option("--trials", min=1, max=1000, help="Finished trials to reach in all.")] = 40,
) -> None:
    """Search LightGBM's parameters for churn on time-ordered folds before the test snapshots.

    Can be stopped at any time and goes on where it was, until the study has that many trials. `encore train
    churn` takes the best parameters from data/tuning; remove the folder to go back to the defaults.
    """
    from serving.cli.train import tune  # noqa: PLC0415

    tune(ctx.obj, _model("churn"), trials)


@train_app.command("churn")
def train_churn(ctx: typer.Context, promote: Promote = True) -> None:
    """Train the churn model on point-in-time features and register it.

    Trains on snapshots whose label windows end before the first of churn.test_snapshots, stops early and
    calibrates on the last churn.validation_snapshots of them, and measures on the test snapshots.
    """
    from serving.cli.train import train  # noqa: PLC0415

    train(ctx.obj, _model("churn"), promote=promote)


@train_app.command("next-product")
def train_next_product(ctx: typer.Context, promote: Promote = True) -> None:
    """Train the next-product model and register it.

    Trains the reranker on next_product.training_snapshots snapshots before the first test snapshot, one
    horizon apart, measures on the test snapshots, and fits the candidate sources as of today.
    """
    from serving.cli.train import train  # noqa: PLC0415

    train(ctx.obj, _model("next-product"), promote=promote)


@evaluate_app.command("churn")
def evaluate_churn(ctx: typer.Context, output: FormatOption = Format.TABLE) -> None:
    """Measure the churn champion and every baseline on the same customers of the test snapshots.

    Prints ROC AUC, average precision, Brier score, expected calibration error (15 bins of equal mass), lift
    and recall at the top 10 %, each with a bootstrap 95 % interval; the same by slice, and as JSON by snapshot;
    signs of leakage; and the grade.
    """
    from serving.cli.evaluation import evaluate  # noqa: PLC0415

    evaluate(ctx.obj, _model("churn"), json=output is Format.JSON)


@evaluate_app.command("reasons")
def evaluate_reasons(ctx: typer.Context, output: FormatOption = Format.TABLE) -> None:
    """Check the reasons of the churn champion against the model, for the customers of the test snapshots.

    Prints how many sentences agree with what the model does when the theme's features are set to the median,
    how much the top three themes explain, and whether they stay the same a day later.
    """
    from serving.cli.evaluation import evaluate_reasons as run  # noqa: PLC0415

    run(ctx.obj, json=output is Format.JSON)


@evaluate_app.command("next-product")
def evaluate_next_product(ctx: typer.Context, output: FormatOption = Format.TABLE) -> None:
    """Measure the next-product champion and every baseline on the same customers of the test snapshots.

    Prints NDCG, recall, precision and hit rate at 10, the share of the catalogue that was listed, the share of
    places that go to the most popular 1 %, and the champion's gain over each baseline with its interval; for all
    products, for products and types never bought, and for what is due again.
    """
    from serving.cli.evaluation import evaluate  # noqa: PLC0415

    evaluate(ctx.obj, _model("next-product"), json=output is Format.JSON)


@app.command()
def score(
    ctx: typer.Context,
    output: Annotated[Path, typer.Option("--output", help="A .parquet or .csv file.")] = Path("data/scores.parquet"),
    language: LanguageOption = Language.EN,
) -> None:
    """Write risk, tier, top reasons and top offers of every active customer to a file.

    One row per active customer, highest risk first.
    """
    from serving.cli.ask import score as run  # noqa: PLC0415

    run(ctx.obj, output, language.value)


@app.command()
def explain(
    ctx: typer.Context,
    customer_id: CustomerArgument,
    language: LanguageOption = Language.EN,
) -> None:
    """Print one customer's risk and the reasons for it."""
    from serving.cli.ask import explain as run  # noqa: PLC0415

    run(ctx.obj, customer_id, language.value)


@app.command()
def recommend(  # noqa: PLR0913, PLR0917 - its options
    ctx: typer.Context,
    customer_id: CustomerArgument,
    kind: Annotated[Kind, typer.Option("--kind", help="Which list; next is the best mix.")] = Kind.NEXT,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="How many offers.")] = 5,
    basket: Annotated[
        list[str] | None, typer.Option("--basket", help="A product in the basket; may be repeated.")
    ] = None,
    types: Annotated[bool, typer.Option("--types", help="Product types never bought, instead of products.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show path, probability and evidence too.")] = False,
    language: LanguageOption = Language.EN,
) -> None:
    """Print what to offer one customer, and why.

    The rules file and the experiment of encore.toml apply, as for the API.
    """
    from serving.cli.ask import options_of, recommend, recommend_types  # noqa: PLC0415

    if types:
        recommend_types(ctx.obj, customer_id, limit, language.value, explain=explain)
    else:
        options = options_of(kind.value, limit, basket or [])
        recommend(ctx.obj, customer_id, options, language.value, explain=explain)


@app.command()
def serve(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option("--host", help="Default: serving.host of encore.toml.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Default: serving.port; 0 takes a free one.")] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Default: serving.workers.")] = None,
) -> None:
    """Serve the API until interrupted. Its documentation is at /docs.

    Needs a key: `encore keys create` makes one.
    """
    from serving.cli.server import serve as run  # noqa: PLC0415

    run(ctx.obj, host, port, workers)


def _model(command: str) -> "Registered":
    """Return the model of a command."""
    from training.registry import MODELS  # noqa: PLC0415

    return next(model for model in MODELS if model.command == command)
