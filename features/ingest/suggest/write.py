"""Suggestions as a commented encore.toml."""

import json
from collections.abc import Iterator
from pathlib import Path

from features.ingest.suggest.suggestions import SuggestedInput, Suggestions

_HEAD = """\
# Written by `encore init` from the exports themselves. Behind each line stands why it is there.
# What could not be decided stands here as a QUESTION; answer it, and remove the line.
# What else can be said of an input: docs/own-data.md.
"""


def as_toml(suggestions: Suggestions, timezone: str = "UTC") -> str:
    """Write a configuration that reads the sources as suggested."""
    return _HEAD + "\n".join(_lines(suggestions, timezone)) + "\n"


def _lines(suggestions: Suggestions, timezone: str) -> Iterator[str]:
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
    for one in suggestions.inputs:
        yield ""
        yield from _input(one)
    for unused in suggestions.unused:
        yield ""
        yield f"# QUESTION: {_line(unused)} fits no table. Is there something in it that counts?"
    yield ""
    yield "[time]"
    yield 'as_of = "data_end"  # "now" once new exports come in every day'
    if suggestions.contractual:
        yield ""
        yield "[churn]"
        yield 'kind = "contractual"  # there are contracts, and no order lines'
    else:
        yield ""
        yield "# [churn]  # `encore check-data` recommends an activity window and a horizon"
    if suggestions.attributes or suggestions.excluded:
        yield ""
        yield "[customers]"
        yield "# QUESTION: which attributes may the churn model read, and name as reasons?"
        yield f"# model_attributes = {json.dumps(suggestions.attributes, ensure_ascii=False)}"
        excluded = json.dumps(suggestions.excluded, ensure_ascii=False)
        yield f"excluded_attributes = {excluded}  # by their names, nothing to treat people by"


def _input(one: SuggestedInput) -> Iterator[str]:
    source = one.source
    files = f"{len(source.files)} files, " if len(source.files) > 1 else ""
    yield f"# {_line(source.name)}: {files}columns {', '.join(source.columns)}"
    yield "[[data.inputs]]"
    yield f"table = {_text(one.table)}"
    if source.item.database is not None:
        yield "# a password is better taken from the environment, as ${DB_PASSWORD}, than written here"
        yield f"database = {_text(source.item.database)}"
        yield f"query = {_text(str(source.item.query))}"
    else:
        yield f"path = {_text(str(source.item.path))}"
    for name, (value, evidence) in one.options.items():
        yield f"{name} = {json.dumps(value, ensure_ascii=False)}  # {_line(evidence)}"
    for question in one.questions:
        yield f"# QUESTION: {_line(question)}"
    yield "[data.inputs.columns]"
    for mapped in one.columns:
        if mapped.expression is None:
            yield f"# QUESTION: {_line(mapped.evidence)}"
            yield f'# {mapped.column} = "…"'
        else:
            yield f"{mapped.column} = {_text(mapped.expression)}  # {_line(mapped.evidence)}"
    if one.skip:
        yield "[data.inputs.skip]"
        for name, condition, evidence in one.skip:
            yield f"{name} = {_text(condition)}  # {_line(evidence)}"


def _text(value: str) -> str:
    """Write a TOML string; JSON's escapes are TOML's."""
    return json.dumps(value, ensure_ascii=False)


def _line(text: str) -> str:
    return " ".join(text.split())


def _shown(root: Path) -> str:
    here = Path.cwd()
    return root.relative_to(here).as_posix() if root.is_relative_to(here) else root.as_posix()
