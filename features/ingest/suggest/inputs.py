"""An input whose columns are all there by name, and how its dates, numbers and texts are written."""

from collections.abc import Mapping, Sequence

from features.contract.tables import CONTRACT, TableName
from features.ingest.suggest.profile import ISO, Profile
from features.ingest.suggest.sources import Source
from features.ingest.suggest.suggestions import Input, Mapped


def plain_input(source: Source, table: TableName, found: Mapping[str, Profile]) -> Input:
    """Map a source to a table whose columns are all there by name."""
    one = Input(table, source, by_name(table, found))
    say_how_written(source, table, found, one)
    return one


def by_name(table: TableName, found: Mapping[str, Profile], but: Sequence[str] = ()) -> list[Mapped]:
    """Return the columns of a table that a source has, as they are."""
    columns = [column.name for column in CONTRACT[table].columns if column.name in found and column.name not in but]
    return [Mapped(name, found[name].name, found[name].told) for name in columns]


def say_how_written(source: Source, table: TableName, found: Mapping[str, Profile], one: Input) -> None:
    """Say how dates and numbers are written, and ask where that is not plain."""
    types = {column.name: column.type for column in CONTRACT[table].columns}
    moments = [p for name, p in found.items() if types.get(name) in {"TIMESTAMPTZ", "DATE"}]
    formats = tuple(dict.fromkeys(told for profile in moments for told in profile.formats))
    if formats and formats != (ISO,):
        # ISO 8601 is no strptime format; beside others its usual ways are written out
        iso = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d")
        told = [way for name in formats for way in (iso if name == ISO else (name,))]
        one.options["dates"] = told, f"these read the values of {', '.join(p.name for p in moments)}"
    for profile in moments:
        if profile.ambiguous is not None:
            one.questions.append(
                f"{profile.name}: day and month could be the other way round, {profile.ambiguous}; every value "
                f"seen fits both, such as {profile.examples[0]}. Which is it?"
            )
    numbers = [p for name, p in found.items() if name in {"amount", "unit_price", "price", "discount", "value"}]
    if any(profile.decimal == "," for profile in numbers):
        one.options["decimal"] = ",", f"values such as {next(p for p in numbers if p.decimal == ',').examples[0]}"
    currencies = sorted({sign for profile in numbers for sign in profile.currencies})
    if len(currencies) > 1:
        one.questions.append(
            f"Amounts are in {', '.join(currencies)}. Encore counts in one currency: set others aside in skip, with "
            "currency(…) <> '…', or convert them in the mapping of amount."
        )
    if source.item.encoding is not None:
        one.options["encoding"] = source.item.encoding, "no UTF-8; guessed from the bytes"
        one.questions.append(f"Are the texts readable with encoding {source.item.encoding}? It was guessed.")
