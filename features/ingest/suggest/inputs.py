"""Inputs of the tables other than order lines, and how dates, numbers and texts of an input are written."""

from collections.abc import Mapping, Sequence

from core.sql import identifier, quoted
from features.contract.events import interaction_kinds
from features.contract.tables import CONTRACT, TableName
from features.ingest.suggest.match import YES, is_sensitive, says_cancelled
from features.ingest.suggest.profile import ISO, Profile
from features.ingest.suggest.sources import Source
from features.ingest.suggest.suggestions import SuggestedColumn, SuggestedInput, Suggestions


def products_input(source: Source, columns: Mapping[str, Profile]) -> SuggestedInput:
    """Map columns of products; rows that name no product are skipped."""
    one = plain_input(source, "products", columns)
    if "type" not in columns and "category" in columns:
        one.columns.append(
            SuggestedColumn("type", columns["category"].name, "no finer column; offers of types need one")
        )
    identity = columns["product_id"]
    blank = f"nullif(trim({identifier(identity.name)}), '') IS NULL"
    if identity.filled < 1:
        one.skip.append(("unnamed", blank, f"{1 - identity.filled:.1%} of the rows"))
    return one


def customers_input(
    source: Source, columns: dict[str, Profile], profiles: Mapping[str, Profile], suggestions: Suggestions
) -> SuggestedInput:
    """Map columns of customers; possible attributes, and those that should be excluded, go to the suggestions."""
    one = plain_input(source, "customers", columns)
    taken = {mapped.expression for mapped in one.columns}
    for name, profile in profiles.items():
        if name not in taken and is_sensitive(name):
            suggestions.excluded.append(name)
        elif name not in taken and 2 <= profile.distinct <= 50 and profile.filled > 0.5:
            suggestions.attributes.append(name)
    return one


def contracts_input(source: Source, columns: Mapping[str, Profile], profiles: Mapping[str, Profile]) -> SuggestedInput:
    """Map contract periods; rows that are marked as cancellations end a period, and are none."""
    one = plain_input(source, "subscriptions", columns)
    taken = {mapped.expression for mapped in one.columns}
    for name, profile in profiles.items():
        if name not in taken and says_cancelled(profile):
            listed = ", ".join(quoted(value) for value in YES)
            one.options["cancels"] = (
                f"lower(trim({identifier(name)}::VARCHAR)) IN ({listed})",
                f"rows that end a contract early; {profile.evidence}",
            )
            break
    return one


def interactions_input(source: Source, columns: Mapping[str, Profile]) -> SuggestedInput:
    """Map contacts with customers, and what they did."""
    one = plain_input(source, "interactions", columns)
    kinds = interaction_kinds()
    listed = ", ".join(sorted(kinds))
    if "kind" not in columns:
        one.columns.append(SuggestedColumn("kind", "'visit'", "no column names the kind of event"))
        one.questions.append(f"What are these events? 'visit' is taken; Encore knows {listed}.")
    elif not set(columns["kind"].examples) <= set(kinds):
        one.questions.append(
            f"{columns['kind'].name} has values such as {', '.join(columns['kind'].examples)}; features are made of "
            f"{listed}. Translate them with CASE … WHEN … THEN … END."
        )
    return one


def plain_input(source: Source, table: TableName, columns: Mapping[str, Profile]) -> SuggestedInput:
    """Map a source to a table by the names of its columns."""
    one = SuggestedInput(table, source, by_name(table, columns))
    say_how_written(source, table, columns, one)
    return one


def by_name(table: TableName, columns: Mapping[str, Profile], but: Sequence[str] = ()) -> list[SuggestedColumn]:
    """Return the columns of a table that a source has, as they are."""
    names = [column.name for column in CONTRACT[table].mapped if column.name in columns and column.name not in but]
    return [SuggestedColumn(name, columns[name].name, columns[name].evidence) for name in names]


def say_how_written(source: Source, table: TableName, columns: Mapping[str, Profile], one: SuggestedInput) -> None:
    """Say how dates and numbers are written, and ask where that is not plain."""
    types = {column.name: column.type for column in CONTRACT[table].mapped}
    moments = [p for name, p in columns.items() if types.get(name) in {"TIMESTAMPTZ", "DATE"}]
    formats = tuple(dict.fromkeys(text for profile in moments for text in profile.formats))
    if formats and formats != (ISO,):
        # ISO 8601 is no strptime format; beside others its usual ways are written out
        iso = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d")
        written = [way for name in formats for way in (iso if name == ISO else (name,))]
        one.options["dates"] = written, f"these read the values of {', '.join(p.name for p in moments)}"
    for profile in moments:
        if profile.ambiguous is not None:
            one.questions.append(
                f"{profile.name}: day and month could be the other way round, {profile.ambiguous}; every value "
                f"seen fits both, such as {profile.examples[0]}. Which is it?"
            )
    numbers = [p for name, p in columns.items() if name in {"amount", "unit_price", "price", "discount", "value"}]
    if any(profile.decimal == "," for profile in numbers):
        one.options["decimal"] = ",", f"values such as {next(p for p in numbers if p.decimal == ',').examples[0]}"
    currencies = sorted({sign for profile in numbers for sign in profile.currencies})
    if len(currencies) > 1:
        one.questions.append(
            f"Amounts are in {', '.join(currencies)}. Encore counts in one currency: name the others in skip, with "
            "currency(…) <> '…', or convert them in the mapping of amount."
        )
    if source.item.encoding is not None:
        one.options["encoding"] = source.item.encoding, "no UTF-8; guessed from the bytes"
        one.questions.append(f"Are the texts readable with encoding {source.item.encoding}? It was guessed.")
