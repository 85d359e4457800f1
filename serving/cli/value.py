"""`encore value`: what customers are worth, where they stand, and how they move."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from rich.console import RenderableType
from rich.markup import escape
from rich.padding import Padding

from core.files import replacing_file
from serving.cli.asking import Asking
from serving.cli.context import Context
from serving.cli.options import CustomerArgument, FormatOption, LanguageOption, group
from serving.cli.sheets import print_sheets
from serving.explain.language import DEFAULT, Language
from serving.explain.wording import make_writers
from serving.overview.everyone import read_everyone, read_moved
from serving.overview.tables import moved_tables, plain, tables
from serving.parts.segments import SegmentsAnswer
from serving.parts.value import ValueAnswer
from serving.scoring.part import Question
from serving.settings import TextSettings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

app = group("Say what customers are worth, where they stand, and how they move.")


@app.command("show")
def show(ctx: typer.Context, customer_id: CustomerArgument, language: LanguageOption = DEFAULT) -> None:
    """Print what one customer will spend and is worth, why, and where the customer stands."""
    context: Context = ctx.obj
    for line in _card(context, customer_id, language):
        context.console.print(line, overflow="fold")


@app.command("report")
def report(
    ctx: typer.Context,
    since: Annotated[
        datetime | None,
        typer.Option("--since", formats=["%Y-%m-%d"], help="Count movements from here on. Default: 84 days before."),
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option("--pictures", help="A folder to draw pictures into: rfm.png and others.")
    ] = None,
    language: LanguageOption = DEFAULT,
    form: FormatOption = "table",
) -> None:
    """Print customers and money by tier, field, group and stage, and the movements between two moments."""
    context: Context = ctx.obj
    asking = Asking(context)
    everyone = read_everyone(asking.deployment)
    moved = read_moved(asking.deployment, everyone, since.replace(tzinfo=UTC) if since else None)
    writer = make_writers(context.settings[TextSettings])[language]
    if form == "json":
        text = orjson.dumps(plain(everyone, moved), option=orjson.OPT_UTC_Z | orjson.OPT_SERIALIZE_NUMPY)
        context.console.print_json(text.decode())
    else:
        print_sheets(context.console, [*tables(everyone, writer), *moved_tables(moved, writer)])
    if pictures is not None:
        # an extra
        from serving.overview.pictures import draw  # noqa: PLC0415

        written = _write(draw(everyone, moved, writer), pictures)
        context.console.print(f"  {', '.join(written)} in {pictures}", markup=False, soft_wrap=True)


def _card(context: Context, customer_id: str, language: Language) -> Iterator[RenderableType]:
    """Yield the lines about one customer."""
    asking, writer = Asking(context), make_writers(context.settings[TextSettings])[language]
    one = asking.one(Question((customer_id,), ("value", "segments"), language))
    value: ValueAnswer = one.parts["value"].value
    standing: SegmentsAnswer = one.parts["segments"].value
    group_of = standing.rfm.group if standing.rfm else None
    places = (value.tier, group_of, standing.stage, standing.ladder, standing.cluster)
    titles = [place.title for place in places if place is not None]
    yield f"[bold]{escape(customer_id)}[/]  {escape(writer.say('list.and').join(titles))}"
    texts = (value.text, value.next_order.text if value.next_order else None)
    for text in (*texts, value.lifetime.text if value.lifetime else None):
        if text is not None:
            yield escape(text)
    for reason in value.reasons or []:
        sign = "[green]▲[/]" if reason.direction == "raises" else "[red]▼[/]"
        yield f"{sign} [bold]{escape(reason.title)}[/]  {writer.percent(reason.share)}"
        yield Padding(escape(reason.text), (0, 0, 0, 2))
    if value.field is not None:
        yield f"[bold]{escape(value.field.title)}[/]: {escape(value.field.advice)}"
    yield f"[dim]{value.model}, {one.as_of:%Y-%m-%d}[/]"


def _write(figures: Mapping[str, "Callable[[], Figure]"], folder: Path) -> list[str]:
    """Draw pictures one after the other, so that one is in memory at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        with replacing_file(folder / f"{name}.png") as new:
            figure().savefig(new, format="png", dpi=120)
    return [f"{name}.png" for name in figures]
