"""Which learner is taken: by cross-validated Qini, measured on customers that no part of it learned from."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.arrays import Floats
from training.evaluation.bootstrap import Estimate
from training.uplift.experiment import Experiment
from training.uplift.learners import LEARNERS, Learner
from training.uplift.qini import Measured, Ranking, measure


@dataclass(frozen=True)
class Choice:
    """The learner of an action.

    Attributes
    ----------
    qini
        The coefficient of each learner, with an interval that holds for all of them together.
    distance
        The mean squared distance of each learner's lift to the scores of the customers.
    """

    learner: Learner
    qini: Mapping[Learner, Estimate]
    distance: Mapping[Learner, float]


def choose(rows: Experiment, lifts: Mapping[Learner, Floats], scores: Floats) -> Choice:
    """Choose the learner with the highest coefficient.

    Of those that do not differ from it measurably (the paired interval of the difference includes 0), the one is
    taken whose lift is nearest to the scores: what a contact is worth needs its size, not only its rank.

    Parameters
    ----------
    lifts
        Of each row, by parts that did not see its customer.
    """
    rankings = {learner: Ranking.by(lift, scores, np.arange(len(rows))) for learner, lift in lifts.items()}
    measured = measure(rows.customers, rankings, questions=len(LEARNERS))
    distance = {learner: float(np.mean((scores - lift) ** 2)) for learner, lift in lifts.items()}
    return Choice(_nearest(measured, distance), {name: measured.estimate(name) for name in lifts}, distance)


def _nearest(measured: Measured[Learner], distance: Mapping[Learner, float]) -> Learner:
    best = max(distance, key=lambda learner: measured.points[learner][0])
    alike = [learner for learner in distance if learner == best or measured.gain(best, learner).low <= 0]
    return min(alike, key=distance.__getitem__)
