"""Inputs of the tables other than order lines, and how dates, numbers and texts of an input are written."""

import re
from collections.abc import Mapping, Sequence
from datetime import date

from core.sql import identifier, quoted
from features.contract.events import interaction_kinds
from features.contract.tables import CONTRACT, TableName
from features.ingest.suggest.match import is_code, is_outcome, is_person, is_sensitive, listed_words, zone_of
from features.ingest.suggest.profile import EPOCH, ISO, Profile
from features.ingest.suggest.seen import CONTRACTS, EVENTS, GOODS, PEOPLE, Seen
from features.ingest.suggest.suggestions import SuggestedColumn, SuggestedInput, Suggestions

#: An attribute with more different values is a text about the customer, and no group of customers.
_GROUPS = 50
#: Longer texts of a moment have the time of the day in them.
_DAY_ONLY = 11


def products_input(seen: Seen, columns: Mapping[str, Profile]) -> SuggestedInput:
    """Map columns of products; rows that name no product are skipped."""
    own = {role: profile for role, profile in columns.items() if role in GOODS}
    one = plain_input(seen, "products", own)
    if "type" not in own and "category" in own:
        one.columns.append(SuggestedColumn("type", own["category"].name, "no finer column; offers of types need one"))
    identity = own["product_id"]
    if identity.filled < 1:
        blank = f"canonical({identifier(identity.name)}) IS NULL"
        one.skip.append(("unnamed", blank, f"{1 - identity.filled:.1%} of the rows"))
    return one


def customers_input(seen: Seen, suggestions: Suggestions) -> SuggestedInput:
    """Map columns of customers; possible attributes, and those that should be excluded, go to the suggestions."""
    one = plain_input(seen, "customers", seen.roles(PEOPLE))
    one.columns = [mapped for mapped in one.columns if mapped.column not in {"churned", "snapshot"}]
    note_attributes(seen, suggestions)
    return one


def note_attributes(seen: Seen, suggestions: Suggestions) -> None:
    """Sort the further columns of customers: attributes that models may read, sensitive ones, and outcomes."""
    roles = seen.roles(PEOPLE)
    if "acquisition_channel" in roles and "acquisition_channel" not in suggestions.attributes:
        # mapped under this name, and an attribute as others are
        suggestions.attributes.append("acquisition_channel")
    taken = {profile.name for profile in roles.values()}
    for name, profile in seen.profiles.items():
        known = {*taken, *suggestions.excluded, *suggestions.outcomes, *suggestions.attributes}
        is_group = 2 <= profile.distinct <= _GROUPS and profile.filled > 0.5
        is_size = profile.is_number and profile.distinct > 1 and not is_code(name)
        if name in known or profile.is_moment or is_person(name) or not (is_group or is_size):
            continue
        kinds = ((is_sensitive, suggestions.excluded), (is_outcome, suggestions.outcomes))
        next((names for belongs, names in kinds if belongs(name)), suggestions.attributes).append(name)


def labels_input(seen: Seen, suggestions: Suggestions) -> list[SuggestedInput]:
    """Map a table with the business's own label, and what it says of the customers."""
    roles = seen.roles(PEOPLE)
    one = SuggestedInput("labels", seen.export, [column("customer_id", roles["customer_id"])])
    label = roles["churned"]
    yes = _yes(label)
    one.columns.append(
        SuggestedColumn(
            "churned", f"known({identifier(label.name)}) IN ({', '.join(map(quoted, yes))})", label.evidence
        )
    )
    one.questions.append(f"Does {' or '.join(yes)} in {label.name} mean that the customer has left?")
    if "snapshot" in roles:
        one.columns.append(column("snapshot", roles["snapshot"]))
    else:
        one.questions.append(
            "At which moment was this known of the customers? No column says it, so that customers are split at random "
            "and the figures are optimistic. If there is one, map `snapshot`."
        )
    say_how_written("labels", roles, one)
    people = customers_input(seen, suggestions)
    return [one, people] if suggestions.attributes or suggestions.outcomes else [one]


def _yes(label: Profile) -> list[str]:
    """Return the value of a label that says that a customer has left: the affirmative one, else the rarer one."""
    found = [text for text in label.examples if text.lower() in listed_words("affirmative")]
    return found or list(label.examples[-1:])


def interactions_input(seen: Seen) -> SuggestedInput:
    """Map contacts with customers, and what they did."""
    columns = seen.roles(EVENTS)
    one = plain_input(seen, "interactions", columns)
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


def subscriptions_input(seen: Seen) -> SuggestedInput:
    """Map contract periods, and rows that end one early."""
    columns = seen.roles(CONTRACTS)
    one = plain_input(seen, "subscriptions", {role: p for role, p in columns.items() if role != "is_cancel"})
    if "is_cancel" in columns:
        cancel = columns["is_cancel"]
        yes = _yes(cancel)
        one.options["cancels"] = (
            f"known({identifier(cancel.name)}) IN ({', '.join(map(quoted, yes))})",
            f"rows that end a contract early; {cancel.evidence}",
        )
    end = columns.get("end_timestamp")
    if end is not None and (end.filled < 1 or any(_is_far(text) for text in end.examples)):
        one.questions.append(
            f"{end.name} is blank or far away where a contract runs on, so that it is written when a customer leaves: "
            "until an end has come nobody is taken to know it. If ends were agreed at the start, map "
            "end_known_timestamp to the start."
        )
    return one


