"""Records of the score table, kept each time that it is computed ahead: what there is now, and what there was before.

The first record by some versions of the models comes with records of earlier moments, so that a comparison with the
past does not have to wait, and is never one of two models. Those were computed later, from what was known then.
"""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
import structlog

from core.errors import EncoreError
from core.progress import Report, part_of, silent, track
from serving.overview.past import moments_before, past_records
from serving.parts.churn import ChurnEngine
from serving.scoring.deployment import Deployment
from serving.scoring.score_history import COLUMNS, ScoreHistory
from serving.scoring.score_table import ScoreTable
from training.churn.settings import ChurnSettings
from training.customer_value.settings import ValueSettings

#: Columns of the score table that are called otherwise in a record.
_CALLED = {"reason_1": "reason"}
_NUMBERS = ("risk", "amount", "value_at_risk")
_log = structlog.get_logger(__name__)


def models_of(deployment: Deployment) -> tuple[str, ...]:
    """Return the versions that decide what a record says: of churn and of value."""
    models = deployment.models
    return tuple(
        models[name].version.label for name in (ChurnSettings.section, ValueSettings.section) if name in models
    )


def keep_history(
    deployment: Deployment,
    table: ScoreTable,
    customers: Sequence[str],
    as_of: datetime,
    made: datetime,
    report: Report = silent,
) -> int:
    """Keep a record of the score table; once more replaces it.

    Parameters
    ----------
    customers
        Those whose scores were computed. Other rows of the table are older.

    Returns
    -------
    How many records were written; none where there is no churn model.
    """
    if deployment.error(ChurnEngine) is not None:
        return 0
    history, models = ScoreHistory(deployment.ground.settings), models_of(deployment)
    before = 0
    # the record of now is written last: without it, those of before are written once more
    if all(one.later for one in history.recorded(models)):
        before = _keep_past(deployment, history, customers, as_of, made, part_of(report, 0.0, 0.9))
    history.write(_now(table, customers), as_of, made, models, later=False)
    return before + 1


def _keep_past(
    deployment: Deployment,
    history: ScoreHistory,
    customers: Sequence[str],
    as_of: datetime,
    made: datetime,
    report: Report,
) -> int:
    try:
        moments = moments_before(deployment, as_of, len(customers))
        records = past_records(deployment, customers, moments)
        for moment in track(report, moments, lambda one: f"{one:%Y-%m-%d}"):
            at, record = next(records)
            assert at == moment  # noqa: S101 - both in order
            history.write(record, at, made, models_of(deployment), later=True)
    except EncoreError as error:
        # scores answer without a past; it grows from now on
        _log.warning("history_begins_now", problem=error.problem)
        return 0
    return len(moments)


def _now(table: ScoreTable, customers: Sequence[str]) -> pd.DataFrame:
    found, columns = table.every()
    record = pd.DataFrame(
        {"customer_id": list(found)} | {_CALLED.get(name, name): list(column) for name, column in columns.items()}
    )
    record = record[record["customer_id"].isin(set(customers))].reindex(columns=list(COLUMNS))
    return record.assign(**{name: pd.to_numeric(record[name]) for name in _NUMBERS})
