"""Commands about one customer: explain, recommend, answer."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Column, Table

from serving.cli.asking import Asking
from serving.cli.context import Context
from serving.cli.options import BasketOption, CustomerArgument, LanguageOption, group
from serving.decisions.answers import DecisionAnswer
from serving.explain.language import DEFAULT, Language
from serving.explain.wording import Writer, make_writers
from serving.parts import PARTS
from serving.parts.action import ActionAnswer
from serving.parts.offers import OfferOptions, OffersAnswer
from serving.parts.reasons import ReasonsAnswer
from serving.parts.risk import RiskAnswer
from serving.parts.types import TypeOptions, TypesAnswer
from serving.parts.what_if import WhatIfAnswer
from serving.scoring.part import Question
from serving.scoring.service import ScoredCustomer
from serving.settings import TextSettings
from training.next_product.offers.rules import Kind

app = group()


@app.command("answer")
def answer(
    ctx: typer.Context,
    customer_id: CustomerArgument,
    include: Annotated[
        list[str] | None, typer.Option("--include", help="A part of the answer; may be repeated. Default: all.")
    ] = None,
    language: LanguageOption = DEFAULT,
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
def explain(ctx: typer.Context, customer_id: CustomerArgument, language: LanguageOption = DEFAULT) -> None:
    """Print one customer's risk, the reasons for it, and what to do."""
    context: Context = ctx.obj
    for line in _card(context, Asking(context), customer_id, language):
        context.console.print(line, overflow="fold")


def _card(context: Context, asking: Asking, customer_id: str, language: Language) -> Iterator[RenderableType]:
    """Yield the lines of a customer's card."""
    one = asking.one(Question((customer_id,), ("risk", "reasons", "action", "what_if"), language))
    risk: RiskAnswer = one.parts["risk"].value
    reasons: ReasonsAnswer = one.parts["reasons"].value
    action: ActionAnswer = one.parts["action"].value
    change: WhatIfAnswer = one.parts["what_if"].value
    writer = make_writers(context.settings[TextSettings])[language]
    grade = asking.deployment.models["churn"].version.shown_grade
    yield f"[bold]{escape(customer_id)}[/]  {writer.say(f'tier.{risk.tier}')}  {escape(risk.text or '')}"
    for sign, listed in (("[red]▲[/]", reasons.reasons), ("[green]▼[/]", reasons.strengths)):
        for reason in listed or []:
            yield f"{sign} [bold]{escape(reason.title)}[/]  {writer.percent(reason.share)}"
            yield Padding(escape(reason.text), (0, 0, 0, 2))
    if risk.risk is not None and not (reasons.reasons or reasons.strengths):
        yield writer.say("heading.nothing")
    yield from _what_to_do(action, writer)
    if change.what_if is not None:
        yield escape(change.what_if.text)
    yield f"[dim]{risk.model}, {writer.say('heading.grade')} {grade}, {one.as_of:%Y-%m-%d}[/]"


def _what_to_do(action: ActionAnswer, writer: Writer) -> Iterator[RenderableType]:
    """Yield the steps of the playbook with what worked, and the best action of the file of decisions."""
    for name, step in (("action", action.now), ("next_action", action.then)):
        if step is not None:
            yield f"[bold]{escape(writer.say(f'heading.{name}', text=step.text))}[/]"
            if step.worked is not None:
                yield Padding(escape(step.worked), (0, 0, 0, 2))
    if action.decision is not None:
        yield from _decision(action.decision, writer)


def _decision(decision: DecisionAnswer, writer: Writer) -> Iterator[RenderableType]:
    """Yield the best action of the file of decisions, why, and what it is expected to bring."""
    yield f"[bold]{escape(writer.say('heading.decision', text=decision.title))}[/]"
    gain = decision.expected_gain
    for text in (decision.reason, gain.text if gain is not None else None):
        if text:
            yield Padding(escape(text), (0, 0, 0, 2))


@app.command("recommend")
def recommend(  # noqa: PLR0913, PLR0917 - its options
    ctx: typer.Context,
    customer_id: CustomerArgument,
    kind: Annotated[Kind, typer.Option("--kind", help="Which list; next is the best mix.")] = "next",
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="How many offers.")] = 5,
    basket: BasketOption = None,
    types: Annotated[bool, typer.Option("--types", help="Product types never bought, instead of products.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show path, probability and evidence too.")] = False,
    language: LanguageOption = DEFAULT,
) -> None:
    """Print what to offer one customer, and why.

    The rules file and the experiment of encore.toml apply, as for the API.
    """
    context: Context = ctx.obj
    asking, writer = Asking(context), make_writers(context.settings[TextSettings])[language]
    if types:
        question = Question((customer_id,), ("types",), language, {"types": TypeOptions(limit)})
        table = _types_table(asking.one(question), writer, explain=explain)
    else:
        options = OfferOptions(kind, limit, tuple(basket or []))
        question = Question((customer_id,), ("offers",), language, {"offers": options})
        table = _offers_table(asking.one(question), writer, explain=explain)
    context.console.print(table)


def _offers_table(one: ScoredCustomer, writer: Writer, *, explain: bool) -> Table:
    part: OffersAnswer = one.parts["offers"].value
    table = _table(one, part, writer, ("product", "name", "kind"), explain=explain)
    for offer in part.offers or []:
        likely = "–" if offer.probability is None else writer.percent(offer.probability)
        row = [offer.product_id, offer.name, offer.title, offer.text]
        table.add_row(*_escaped([*row, likely, offer.path, _listed(offer.evidence)] if explain else row))
    return table


def _types_table(one: ScoredCustomer, writer: Writer, *, explain: bool) -> Table:
    part: TypesAnswer = one.parts["types"].value
    table = _table(one, part, writer, ("type", "product", "name"), explain=explain)
    for offer in part.types or []:
        row = [offer.type, offer.product_id, offer.name, offer.text]
        table.add_row(*_escaped([*row, "–", offer.path, _listed(offer.evidence)] if explain else row))
    return table


def _table(
    one: ScoredCustomer,
    part: OffersAnswer | TypesAnswer,
    writer: Writer,
    columns: Sequence[str],
    *,
    explain: bool,
) -> Table:
    arm = f", {part.experiment.name}: {part.experiment.arm}" if part.experiment is not None else ""
    reason = f", {part.reason}" if part.reason else ""
    names = [writer.say(f"column.{name}") for name in columns] + [writer.say("heading.reason")]
    if explain:
        names += [writer.say(f"column.{name}") for name in ("probability", "path", "evidence")]
    title = escape(f"{one.customer_id}: {part.model}, {one.as_of:%Y-%m-%d}{arm}{reason}")
    return Table(*(Column(name, overflow="fold") for name in names), title=title)


def _listed(evidence: Mapping[str, bool | int | float | str]) -> str:
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in evidence.items()
    )


def _escaped(texts: Sequence[str]) -> list[str]:
    return [escape(text) for text in texts]
