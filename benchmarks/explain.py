"""Measure explaining in bulk: rows per second of each step, on the customers of the test snapshots.

Needs what `encore demo` leaves. One thread for single rows, all threads for TreeSHAP of many.
"""

import os
import sys
import time
from collections.abc import Callable

import numpy as np
from rich.console import Console
from rich.table import Table

from features.engine.build import built_schedule
from features.store.feature_store import Store
from serving.explain.contributions import explain
from serving.explain.language import DEFAULT
from serving.explain.playbook import load_playbook
from serving.explain.reasons import write_reasons
from serving.explain.tiers import Tiers
from serving.explain.what_if import Manner, what_would_change
from serving.explain.wording import Writer
from serving.settings import load_settings
from training.churn.dataset import churn_set
from training.churn.model import ChurnModel
from training.churn.settings import ChurnSettings
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import Tracking
from training.names import registered_name_of

_ROUNDS = 5


def main() -> None:
    """Run and print."""
    settings = load_settings()
    tracking = Tracking(settings[TrackingSettings])
    version = tracking.champion(registered_name_of(ChurnSettings.section))
    model = tracking.load(version, ChurnModel)
    schedule, _ = built_schedule(settings)
    rows = churn_set(settings, Store(settings), schedule.splits["churn"].test)
    inputs = model.inputs(rows.columns, len(rows))
    actionable, writer = load_playbook(None).actionable, Writer(DEFAULT)
    manner = Manner(writer, schedule.as_of)
    explained = explain(model, inputs, rows.columns)
    tiers = Tiers(settings[ChurnSettings].high_risk, settings[ChurnSettings].medium_risk)
    everyone = ({name: float(values[at]) for name, values in rows.columns.items()} for at in range(len(rows)))
    pairs = list(zip(everyone, model.risk(inputs).tolist(), strict=True))
    one, first = inputs[:1], {name: values[:1] for name, values in rows.columns.items()}
    steps: dict[str, tuple[int, Callable[[], object]]] = {
        "risk": (len(inputs), lambda: model.risk(inputs)),
        "TreeSHAP values": (len(inputs), lambda: model.contributions(inputs)),
        "values, and the check of each theme": (len(inputs), lambda: explain(model, inputs, rows.columns)),
        "sentences": (len(inputs), lambda: [write_reasons(e, writer, actionable) for e in explained]),
        "what would change": (len(inputs), lambda: [what_would_change(model, r, p, tiers, manner) for r, p in pairs]),
        "TreeSHAP values of one row": (1, lambda: model.contributions(one)),
        "values and check of one row": (1, lambda: explain(model, one, first)),
    }
    title = f"{version.label}: {model.method}, {len(model.features)} features; {os.cpu_count()} cores"
    table = Table("explaining", "rows/s", "ms a row", title=f"{title}, Python {sys.version.split()[0]}")
    table.columns[1].justify = table.columns[2].justify = "right"
    for name, (count, work) in steps.items():
        seconds = _best(work)
        table.add_row(name, f"{count / seconds:,.0f}", f"{1000 * seconds / count:.3f}")
    Console().print(table)


def _best(work: Callable[[], object]) -> float:
    """Return the seconds of the quickest of a few rounds; other work on the machine only ever adds."""
    times = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.min(times))


if __name__ == "__main__":
    main()
