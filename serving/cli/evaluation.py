"""Commands that measure something: any model of the registry, and the reasons."""

import json as json_format
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

import typer
from rich.console import Console

from core.progress import Report
from core.settings import Settings
from serving.cli.context import Context
from serving.cli.model_group import ModelGroup
from serving.cli.options import FormatOption, group
from serving.cli.sheets import print_sheets
from serving.cli.stages import Stages
from serving.explain.fidelity import evaluate_reasons as measure_reasons
from serving.explain.wording import LONGEST
from training.evaluation.sheet import Sheet
from training.lifecycle.runner import evaluate as measure
from training.lifecycle.tracking import CHAMPION
from training.registry import Registered


class EvaluateGroup(ModelGroup):
    """`encore evaluate MODEL`."""

    help_of = (
        "Measure a version of the {title} model and every baseline on the same customers of the test snapshots.\n\n"
        "{help} Prints metrics with their intervals, the gain over the baselines, and the grade; "
        "leaves out test snapshots that the version learned from."
    )

    @staticmethod
    def declare(registered: Registered) -> Callable[..., None]:
        """Return the command of a model."""

        def command(ctx: typer.Context, version: VersionOption = CHAMPION, output: FormatOption = "table") -> None:
            evaluate(ctx.obj, registered, version, json=output == "json")

        return command


VersionOption = Annotated[str, typer.Option("--version", help="Number of a version, or an alias.")]
app = group("Measure a version beside its baselines.", EvaluateGroup)


@app.command("reasons")
def reasons(ctx: typer.Context, output: FormatOption = "table") -> None:
    """Check the reasons of the churn champion against the model, for the customers of the test snapshots.

    Prints how many sentences agree with what the model does with the theme's features of typical customers, how much
    the top three themes explain, whether they stay the same a day later, and whether the texts can be read.
    """
    evaluate_reasons(ctx.obj, json=output == "json")


def evaluate(context: Context, registered: Registered, version: str = CHAMPION, *, json: bool) -> None:
    """Run `encore evaluate MODEL`."""
    model = registered.load()
    _evaluate(
        context,
        f"evaluate {registered.title}",
        lambda settings, report: measure(model, settings, report, which=version),
        model.sheets,
        json=json,
    )


def evaluate_reasons(context: Context, *, json: bool) -> None:
    """Run `encore evaluate reasons`."""
    _evaluate(context, "evaluate reasons", measure_reasons, _sheets_of_reasons, json=json)


def _evaluate(
    context: Context,
    title: str,
    measure: Callable[[Settings, Report], dict[str, Any]],
    sheets: Callable[[Mapping[str, Any]], Iterable[Sheet]],
    *,
    json: bool,
) -> None:
    """Measure, and print the result as one JSON object or as tables."""
    # progress is kept off the output that a program reads
    console = Console(stderr=True, highlight=False) if json else context.console
    with context.job(title, alone=False), Stages(console) as stages:
        evaluation = stages.run(title, lambda report: measure(context.settings, report))
    if json:
        print(json_format.dumps(evaluation, indent=2))  # noqa: T201 - to standard output, as it is
    else:
        print_sheets(context.console, sheets(evaluation))


def _sheets_of_reasons(evaluation: Mapping[str, Any]) -> list[Sheet]:
    agreement, unexplained, what_if = (evaluation[name] for name in ("direction_agreement", "unexplained", "what_if"))
    readable, actions = evaluation["readable"], evaluation["actions"]
    rows = [
        ("sentences that agree with the model", f"{agreement['value']:.1%} of {agreement['sentences']:,}"),
        ("top three themes' share, median customer", f"{evaluation['top_three_share']['median']:.1%}"),
        ("withheld, as the model disagrees", f"{unexplained['sentences_withheld']:,}"),
        ("share without a sentence, median customer", f"{unexplained['median_share']:.1%}"),
        ("top three themes a day later, median Jaccard", f"{evaluation['stability']['median_jaccard']:.2f}"),
        ("sentences that hide a missing value", f"{evaluation['missing_values']['shown_as_known']:,}"),
        ("largest distance from the raw margin", f"{evaluation['additivity']['largest_error']:.1e}"),
        ("high or medium with a way down", f"{what_if['found']:,} of {what_if['asked']:,}"),
        ("reasons that compare, or state what is so", f"{readable['compared']:.1%} of {readable['reasons']:,}"),
        ("alarms about what is usual for the customer", f"{readable['alarms_about_the_usual']:,}"),
        ("risks blamed on a purchase of this week", f"{readable['blamed_on_a_recent_purchase']:,}"),
        (
            "actions that contradict tier, reasons or each other",
            f"{actions['contradicting']:,} of {actions['with_an_action']:,}",
        ),
        *(
            (f"texts over {LONGEST} characters, {language}", f"{length['too_long']:,} of {length['texts']:,}")
            for language, length in evaluation["length"].items()
        ),
        ("grade of reading (Flesch-Kincaid), en", f"{evaluation['reading_grade']['flesch_kincaid']:.1f}"),
    ]
    protocol = evaluation["protocol"]
    return [Sheet(f"Reasons of {protocol['model']}, {protocol['customers']:,} customers", ("check", "measured"), rows)]
