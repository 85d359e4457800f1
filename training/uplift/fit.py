"""Fit the model of an action: grow every learner, choose one, and measure the effect by tenth of its lift."""

import numpy as np

from core.arrays import Floats, Ints
from core.progress import Report, silent
from training.uplift.action import ActionModel
from training.uplift.choice import choose
from training.uplift.experiment import Experiment
from training.uplift.grow import Ground, grow_all
from training.uplift.tenths import tenths_of


def fit_action(rows: Experiment, inputs: Floats, folds: Ints, threads: int = 1, report: Report = silent) -> ActionModel:
    """Learn an action's effect.

    The result is the average of the parts of the chosen learner. Nothing is grown again on all rows: what answers is
    what was measured.

    Parameters
    ----------
    inputs
        Of the rows of the experiment, rows x features.
    folds
        Of each row, from 0 on; all rows of a customer are in the same one.
    """
    count = int(folds.max()) + 1
    grown = grow_all(Ground(rows, inputs, folds, count, threads), report)
    base = grown.base.unseen(inputs, folds)
    scores = rows.scores(base, grown.treated.unseen(inputs, folds) - base)
    # an effect cannot make a probability leave [0, 1]
    lifts = {learner: np.clip(one.unseen(inputs, folds), -base, 1 - base) for learner, one in grown.learners.items()}
    choice = choose(rows, lifts, scores)
    return ActionModel(
        action=rows.action,
        learner=choice.learner,
        folds=count,
        base=grown.base,
        lift=grown.learners[choice.learner],
        revenue=grown.revenue,
        qini=choice.qini,
        tenths=tenths_of(lifts[choice.learner], scores),
    )
