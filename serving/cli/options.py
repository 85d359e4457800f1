"""Options and arguments that several commands share."""

from typing import Annotated, Literal

import typer
from typer.core import TyperGroup


def group(text: str | None = None, kind: type[TyperGroup] = TyperGroup) -> typer.Typer:
    """Return an application that commands are added to, or that has those of a kind of group."""
    return typer.Typer(
        cls=kind,
        help=text,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )


FormatOption = Annotated[
    Literal["table", "json"], typer.Option("--format", help="A table to read, or one JSON object.")
]
LanguageOption = Annotated[Literal["en", "zh"], typer.Option("--language", help="Language of the reasons.")]
CustomerArgument = Annotated[str, typer.Argument(help="A customer_id, as in the data.")]
