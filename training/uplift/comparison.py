"""Two uplift models on the same customers, each by parts that did not see them."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from core.arrays import Floats
from core.errors import DataError
from training.evaluation.comparison import Comparison, Difference
from training.uplift.dataset import UpliftSet
from training.uplift.evaluation import Subject
from training.uplift.model import UpliftModel
from training.uplift.qini import Ranking, measure

DECIDING = "qini"
_CHALLENGER, _CHAMPION = "challenger", "champion"


def compare_uplift(challenger: UpliftModel, champion: UpliftModel, rows: UpliftSet) -> Comparison:
    """Measure both on the same scores of the same customers.

    The coefficient is the mean over actions that both know, by rows. The scores rest on the mean of what both expect,
    so that they favour neither.

    Raises
    ------
    DataError
        If there is no action that both know and that has outcomes.
    """
    ours = {one.action: one for one in subjects_of(challenger, rows)}
    theirs = {one.action: one for one in subjects_of(champion, rows)}
    shared = sorted(set(ours) & set(theirs))
    if not shared:
        raise DataError(
            f"Expected an action that both versions know and that has outcomes, found {', '.join(ours) or 'none'} and "
            f"{', '.join(theirs) or 'none'}.",
            "Train again when outcomes of such an action are known.",
        )
    rankings = {}
    for action in shared:
        pair = {_CHALLENGER: ours[action], _CHAMPION: theirs[action]}
        experiment = ours[action].rows
        base, lift = (
            np.mean([getattr(one.answers, name) for one in pair.values()], axis=0) for name in ("base", "lift")
        )
        scores = experiment.scores(base, lift)
        for name, one in pair.items():
            rankings[action, name] = Ranking.by(one.answers.lift, scores, experiment.places)
    measured = measure(rows.customers, rankings)
    sizes = np.array([len(ours[action].rows) for action in shared], dtype="float64")
    shares = sizes / sizes.sum()

    def pooled(values: Mapping[tuple[str, str], Floats], name: str) -> Floats:
        return np.tensordot(shares, np.array([values[action, name] for action in shared]), axes=1)

    both = (_CHALLENGER, _CHAMPION)
    every = replace(
        measured,
        points={("", name): pooled(measured.points, name) for name in both},
        draws={("", name): pooled(measured.draws, name) for name in both},
    )
    gain = every.gain(("", _CHALLENGER), ("", _CHAMPION))
    points = [float(every.points["", name][0]) for name in both]
    days = np.unique(rows.snapshots.astype("datetime64[D]")).astype(str)
    return Comparison(
        deciding=DECIDING,
        snapshots=tuple(days.tolist()),
        rows=len(rows),
        customers=len(set(rows.customers)),
        metrics={DECIDING: Difference(points[0], points[1], gain)},
        sizes=None,
    )


def subjects_of(model: UpliftModel, rows: UpliftSet) -> tuple[Subject, ...]:
    """Return the actions that a version and the rows have."""
    inputs = model.matrix(rows.columns(model.attributes), {}, len(rows))
    learned = {one.action: one for one in model.learned}
    return tuple(
        Subject(learned[one.action], one, inputs[one.places]) for one in rows.experiments if one.action in learned
    )
