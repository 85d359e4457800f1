"""Commands about one customer: explain, recommend, answer."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from serving.cli.asking import Asking
from serving.cli.context import Context
from serving.cli.options import BasketOption, CustomerArgument, LanguageOption, group
from serving.explain.wording import Language, say
from serving.parts import PARTS
from serving.parts.offers import OfferOptions, OffersAnswer
from serving.parts.reasons import ReasonsAnswer
from serving.parts.risk import RiskAnswer
from serving.parts.types import TypeOptions, TypesAnswer
from serving.parts.what_if import WhatIfAnswer
from serving.scoring.part import Question
from serving.scoring.service import ScoredCustomer
from training.next_product.offers.selection import Kind

app = group()


@app.command("answer")
def answer(
    ctx: typer.Context,
    customer_id: CustomerArgument,
    include: Annotated[
        list[str] | None, typer.Option("--include", help="A part of the answer; may be repeated. Default: all.")
    ] = None,
    language: LanguageOption = "en",
) -> None:
    """Print any parts of the answer about one customer, as JSON.

    The same as POST /v1/scores answers; a part without values says why in its status.
    """
    context: Context = ctx.obj
    names = [part.name for part in PARTS]
    unknown = [name for name in include or [] if name not in names]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is no part of an answer; expected one of {', '.join(names)}")
    asking = Asking(context)
    parts = tuple(name for name in names if not include or name in include)
    scored = asking.ask(Question((customer_id,), parts, language))
    context.console.print_json(
        data={"customer_id": customer_id, "as_of": scored.as_of.isoformat()}
        | {name: part.fields for name, part in scored.parts.items()}
    )


@app.command("explain")
def explain(ctx: typer.Context, customer_id: CustomerArgument, language: LanguageOption = "en") -> None:
    """Print one customer's risk and the reasons for it."""
    context: Context = ctx.obj
    asking = Asking(context)
    one = asking.one(Question((customer_id,), ("risk", "reasons", "what_if"), language))
    risk: RiskAnswer = one.parts["risk"].value
    reasons: ReasonsAnswer = one.parts["reasons"].value
    change: WhatIfAnswer = one.parts["what_if"].value
    shown = "–" if risk.risk is None else f"{risk.risk:.0%}"
    grade = asking.deployment.models["churn"].version.shown_grade
    table = Table(
        *("", "%", say(language, "heading.reason"), say(language, "heading.action")),
        title=f"{escape(customer_id)}: {shown} ({say(language, f'tier.{risk.tier}')}), {risk.model}, "
        f"{say(language, 'heading.grade')} {grade}, {one.as_of:%Y-%m-%d}",
    )
    for sign, listed in (("[red]▲[/]", reasons.reasons), ("[green]▼[/]", reasons.strengths)):
        for reason in listed or []:
            text = f"[bold]{escape(reason.title)}[/]\n{escape(reason.text)}"
            table.add_row(sign, f"{100 * reason.share:.0f}", text, escape(reason.action or ""))
    context.console.print(table)
    if change.what_if is not None:
        context.console.print(f"  {change.what_if.text}", markup=False, soft_wrap=True)


@app.command("recommend")
def recommend(  # noqa: PLR0913, PLR0917 - its options
    ctx: typer.Context,
    customer_id: CustomerArgument,
    kind: Annotated[Kind, typer.Option("--kind", help="Which list; next is the best mix.")] = "next",
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="How many offers.")] = 5,
    basket: BasketOption = None,
    types: Annotated[bool, typer.Option("--types", help="Product types never bought, instead of products.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show path, probability and evidence too.")] = False,
    language: LanguageOption = "en",
) -> None:
    """Print what to offer one customer, and why.

    The rules file and the experiment of encore.toml apply, as for the API.
    """
    context: Context = ctx.obj
    asking = Asking(context)
    if types:
        question = Question((customer_id,), ("types",), language, {"types": TypeOptions(limit)})
        table = _types_table(asking.one(question), language, explain=explain)
    else:
        options = OfferOptions(kind, limit, tuple(basket or []))
        question = Question((customer_id,), ("offers",), language, {"offers": options})
        table = _offers_table(asking.one(question), language, explain=explain)
    context.console.print(table)


def _offers_table(one: ScoredCustomer, language: Language, *, explain: bool) -> Table:
    part: OffersAnswer = one.parts["offers"].value
    table = _table(one, part, language, ("product", "name", "kind"), explain=explain)
    for offer in part.offers or []:
        likely = "–" if offer.probability is None else f"{offer.probability:.1%}"
        row = [offer.product_id, offer.name, say(language, f"kind.{offer.kind}"), offer.text]
        table.add_row(*_escaped([*row, likely, offer.path, _listed(offer.evidence)] if explain else row))
    return table


def _types_table(one: ScoredCustomer, language: Language, *, explain: bool) -> Table:
    part: TypesAnswer = one.parts["types"].value
    table = _table(one, part, language, ("type", "product", "name"), explain=explain)
    for offer in part.types or []:
        row = [offer.type, offer.product_id, offer.name, offer.text]
        table.add_row(*_escaped([*row, "–", offer.path, _listed(offer.evidence)] if explain else row))
    return table


def _table(
    one: ScoredCustomer,
    part: OffersAnswer | TypesAnswer,
    language: Language,
    columns: Sequence[str],
    *,
    explain: bool,
) -> Table:
    arm = f", {part.experiment.name}: {part.experiment.arm}" if part.experiment is not None else ""
    reason = f", {part.reason}" if part.reason else ""
    names = [say(language, f"column.{name}") for name in columns] + [say(language, "heading.reason")]
    if explain:
        names += [say(language, f"column.{name}") for name in ("probability", "path", "evidence")]
    title = escape(f"{one.customer_id}: {part.model}, {one.as_of:%Y-%m-%d}{arm}{reason}")
    return Table(*(Column(name, overflow="fold") for name in names), title=title)


def _listed(evidence: Mapping[str, bool | int | float | str]) -> str:
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in evidence.items()
    )


def _escaped(texts: Sequence[str]) -> list[str]:
    return [escape(text) for text in texts]
