"""Suggestions as a commented encore.toml."""

import json
from collections.abc import Iterator
from pathlib import Path

from features.ingest.suggest.exports import Export
from features.ingest.suggest.suggestions import SuggestedInput, Suggestions

_HEAD = """\
# Written by `encore init` from the exports themselves. Behind each line stands why it is there.
# What could not be decided stands here as a QUESTION; answer it, and remove the line.
# What else can be said of an input: docs/own-data.md.
"""

#: Columns of an export that are listed.
_SHOWN = 16
#: Why churn is defined otherwise than by purchases.
_KINDS = {"contractual": "there are contracts, and no order lines", "labelled": "the business has its own label"}


def as_toml(suggestions: Suggestions, timezone: str = "UTC") -> str:
    """Write a configuration that reads the exports as suggested."""
    tried = [f"# {_line(text)}" for text in suggestions.trial]
    head = _HEAD + "".join(f"{line}\n" for line in (["# Tried on all rows:", *tried] if tried else []))
    return head + "\n".join(_lines(suggestions, timezone)) + "\n"


def _lines(suggestions: Suggestions, timezone: str) -> Iterator[str]:
    yield from _data(suggestions, timezone)
    for one in suggestions.inputs:
        yield ""
        yield from _input(one)
    for unused in suggestions.unused:
        yield ""
        yield f"# QUESTION: {_line(unused)}. Is there something in it that counts?"
    if suggestions.unread:
        yield ""
        yield from (f"# Not read: {_line(unread)}" for unread in suggestions.unread)
    yield ""
    if suggestions.kind is None:
        yield "# After `encore ingest`, `encore check-data --apply` writes how churn is best defined for these data."
    yield "[time]"
    yield 'as_of = "data_end"  # "now" once new exports come in every day'
    yield ""
    yield "[texts]"
    yield '# currency = "EUR"  # of the amounts in reasons and offers; see docs/explanations.md'
    if suggestions.kind is not None:
        yield ""
        yield "[churn]"
        yield f'kind = "{suggestions.kind}"  # {_KINDS[suggestions.kind]}'
    if suggestions.attributes or suggestions.excluded or suggestions.outcomes:
        yield ""
        yield from _customers(suggestions)


def _data(suggestions: Suggestions, timezone: str) -> Iterator[str]:
    yield ""
    yield "[data]"
    yield 'source = "files"'
    yield f"root = {_text(_shown(suggestions.root))}"
    yield "# QUESTION: in which time zone are moments that carry none?"
    yield f"timezone = {_text(timezone)}"
    if suggestions.keys:
        yield ""
        yield "[data.keys]"
        for table, (key, evidence) in suggestions.keys.items():
            yield f"{table} = {json.dumps(list(key))}  # {evidence}"
    for name, source in suggestions.sources.items():
        yield ""
        yield f"[data.sources.{name}]  # as the queries below call it"
        for option, value in source.model_dump(exclude_defaults=True).items():
            yield f"{option} = {json.dumps(value, ensure_ascii=False)}"


def _customers(suggestions: Suggestions) -> Iterator[str]:
    attributes = json.dumps(suggestions.attributes, ensure_ascii=False)
    excluded = json.dumps([*suggestions.excluded, *suggestions.outcomes], ensure_ascii=False)
    yield "[customers]"
    yield "# QUESTION: which attributes may the churn model read, and name as reasons? Only those that were known then."
    # without attributes there is nothing to learn from where a label is all that is known
    yield f"{'' if suggestions.kind == 'labelled' else '# '}model_attributes = {attributes}"
    if suggestions.outcomes:
        yield f"# {', '.join(suggestions.outcomes)} say what became of a customer, or add up until now: never inputs"
    yield f"excluded_attributes = {excluded}  # by their names: nothing to treat people by, or known too late"


def _input(one: SuggestedInput) -> Iterator[str]:
    yield from _origin(one.export)
    yield f"table = {_text(one.table)}"
    if one.export.item.database is not None:
        yield "# a password is better taken from the environment, as ${DB_PASSWORD}, than written here"
        yield f"database = {_text(one.export.item.database)}"
    if one.export.item.query is not None:
        yield f"query = {_text(one.export.item.query)}"
    else:
        yield f"path = {_text(str(one.export.item.path))}"
    for name, (value, evidence) in one.options.items():
        yield f"{name} = {json.dumps(value, ensure_ascii=False)}  # {_line(evidence)}"
    for question in one.questions:
        yield f"# QUESTION: {_line(question)}"
    yield from _columns(one)
    if one.skip:
        yield "[data.inputs.skip]"
        for name, condition, evidence in one.skip:
            yield f"{name} = {_text(condition)}  # {_line(evidence)}"


def _columns(one: SuggestedInput) -> Iterator[str]:
    yield "[data.inputs.columns]"
    for mapped in one.columns:
        if mapped.expression is None:
            yield f"# QUESTION: {_line(mapped.evidence)}"
            yield f'# {mapped.column} = "…"'
        else:
            yield f"{mapped.column} = {_text(mapped.expression)}  # {_line(mapped.evidence)}"


def _origin(export: Export) -> Iterator[str]:
    files = f"{len(export.files)} files, " if len(export.files) > 1 else ""
    names = list(export.columns[:_SHOWN])
    more = f" and {len(export.columns) - _SHOWN} more" if len(export.columns) > _SHOWN else ""
    yield f"# {_line(export.name)}: {files}columns {_line(', '.join(names))}{more}"
    yield "[[data.inputs]]"


def _text(value: str) -> str:
    """Write a TOML string; JSON's escapes are TOML's."""
    return json.dumps(value, ensure_ascii=False)


def _line(text: str) -> str:
    return " ".join(text.split())


def _shown(root: Path) -> str:
    here = Path.cwd()
    return root.relative_to(here).as_posix() if root.is_relative_to(here) else root.as_posix()
