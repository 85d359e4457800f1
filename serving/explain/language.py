"""The languages that Encore writes in: one folder of texts each, named by its code."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Annotated

from babel import Locale
from pydantic import AfterValidator, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from core.stamps import fingerprint

#: One folder a language; docs/extending.md says what is in it.
TEXTS: Traversable = resources.files("serving.explain") / "texts"
LANGUAGES: tuple[str, ...] = tuple(
    sorted(folder.name for folder in TEXTS.iterdir() if (folder / "language.toml").is_file())
)
#: The language of who names none.
DEFAULT = "en"


def _known(code: str) -> str:
    if code not in LANGUAGES:
        raise ValueError(f"expected one of {', '.join(LANGUAGES)}")
    return code


class _Codes:
    """Lists the languages in OpenAPI."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(schema) | {"enum": list(LANGUAGES)}


Language = Annotated[str, AfterValidator(_known), _Codes()]


def title_in(titles: Mapping[Language, str], language: Language, name: str) -> str:
    """Return what something is called in a language; else in another one, else its name."""
    return titles.get(language) or next(iter(titles.values()), name)


@dataclass(frozen=True)
class Catalogue:
    """The texts of a language by key, such as `fact.recency_days`, and how it writes numbers.

    Attributes
    ----------
    locale
        Of Unicode's CLDR: forms of the plural, signs of numbers, percent and currency.
    """

    texts: dict[str, str]
    locale: Locale


@cache
def catalogue(language: Language) -> Catalogue:
    """Read the folder of a language.

    A file is a theme or another subject. Its `title` gets the key `theme.<file>`; a text in a section `[fact]` the key
    `fact.<name>`, whichever file it is in.

    Raises
    ------
    ValueError
        If a key is there twice.
    """
    texts = read_texts(TEXTS / language)
    return Catalogue(texts, Locale.parse(language))


def read_texts(folder: Traversable, *, prefixed: bool = False) -> dict[str, str]:
    """Read the texts in the files of a folder, by key.

    Parameters
    ----------
    prefixed
        Whether every key begins with the name of its file.

    Raises
    ------
    ValueError
        If a key is there twice.
    """
    texts: dict[str, str] = {}
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".toml"):
            continue
        subject = file.name.removesuffix(".toml")
        for key, text in _flat(tomllib.loads(file.read_text(encoding="utf-8"))):
            full = f"{subject}.{key}" if prefixed else f"theme.{subject}" if key == "title" else key
            if full in texts:
                raise ValueError(f"{file}: {full} is there twice")
            texts[full] = text
    return texts


@cache
def edition() -> str:
    """Name the texts of all languages together: answers that were kept with another edition have other texts."""
    return fingerprint([catalogue(language).texts for language in LANGUAGES])


def _flat(table: dict[str, object], prefix: str = "") -> list[tuple[str, str]]:
    """Return the texts of nested tables, by names that dots join."""
    texts: list[tuple[str, str]] = []
    for name, value in table.items():
        if isinstance(value, dict):
            texts += _flat(value, f"{prefix}{name}.")
        else:
            texts.append((f"{prefix}{name}", str(value)))
    return texts


def preferred(accept_language: str | None) -> Language:
    """Choose the language that an Accept-Language header prefers; English where it names none of ours."""
    wanted: list[tuple[float, int, Language]] = []
    for place, item in enumerate((accept_language or "").split(",")):
        tag, _, weight = item.replace(" ", "").partition(";q=")
        language = next((ours for ours in LANGUAGES if tag.strip().lower().split("-")[0] == ours), None)
        if language is not None and _weight(weight) > 0:
            wanted.append((-_weight(weight), place, language))
    return min(wanted)[2] if wanted else DEFAULT


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
