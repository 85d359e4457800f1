"""Commands that ask the champions: explain, recommend, score."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.markup import escape
from rich.table import Column, Table

from core.jobs import job
from core.progress import Report
from core.settings import StoreSettings
from serving.answers import Offers, TypeOffers
from serving.cli.context import Context
from serving.cli.stages import Stages
from serving.explain.wording import Language, say
from serving.offers.offering import Query
from serving.scoring.export import export_scores, materialize_scores
from serving.scoring.reloader import Ready
from serving.scoring.scorer import Scorer, one
from serving.scoring.service import Desk, Include
from training.next_product.offers import Kind


def _loaded(ready: Ready) -> Scorer:
    """Load what answers; features follow events first that a materialisation could not see, such as consent."""
    scorer = ready.load()
    ready.live.catch_up()
    return scorer


def score(context: Context, output: Path, language: Language) -> None:
    """Run `encore score`."""
    with Stages(context.console) as stages:
        ready = Ready(context.settings, lambda: context.now)
        scorer = stages.run("models", lambda _: _loaded(ready))
        start = time.monotonic()
        rows = stages.run(
            "scores",
            lambda report: export_scores(context.settings, scorer, ready.as_of(scorer), output, language, report),
        )
        rate = rows / (time.monotonic() - start)
    context.console.print(f"  {rows:,} active customers in {output}, {rate:,.0f} a second")


def materialize(context: Context, *, offers: bool) -> None:
    """Run `encore scores materialize`."""
    with Stages(context.console) as stages:
        count = stage_scores(context, stages, offers=offers)
    context.console.print(f"  {count:,} active customers in {context.settings[StoreSettings].data / 'scores.db'}")


def stage_scores(context: Context, stages: Stages, *, offers: bool = False) -> int:
    """Compute scores ahead, as a stage."""
    ready = Ready(context.settings, lambda: context.now)
    parts: list[Include] = ["risk", "reasons", "what_if"]
    include = frozenset([*parts, "offers"] if offers else parts)

    def work(report: Report) -> int:
        scorer = _loaded(ready)
        desk = Desk(context.settings, ready.cache)
        return materialize_scores(context.settings, scorer, desk, ready.as_of(scorer), include, report)

    with job(context.settings[StoreSettings]):
        return stages.run("scores", work)


def explain(context: Context, customer_id: str, language: Language) -> None:
    """Run `encore explain`."""
    ready = Ready(context.settings, lambda: context.now)
    scorer = _loaded(ready)
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


def recommend(
    context: Context,
    customer_id: str,
    kind: Kind,
    limit: int,
    language: Language,
    basket: Sequence[str],
    *,
    explain: bool,
) -> None:
    """Run `encore recommend`."""
    ready = Ready(context.settings, lambda: context.now)
    scorer = _loaded(ready)
    found = one(
        scorer.offers([customer_id], ready.as_of(scorer), Query(kind, limit, tuple(basket)), language), customer_id
    )
    table = _table(found, language, ("product", "name", "kind"), explain=explain)
    for offer in found.offers:
        likely = "–" if offer.probability is None else f"{offer.probability:.1%}"
        row = [offer.product_id, offer.name, say(language, f"kind.{offer.kind}"), offer.text]
        table.add_row(*_escaped([*row, likely, offer.path, _told(offer.evidence)] if explain else row))
    context.console.print(table)


def recommend_types(context: Context, customer_id: str, limit: int, language: Language, *, explain: bool) -> None:
    """Run `encore recommend --types`."""
    ready = Ready(context.settings, lambda: context.now)
    scorer = _loaded(ready)
    found = one(scorer.types([customer_id], ready.as_of(scorer), limit, language), customer_id)
    table = _table(found, language, ("type", "product", "name"), explain=explain)
    for offer in found.types:
        row = [offer.type, offer.product_id, offer.name, offer.text]
        table.add_row(*_escaped([*row, "–", offer.path, _told(offer.evidence)] if explain else row))
    context.console.print(table)


def _table(found: Offers | TypeOffers, language: Language, columns: Sequence[str], *, explain: bool) -> Table:
    title = f"{escape(found.customer_id)}: {found.model}, {found.as_of:%Y-%m-%d}"
    if found.experiment is not None:
        title += escape(f", {found.experiment.name}: {found.experiment.arm}")
    if found.withheld is not None:
        title += f", {say(language, f'withheld.{found.withheld}')}"
    names = [say(language, f"column.{name}") for name in columns] + [say(language, "heading.reason")]
    if explain:
        names += [say(language, f"column.{name}") for name in ("probability", "path", "evidence")]
    return Table(*(Column(name, overflow="fold") for name in names), title=title)


def _told(evidence: Mapping[str, bool | int | float | str]) -> str:
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in evidence.items()
    )


def _escaped(texts: Sequence[str]) -> list[str]:
    return [escape(text) for text in texts]
