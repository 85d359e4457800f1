"""Commands that ask the champions: explain, recommend, score."""

from pathlib import Path

from rich.markup import escape
from rich.table import Table

from serving.batch import export_scores
from serving.cli.context import Context
from serving.cli.stages import Stages
from serving.ready import Ready
from serving.scorer import one
from serving.wording import Language, say
from training.next_product.offers import Kind


def score(context: Context, output: Path, language: Language) -> None:
    """Run `encore score`."""
    with Stages(context.console) as stages:
        ready = Ready(context.settings, lambda: context.now)
        scorer = stages.run("models", lambda _: ready.load())
        rows = stages.run(
            "scores",
            lambda report: export_scores(context.settings, scorer, ready.as_of(scorer), output, language, report),
        )
    context.console.print(f"  {rows:,} active customers in {output}")


def explain(context: Context, customer_id: str, language: Language) -> None:
    """Run `encore explain`."""
    ready = Ready(context.settings, lambda: context.now)
    scorer = ready.load()
    found = one(scorer.explanations([customer_id], ready.as_of(scorer), language), customer_id)
    tier = say(language, f"tier.{found.tier}")
    risk = "–" if found.risk is None else f"{found.risk:.0%}"
    model = f"{found.model}, {say(language, 'heading.grade')} {found.model_grade}"
    table = Table(
        *("", "%", say(language, "heading.reason"), say(language, "heading.action")),
        title=f"{escape(customer_id)}: {risk} ({tier}), {model}, {found.as_of:%Y-%m-%d}",
    )
    for sign, reasons in (("[red]▲[/]", found.reasons), ("[green]▼[/]", found.protections)):
        for reason in reasons:
            text = f"[bold]{escape(reason.title)}[/]\n{escape(reason.text)}"
            table.add_row(sign, f"{100 * reason.share:.0f}", text, escape(reason.action or ""))
    context.console.print(table)
    if found.what_if is not None:
        context.console.print(f"  {found.what_if.text}", markup=False, soft_wrap=True)


def recommend(context: Context, customer_id: str, kind: Kind, limit: int, language: Language) -> None:
    """Run `encore recommend`."""
    ready = Ready(context.settings, lambda: context.now)
    scorer = ready.load()
    found = one(scorer.offers([customer_id], ready.as_of(scorer), kind, limit, language), customer_id)
    table = Table(
        "product", "name", "kind", "why", title=f"{escape(customer_id)}: {found.model}, {found.as_of:%Y-%m-%d}"
    )
    for offer in found.offers:
        row = (offer.product_id, offer.name, say(language, f"kind.{offer.kind}"), offer.text)
        table.add_row(*(escape(text) for text in row))
    context.console.print(table)