def _is_far(text: str) -> bool:
    years = [int(part) for part in re.findall(r"\d{4}", text)]
    return any(year > date.today().year + 20 for year in years)  # noqa: DTZ011 - a matter of decades


def plain_input(seen: Seen, table: TableName, columns: Mapping[str, Profile]) -> SuggestedInput:
    """Map an export to a table by the roles of its columns."""
    one = SuggestedInput(table, seen.export, by_role(table, columns), questions=list(seen.notes))
    say_how_written(table, columns, one)
    return one


def by_role(table: TableName, columns: Mapping[str, Profile], but: Sequence[str] = ()) -> list[SuggestedColumn]:
    """Return the columns of a table that an export has, as they are."""
    names = [name.name for name in CONTRACT[table].mapped if name.name in columns and name.name not in but]
    return [column(name, columns[name]) for name in names]


def column(name: str, profile: Profile) -> SuggestedColumn:
    """Map a contract column to a source's column; e-mail addresses are one in any case of their letters."""
    expression = profile.name
    if name == "customer_id" and any("@" in text for text in profile.examples):
        expression = f"lower({identifier(profile.name)})"
    elif profile.formats == (EPOCH,):
        parts = f"number({identifier(profile.name)})"
        thousand = {13: " / 1000", 16: " / 1000000"}.get(len(profile.examples[0]), "")
        expression = f"to_timestamp({parts}{thousand})"
    return SuggestedColumn(name, expression, profile.evidence)


def say_how_written(table: TableName, columns: Mapping[str, Profile], one: SuggestedInput) -> None:
    """Say how dates and numbers are written, and ask where that is not plain."""
    types = {column.name: column.type for column in CONTRACT[table].mapped}
    moments = [p for name, p in columns.items() if types.get(name) in {"TIMESTAMPTZ", "DATE"}]
    time, moment = columns.get("time_of_day"), columns.get("event_timestamp")
    if time is not None and moment is not None and len(moment.examples[0]) <= _DAY_ONLY:
        _with_time(one, moment, time)
        moments.remove(moment)
    formats = tuple(dict.fromkeys(text for profile in moments for text in profile.formats))
    if set(formats) - {ISO, EPOCH}:
        # ISO 8601 is no strptime format; beside others its usual ways are written out
        iso = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")
        written = [way for name in formats if name != EPOCH for way in (iso if name == ISO else (name,))]
        # %Y reads a year of two digits too, as one of antiquity
        written.sort(key=lambda way: "%y" not in way)
        one.options["dates"] = list(dict.fromkeys(written)), f"these read {', '.join(p.name for p in moments)}"
    numbers = [p for p in columns.values() if p.is_number and not p.is_moment]
    if any(profile.decimal == "," for profile in numbers):
        one.options["decimal"] = ",", f"values such as {next(p for p in numbers if p.decimal == ',').examples[0]}"
    _say_zone(columns.get("time_zone"), one)
    _say_file(one)


def _say_zone(zone: Profile | None, one: SuggestedInput) -> None:
    name = zone_of(zone.examples[0]) if zone is not None else None
    if zone is None or name is None:
        return
    one.options["timezone"] = name, f"{zone.name} says {zone.examples[0]}"
    if zone.distinct > 1:
        one.questions.append(f"{zone.name} has {zone.distinct} zones; the most frequent is taken. Is that right?")


def _say_file(one: SuggestedInput) -> None:
    """Say how the file of an input is read; that of a query says its sources."""
    item = one.export.item
    if item.path is not None:
        for key in ("header_line", "sheet"):
            if getattr(item, key) != type(item).model_fields[key].default:
                one.options[key] = getattr(item, key), "found in the file"
        if item.encoding is not None:
            one.options["encoding"] = item.encoding, "no UTF-8; guessed from the bytes"
    encodings = {source.encoding for source in one.export.sources.values()} | {item.encoding}
    for encoding in sorted(encodings - {None}, key=str):
        one.questions.append(f"Are the texts readable with encoding {encoding}? It was guessed.")


def _with_time(one: SuggestedInput, day: Profile, time: Profile) -> None:
    """Read a day and a time of the day as one moment."""
    clock = "%I:%M:%S %p" if any("m" in text.lower() for text in time.examples) else "%H:%M:%S"
    short = time.examples[0].count(":") == 1
    clock = clock.replace(":%S", "") if short else clock
    days = [way if way != ISO else "%Y-%m-%d" for way in day.formats]
    both = f"{identifier(day.name)} || ' ' || {identifier(time.name)}"
    ways = ", ".join(quoted(f"{way} {clock}") for way in days)
    one.change("event_timestamp", f"moment({both}, [{ways}])", f"{day.name} and {time.name} together")
