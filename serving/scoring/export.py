"""All active customers at once: the exported lists, and scores kept for the API."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from core.errors import ConfigError, DataError
from core.files import remove_unfinished, replacing_file
from core.progress import Report, batches, silent, track
from core.spreadsheets import ENCODING, LINE_END, guarded
from serving.explain.language import LANGUAGES, Language
from serving.scoring.deployment import Deployment
from serving.scoring.part import WITH_VALUES, Question
from serving.scoring.service import ScoredCustomer, ScoringService

#: Customers who are scored together.
BATCH = 500
#: A row of a list, by columns.
Row = dict[str, Any]
_Value = TypeVar("_Value")


def numbered(name: str, values: Sequence[_Value], count: int) -> dict[str, _Value | None]:
    """Spread the first values over numbered columns; None where there are fewer."""
    return {f"{name}_{place}": values[place - 1] if place <= len(values) else None for place in range(1, count + 1)}


def materialize_scores(
    service: ScoringService,
    deployment: Deployment,
    customers: Sequence[str],
    as_of: datetime,
    parts: Sequence[str],
    report: Report = silent,
) -> None:
    """Compute parts of every customer's answer, in all languages, and keep them in the score table.

    Columns are the same in every language: a part whose answers are not kept is computed in the first one alone.
    """
    questions = [Question((), tuple(parts), language) for language in LANGUAGES]
    kept = [replace(one, parts=service.keeps(deployment, one, as_of)) for one in questions[1:]]
    work = [(one, batch) for one in (questions[0], *kept) for batch in batches(customers, BATCH)]
    for question, batch in track(report, work, lambda one: one[0].language):
        service.prepare(deployment, replace(question, customers=tuple(batch)), as_of)


def score_rows(
    service: ScoringService,
    deployment: Deployment,
    customers: Sequence[str],
    as_of: datetime,
    languages: Sequence[Language],
    *,
    live: bool = False,
) -> list[Row]:
    """Return what every part adds to lists about some customers. One row per active customer.

    Parameters
    ----------
    languages
        Texts have a column for each, such as `reason_text_1_en`.
    live
        Compute, and keep nothing in the score table.
    """
    parts = tuple(name for name, part in service.parts.items() if part.exported(None) or part.texts(None))
    rows: dict[str, Row] = {}
    for language in languages:
        reply = service.answer(deployment, Question(tuple(customers), parts, language, live=live), as_of)
        for one in reply.customers:
            if one.feature_timestamp is not None:
                row = rows.get(one.customer_id) or _row(service, deployment, one, parts)
                rows[one.customer_id] = row | _texts(service, one, parts, language)
    return [row for row in rows.values() if row.get("risk") is not None]


def export_scores(scored: Iterable[list[Row]], as_of: datetime, output: Path) -> int:
    """Write rows of `score_rows` about all customers, as Parquet or CSV; highest risk first.

    Returns
    -------
    The number of rows.

    Raises
    ------
    ConfigError
        If the file's ending is neither .parquet nor .csv.
    DataError
        If no customer is active.
    """
    if output.suffix not in {".parquet", ".csv"}:
        raise ConfigError(f"Expected a file ending in .parquet or .csv, found {output.name!r}.", "Rename --output.")
    rows = [row for some in scored for row in some]
    if not rows:
        raise DataError(
            f"Expected customers in the online store who are active at {as_of:%Y-%m-%d}, found none.",
            "Choose a longer churn.activity_window_days, or ingest newer data.",
        )
    frame = pd.DataFrame(rows).sort_values("risk", ascending=False, ignore_index=True)
    write_list(frame, output)
    return len(frame)


def write_list(frame: pd.DataFrame, output: Path) -> None:
    """Write a list as Parquet or, with an ending .csv, for spreadsheet programs.

    Texts that such a program could run as formulas are guarded in CSV, and as they are in Parquet.
    """
    remove_unfinished(output.parent, below=False)  # of a list that was killed, wherever it is
    with replacing_file(output) as new:
        if output.suffix == ".csv":
            frame.map(_cell).to_csv(new, index=False, encoding=ENCODING, lineterminator=LINE_END)
        else:
            frame.to_parquet(new, index=False)


def _cell(value: object) -> object:
    return guarded(value) if isinstance(value, str) else value


def _row(service: ScoringService, deployment: Deployment, one: ScoredCustomer, parts: Sequence[str]) -> Row:
    row: Row = {"customer_id": one.customer_id, "as_of": one.as_of}
    versions: dict[str, str | None] = {}
    for name in parts:
        part, answer = service.parts[name], one.parts[name]
        usable = answer.field("status") in WITH_VALUES
        row |= part.exported(answer.value if usable else None)
        if part.engine is not None:
            model = part.engine.model
            versions[model] = versions.get(model) or (answer.value.model if usable else None)
    for model, version in versions.items():
        grade = deployment.ground.models.grades.get(version) if version else None
        row |= {f"{model}_model": version, f"{model}_model_grade": grade}
    return row


def _texts(service: ScoringService, one: ScoredCustomer, parts: Sequence[str], language: Language) -> Row:
    row: Row = {}
    for name in parts:
        answer = one.parts[name]
        usable = answer.field("status") in WITH_VALUES
        texts = service.parts[name].texts(answer.value if usable else None)
        row |= {f"{column}_{language}": text for column, text in texts.items()}
    return row
