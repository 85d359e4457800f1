"""Measure recalibration: calibration error on the last test snapshot before and after, and after shifts of the rate.

Needs what `encore demo` leaves. A shift draws, once for all, which customers are seen: of those who stay or of those
who leave only a share, at the snapshots that the calibration is fitted to and at the one that it is measured on.
"""

from datetime import datetime

import numpy as np
from rich.console import Console
from rich.table import Table

from serving.settings import load_settings
from training.churn.dataset import ChurnSet, churn_set
from training.churn.model import ChurnModel
from training.churn.pipeline import CHURN
from training.churn.recalibration import newest_labels, recalibrated
from training.churn.settings import ChurnSettings
from training.evaluation.metrics import expected_calibration_error
from training.lifecycle.runner import champion

#: Shares of those who stay, and of those who leave, that are seen.
_SHIFTS = {
    "as it is": (1.0, 1.0),
    "half of those who stay": (0.5, 1.0),
    "a quarter of those who stay": (0.25, 1.0),
    "half of those who leave": (1.0, 0.5),
    "a quarter of those who leave": (1.0, 0.25),
}


def main() -> None:
    """Run and print."""
    settings = load_settings()
    loaded = champion(CHURN, settings)
    model, context = loaded.artifact, loaded.context
    churn = settings[ChurnSettings]
    newest = newest_labels(context.schedule, context.split, churn, datetime.min.replace(tzinfo=model.labels_end.tzinfo))
    fitted, tests = (
        churn_set(settings, context.store, moments, model.attributes) for moments in (newest, context.split.test[-1:])
    )
    table = Table("customers", "churn", "error before", "after", "of before", title=loaded.version.label)
    for name, shares in _SHIFTS.items():
        test = _drawn(tests, *shares)
        followed = recalibrated(model, _drawn(fitted, *shares), newest, churn)
        before, after = _error(model, test), _error(followed, test)
        table.add_row(name, f"{test.churned.mean():.1%}", f"{before:.3f}", f"{after:.3f}", f"{after / before:.2f}")
    Console().print(table)


def _drawn(rows: ChurnSet, staying: float, leaving: float) -> ChurnSet:
    drawn = np.random.default_rng(11).uniform(size=len(rows))
    return rows.rows(drawn < np.where(rows.churned == 1, leaving, staying))


def _error(model: ChurnModel, rows: ChurnSet) -> float:
    return expected_calibration_error(rows.churned, model.risk(model.inputs(rows.columns, len(rows))))


if __name__ == "__main__":
    main()
