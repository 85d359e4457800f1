"""A churn model whose calibration is fitted to the newest labels, without training."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from features.snapshots import Schedule, Split
from training.churn.dataset import ChurnSet
from training.churn.model import ChurnModel
from training.churn.settings import ChurnSettings
from training.evaluation.calibration import calibrate

#: As many of the newest snapshots are pooled: the rows of one alone may be few.
_POOLED = 3


def newest_labels(schedule: Schedule, split: Split, churn: ChurnSettings, after: datetime) -> tuple[datetime, ...]:
    """Return the newest snapshots whose labels end by the last test snapshot, so that it is new to them.

    Parameters
    ----------
    after
        Where the labels end that the model has learned from.

    Returns
    -------
    In ascending order; none where no label ends later than those that it knows.
    """
    reach = timedelta(days=churn.label_days)
    known = sorted({*schedule.grid, *split.every})
    over = [moment for moment in known if moment + reach <= split.test[-1]] if split.test else []
    newest = over[-_POOLED:]
    return tuple(newest) if newest and newest[-1] + reach > after else ()


def recalibrated(model: ChurnModel, rows: ChurnSet, snapshots: Sequence[datetime], churn: ChurnSettings) -> ChurnModel:
    """Fit the calibration of a model to labelled rows.

    Parameters
    ----------
    snapshots
        Those of the rows, in ascending order.
    """
    margins = model.margin(model.inputs(rows.columns, len(rows)))
    return replace(
        model,
        calibration=calibrate(margins, rows.churned),
        labels_end=snapshots[-1] + timedelta(days=churn.label_days),
        origin=replace(model.origin, validation_snapshots=tuple(f"{moment:%Y-%m-%d}" for moment in snapshots)),
    )
