"""Options and arguments that several commands share."""

from typing import Annotated, Literal

import typer
from typer.core import TyperGroup

from features.contract.ids import canonical_id
from serving.explain.language import DEFAULT, LANGUAGES


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


def _canonical(text: str) -> str:
    asked = canonical_id(text)
    if not asked:
        raise typer.BadParameter("expected an id, found nothing that can be seen")
    return asked


def _all_canonical(texts: list[str] | None) -> list[str]:
    return [_canonical(text) for text in texts or []]


def _language(code: str) -> str:
    if code not in LANGUAGES:
        raise typer.BadParameter(f"expected one of {', '.join(LANGUAGES)}, found {code!r}")
    return code


def _languages(codes: list[str] | None) -> list[str]:
    return [_language(code) for code in codes or [DEFAULT]]


FormatOption = Annotated[
    Literal["table", "json"], typer.Option("--format", help="A table to read, or one JSON object.")
]
_METAVAR = f"[{'|'.join(LANGUAGES)}]"
LanguageOption = Annotated[
    str, typer.Option("--language", help="Language of the texts.", metavar=_METAVAR, callback=_language)
]
LanguagesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--language",
        help="Language of the texts; may be repeated.",
        metavar=_METAVAR,
        callback=_languages,
        show_default=DEFAULT,
    ),
]
CustomerArgument = Annotated[str, typer.Argument(help="A customer_id, as in the data.", callback=_canonical)]
BasketOption = Annotated[
    list[str] | None,
    typer.Option("--basket", help="A product in the basket; may be repeated.", callback=_all_canonical),
]
